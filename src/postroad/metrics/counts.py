"""Counters and histograms as plain objects, for the event loop's thread alone.

The hot paths count here: an addition to a dictionary's value, a bisection. Text for Prometheus is made when it is
asked for (``postroad.api.export``), so that an hour without a scrape costs nothing. Labels are given as the ids that
the caller has at hand; names are looked up at the scrape.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable

from postroad.metrics import declared
from postroad.metrics.declared import Metric

Key = tuple[Hashable, ...]
"""Values of labels; an id stands for all labels of what it names."""


class Counter:
    """A count for each combination of labels."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.values: dict[Key, int] = {}

    def add(self, *key: Hashable, by: int = 1) -> None:
        """Count ``by`` more."""
        self.values[key] = self.values.get(key, 0) + by


class Distribution:
    """One series of a histogram."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Observations by bucket, not cumulated; the last is beyond all bounds."""
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value; below zero (a clock that stepped) it counts as zero."""
        if value < 0:
            value = 0.0
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def observe_all(self, values: list[float]) -> None:
        """``observe`` each of ``values``, which gets sorted: what comes together mostly falls into few buckets.

        32 values take a sixth of the time that they take one by one; a single value takes twice as long.
        """
        if not values:
            return
        values.sort()
        if values[0] < 0:
            values = [max(value, 0.0) for value in values]
        start, bounds = 0, self._bounds
        while start < len(values):
            bucket = bisect_left(bounds, values[start])
            end = bisect_right(values, bounds[bucket], start) if bucket < len(bounds) else len(values)
            self.counts[bucket] += end - start
            start = end
        self.total += sum(values)


class Histogram:
    """A distribution for each combination of labels."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.values: dict[Key, Distribution] = {}

    def of(self, *key: Hashable) -> Distribution:
        """The series with these labels."""
        series = self.values.get(key)
        if series is None:
            series = self.values[key] = Distribution(self.metric.buckets)
        return series


class Counts:
    """What is counted as it happens. One for each hub; the rest of ``declared.ALL`` is looked up at the scrape."""

    def __init__(self) -> None:
        """All at zero."""
        self.events = Counter(declared.INGEST_EVENTS)
        self.bytes = Counter(declared.INGEST_BYTES)
        self.duplicates = Counter(declared.INGEST_DUPLICATES)
        self.deleted = Counter(declared.INGEST_DELETED)
        self.unreadable = Counter(declared.INGEST_UNREADABLE)
        self.refused = Counter(declared.INGEST_REFUSED)
        self.unauthorized = Counter(declared.INGEST_UNAUTHORIZED)
        self.unavailable = Counter(declared.INGEST_UNAVAILABLE)
        self.messages = Counter(declared.MESSAGES)
        self.turned_away = Counter(declared.HTTP_TURNED_AWAY)
        self.recorded_to_received = Histogram(declared.RECORDED_TO_RECEIVED)
        self.received_to_stored = Histogram(declared.RECEIVED_TO_STORED)
        self.stored_to_delivered = Histogram(declared.STORED_TO_DELIVERED)
        self.commit_seconds = Histogram(declared.COMMIT_SECONDS)
        self.commit_parts = Histogram(declared.COMMIT_PARTS)
        self.commit_items = Histogram(declared.COMMIT_ITEMS)
        self.commits_failed = Counter(declared.COMMITS_FAILED)
        self.events_delivered = Counter(declared.EVENTS_DELIVERED)
        self.bulks_delivered = Counter(declared.BULKS_DELIVERED)
        self.attempts_failed = Counter(declared.ATTEMPTS_FAILED)
        self.fetches = Counter(declared.FETCHES)
        self.events_incomplete = Counter(declared.EVENTS_INCOMPLETE)
        self.events_lost = Counter(declared.EVENTS_LOST)
        self.positions_lost = Counter(declared.POSITIONS_LOST)
        self.last_success_us: dict[int, int] = {}
        """By subscription."""
        self.last_message_us: dict[int, int] = {}
        """By provider: when a queue or topic last gave us one."""

    def counted(self) -> list[Counter | Histogram]:
        """All of them."""
        return [value for value in vars(self).values() if isinstance(value, Counter | Histogram)]

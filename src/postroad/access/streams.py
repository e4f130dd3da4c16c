"""Streams as intervals of positions: may this subscription have this vehicle's event at this position?

A stream gives events from the position on at which it was activated, up to where it ended. It is asked twice: when an
item is routed, and again right before each attempt to send it, because access must exist at the moment of sending. So
of a stream that has ended nothing is sent any more, whatever its interval holds, but its farewell: the item that says
so. What its interval holds is still routed (``given``), so that delivery records that it was skipped, and why.
"""

from collections.abc import Iterable, Mapping

from postroad.registry.records import Stream


class StreamIndex:
    """The streams of one registry view, ready to be asked."""

    def __init__(self, streams: Mapping[int, Stream]) -> None:
        """Index the streams that are active or were, and their farewells."""
        self._interval: dict[tuple[int, int], tuple[int, int | None]] = {}
        self._ended: dict[tuple[int, int], list[tuple[int, int | None]]] = {}
        self._farewells: set[tuple[int, int, int]] = set()
        self._scopes: dict[tuple[int, int], frozenset[str]] = {}
        self._by_subscription: dict[int, set[int]] = {}
        for stream in streams.values():
            if stream.from_position is None:
                continue
            key = stream.subscription_id, stream.subject_id
            self._by_subscription.setdefault(stream.subscription_id, set()).add(stream.subject_id)
            if stream.farewell_position is not None:
                self._farewells.add((*key, stream.farewell_position))
            if stream.ended:
                self._ended.setdefault(key, []).append((stream.from_position, stream.until_position))
            else:
                self._interval[key] = stream.from_position, stream.until_position
                if stream.scopes is not None:
                    self._scopes[key] = stream.scopes

    def covers(self, subscription_id: int, subject_id: int, position: int) -> bool:
        """Whether an open stream covers the position, or the farewell of an ended one stands there."""
        key = subscription_id, subject_id
        interval = self._interval.get(key)
        return (interval is not None and _holds(interval, position)) or (*key, position) in self._farewells

    def given(self, subscription_id: int, subject_id: int, position: int) -> bool:
        """Whether a stream that has ended was to give the position: it is skipped, if it was not sent in time."""
        ended = self._ended.get((subscription_id, subject_id), ())
        return any(_holds(interval, position) for interval in ended)

    def scopes(self, subscription_id: int, subject_id: int) -> frozenset[str] | None:
        """What was authorised; ``None``: all that the subscription requests."""
        return self._scopes.get((subscription_id, subject_id)) if self._scopes else None

    def subjects(self, subscription_id: int) -> Iterable[int]:
        """The subjects of which the subscription has a stream, or had one."""
        return self._by_subscription.get(subscription_id, ())

    def first_position(self, subscription_id: int) -> int | None:
        """The lowest position any open stream of the subscription begins at; ``None`` without one."""
        starts = (self._interval.get((subscription_id, subject_id)) for subject_id in self.subjects(subscription_id))
        return min((interval[0] for interval in starts if interval is not None), default=None)


def _holds(interval: tuple[int, int | None], position: int) -> bool:
    start, end = interval
    return position >= start and (end is None or position < end)

"""What was known of each vehicle as of an item: a bounded fold over a feed's items, in the order of the log.

What is known as of an item depends on nothing but the log: of each signal on the last ``MOST_VALUES`` that came at or
before it, were stored within the window before it, and stand where the stream covers them. So it is the same whether
the item is routed live, in catching up, or after a restart that has read one window back.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import msgspec

from postroad.log.interface import MAX_POSITION, ShardLog
from postroad.model.events import Report
from postroad.model.levels import levels
from postroad.protocols.base import TargetProtocol
from postroad.protocols.filling import FillingTarget
from postroad.routing.translation import BatchTranslation, Selection

MOST_VALUES = 600
"""Of one signal of one vehicle: ten minutes, if it comes each second."""

Wanted = Callable[[Report], bool]


class _Value(msgspec.Struct, frozen=True):
    """A signal's value, when it was recorded, and the item that brought it."""

    recorded_us: int
    position: int
    stored_us: int
    value: Any


_RECORDED = attrgetter("recorded_us")


class _Series:
    """The values of one signal of one vehicle."""

    __slots__ = ("_by_time", "_in_order")

    def __init__(self) -> None:
        self._by_time: list[_Value] = []
        """By when they were recorded; of one instant, in the order of the log."""
        self._in_order: deque[_Value] = deque()
        """In the order of the log: so they go."""

    def add(self, value: _Value) -> None:
        """The next one in the order of the log."""
        self._in_order.append(value)
        self._by_time.insert(bisect_right(self._by_time, value.recorded_us, key=_RECORDED), value)

    def expire(self, oldest_us: int) -> None:
        """What was stored before that goes, and what is too many; there is one that stays."""
        while len(self._in_order) > MOST_VALUES or self._in_order[0].stored_us < oldest_us:
            gone = self._in_order.popleft()
            del self._by_time[bisect_left(self._by_time, gone.recorded_us, key=_RECORDED)]

    def until(self, recorded_us: int) -> Iterator[_Value]:
        """Those recorded then or before, the newest first."""
        by_time = self._by_time
        for index in range(bisect_right(by_time, recorded_us, key=_RECORDED) - 1, -1, -1):
            yield by_time[index]


class AsOf(msgspec.Struct, frozen=True):
    """What was known of a vehicle as of an item. See ``Known``. To be asked before the history goes on."""

    series: dict[str, _Series]
    window_us: int
    first: int
    """Nothing that stands before this position counts."""
    last: int
    """Nor behind this one."""
    stored_from_us: int
    """Nor what was stored earlier."""

    def before(self, signal: str, recorded_us: int) -> Iterator[tuple[int, Any]]:
        """See ``Known``."""
        series = self.series.get(signal)
        if series is None:
            return
        oldest_us = recorded_us - self.window_us
        for value in series.until(recorded_us):
            if value.recorded_us < oldest_us:
                return
            if self.first <= value.position <= self.last and value.stored_us >= self.stored_from_us:
                yield value.recorded_us, value.value


class History:
    """The values of all vehicles of one feed that can fill an event."""

    def __init__(self, fills: frozenset[str], window_us: int, wanted: Wanted | None = None) -> None:
        """Nothing is known. ``window_us`` is how old a value may be.

        With ``wanted`` only what that chooses is taken in, and all of it is kept.
        """
        self.window_us = window_us
        self._wanted = wanted
        self._fills = fills
        self._vehicles: dict[int, dict[str, _Series]] = {}
        self._learned_to = 0

    def forget(self) -> None:
        """Begin anew, at any position."""
        self._vehicles.clear()
        self._learned_to = 0

    def learn(self, translation: BatchTranslation, index: int) -> None:
        """Take in what an item says; items come in the order of the log, and count once.

        What was recorded ahead of its arrival tells nothing of any instant. Raises what ``translation.events`` does.
        """
        batch = translation.batch
        position, stored_us = batch.position + index, batch.stored_us
        if position < self._learned_to:
            return
        events = translation.events(index)
        self._learned_to = position + 1
        for event in events:
            if isinstance(event, Report) and not event.header.ahead and (self._wanted is None or self._wanted(event)):
                self.take(event.header.subject_id, event, position=position, stored_us=stored_us)

    def at_item(self, translation: BatchTranslation, index: int, *, first: int) -> AsOf:
        """What is known as of an item, itself included, of what stands at ``first`` or behind it. Learns the item."""
        self.learn(translation, index)
        batch = translation.batch
        return AsOf(
            self._vehicles.get(batch.subjects[index], {}),
            self.window_us,
            first,
            batch.position + index,
            batch.stored_us - self.window_us,
        )

    def all_of(self, subject_id: int, *, first: int) -> AsOf:
        """What is known of a vehicle, wherever it stands at ``first`` or behind it."""
        return AsOf(self._vehicles.get(subject_id, {}), self.window_us, first, MAX_POSITION, 0)

    def take(self, subject_id: int, report: Report, *, position: int, stored_us: int) -> None:
        """Take in what one report says of its vehicle."""
        of_vehicle = self._vehicles.setdefault(subject_id, {})
        for signal, level in levels(report):
            if signal in self._fills:
                series = of_vehicle.get(signal)
                if series is None:
                    series = of_vehicle[signal] = _Series()
                value = _Value(report.header.recorded_us, position, stored_us, level)
                series.add(value)
                if self._wanted is None:
                    series.expire(stored_us - self.window_us)


def history_for(selection: Selection, target: TargetProtocol) -> History | None:
    """An empty history for what the selection asks for; ``None`` if its protocol fills nothing."""
    if not isinstance(target, FillingTarget):
        return None
    return History(target.fills, target.max_fill_age_us(selection.options))


async def warm_from(log: ShardLog, position: int, window_us: int, *, now_us: int) -> int:
    """From where on the log must be read back to know what counts at ``position``: one window before it was stored.

    Found in a few look-ups, as what is stored later stands behind. Raises ``StoreCorrupt`` or ``StoreUnavailable``.
    """
    at = await log.read(position, max_bytes=1)
    from_us = (at[0].stored_us if at else now_us) - window_us
    low, high = log.first_position, position
    while low < high:
        middle = (low + high) // 2
        found = await log.read(middle, max_bytes=1)
        if found and found[0].position < high and found[0].stored_us < from_us:
            low = found[0].end
        else:
            high = min(middle, found[0].position) if found else middle
    return min(low, position)

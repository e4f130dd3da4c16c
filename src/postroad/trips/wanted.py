"""Of which vehicles trips are derived, and from which positions on.

A subscription to a type that tells of trips wants those of the vehicles that it has. Streams say from where to where in
the log, so the same items count whenever the log is read, also after a kill.
"""

from collections.abc import Mapping, Sequence
from typing import Self

from postroad.protocols import TRIP_TYPES
from postroad.registry.records import RegistryView, Subscription

Interval = tuple[int, int | None]
"""First position, and the position after the last one; ``None``: it goes on."""


class Wanted:
    """The vehicles of one shard whose trips somebody wants, by one view."""

    def __init__(self, intervals: Mapping[int, Sequence[Interval]]) -> None:
        """``intervals``: by subject id."""
        self._intervals = intervals

    @classmethod
    def of(cls, view: RegistryView, shard: int) -> Self:
        """By the streams of a view, those that have ended too."""
        wanting = {id_ for id_, subscription in view.subscriptions.items() if wants_trips(subscription)}
        intervals: dict[int, list[Interval]] = {}
        for stream in view.streams.values() if wanting else ():
            subject = view.subjects.get(stream.subject_id)
            ours = stream.subscription_id in wanting and stream.shard == shard and stream.from_position is not None
            if ours and stream.from_position is not None and subject is not None and subject.kind == "vehicle":
                intervals.setdefault(stream.subject_id, []).append((stream.from_position, stream.until_position))
        return cls(intervals)

    def __bool__(self) -> bool:
        """Whether anything is wanted at all."""
        return bool(self._intervals)

    def covers(self, subject_id: int, position: int) -> bool:
        """Whether an item of the subject at the position counts."""
        return any(
            first <= position and (end is None or position < end) for first, end in self._intervals.get(subject_id, ())
        )

    def from_here(self, subject_id: int, position: int) -> bool:
        """Whether an item of the subject at the position or later may count."""
        return any(end is None or position < end for _, end in self._intervals.get(subject_id, ()))

    @property
    def first_position(self) -> int | None:
        """The lowest position that counts for a vehicle."""
        return min((first for of_one in self._intervals.values() for first, _ in of_one), default=None)


def wants_trips(subscription: Subscription) -> bool:
    """Whether a subscription asks for a type that tells of trips."""
    return not TRIP_TYPES.get(subscription.protocol, frozenset()).isdisjoint(subscription.types)

"""Streams as intervals of positions: may this subscription have this vehicle's event at this position?

A stream gives events from the position on at which it was activated, as long as it is open. It is asked twice: when an
item is routed, and again right before each attempt to send it, because access must exist at the moment of sending.
"""

from collections.abc import Iterable, Mapping

from postroad.registry.records import Stream


class StreamIndex:
    """The open streams of one registry view, ready to be asked."""

    def __init__(self, streams: Mapping[int, Stream]) -> None:
        """Index the streams that are open and active."""
        self._from: dict[tuple[int, int], int] = {}
        self._by_subscription: dict[int, list[int]] = {}
        for stream in streams.values():
            if stream.ended or stream.from_position is None:
                continue
            self._from[stream.subscription_id, stream.subject_id] = stream.from_position
            self._by_subscription.setdefault(stream.subscription_id, []).append(stream.subject_id)

    def covers(self, subscription_id: int, subject_id: int, position: int) -> bool:
        """Whether an open stream covers the position."""
        start = self._from.get((subscription_id, subject_id))
        return start is not None and position >= start

    def subjects(self, subscription_id: int) -> Iterable[int]:
        """The subjects with an open stream into the subscription."""
        return self._by_subscription.get(subscription_id, ())

    def first_position(self, subscription_id: int) -> int | None:
        """The lowest position any open stream of the subscription begins at; ``None`` without one."""
        return min((self._from[subscription_id, s] for s in self.subjects(subscription_id)), default=None)

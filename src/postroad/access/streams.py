"""Streams as intervals of positions: may this subscription have this vehicle's event at this position?

A stream gives events from the position on at which it was activated, up to where it ended. It is asked twice: when an
item is routed, and again right before each attempt to send it, because access must exist at the moment of sending. So
of a stream that has ended nothing is sent any more, whatever its interval holds, but its farewell: the item that says
so. What its interval holds is still routed (``given``), so that delivery records that it was skipped, and why.

What a subscription is told of grants it may have without any stream, and whatever has become of the grant: it says no
more than that. Such an item, as a farewell, is let through by its position alone.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from postroad.log.interface import MAX_POSITION
from postroad.registry.records import Stream, ToldAt


class StreamIndex:
    """The streams of one registry view, ready to be asked."""

    def __init__(self, streams: Mapping[int, Stream], told: Collection[ToldAt] = ()) -> None:
        """Index the streams that are active or were, their farewells, and what was told without them."""
        self.edition = object()
        """Stands for this index: who noted it with a "yes" need not ask again as long as it is the same."""
        self._open: dict[tuple[int, int], range] = {}
        self._ended: dict[tuple[int, int], list[range]] = {}
        self._alone: dict[tuple[int, int], set[int]] = {}
        """Positions that may be had each by itself: farewells, and what was told of grants."""
        self._scopes: dict[tuple[int, int], frozenset[str]] = {}
        self._by_subscription: dict[int, set[int]] = {}
        self._by_subject: dict[int, set[int]] = {}
        self._told_from: dict[int, int] = {}
        for at in told:
            self._let_through(self._note(at.subscription_id, at.subject_id), at.position)
            first = self._told_from.get(at.subscription_id, at.position)
            self._told_from[at.subscription_id] = min(first, at.position)
        for stream in streams.values():
            if stream.from_position is None:
                continue
            key = self._note(stream.subscription_id, stream.subject_id)
            if stream.farewell_position is not None:
                self._let_through(key, stream.farewell_position)
            end = MAX_POSITION if stream.until_position is None else stream.until_position
            stretch = range(stream.from_position, end)
            if stream.ended:
                self._ended.setdefault(key, []).append(stretch)
            else:
                self._open[key] = stretch
                if stream.scopes is not None:
                    self._scopes[key] = stream.scopes

    def _note(self, subscription_id: int, subject_id: int) -> tuple[int, int]:
        self._by_subscription.setdefault(subscription_id, set()).add(subject_id)
        self._by_subject.setdefault(subject_id, set()).add(subscription_id)
        return subscription_id, subject_id

    def _let_through(self, key: tuple[int, int], position: int) -> None:
        self._alone.setdefault(key, set()).add(position)

    def covers(self, subscription_id: int, subject_id: int, position: int) -> bool:
        """Whether an open stream covers the position, or a farewell or what is told of a grant stands there."""
        key = subscription_id, subject_id
        return position in self._open.get(key, ()) or position in self._alone.get(key, ())

    def given(self, subscription_id: int, subject_id: int, position: int) -> bool:
        """Whether a stream that has ended was to give the position: it is skipped, if it was not sent in time."""
        return any(position in stretch for stretch in self.was_to_give(subscription_id, subject_id))

    def stretches(self, subscription_id: int, subject_id: int) -> list[range]:
        """The positions that ``covers`` says yes to, each in one stretch only."""
        key = subscription_id, subject_id
        stream = self._open.get(key, range(0))
        alone = [range(at, at + 1) for at in self._alone.get(key, ()) if at not in stream]
        return [stream, *alone] if stream else alone

    def was_to_give(self, subscription_id: int, subject_id: int) -> Sequence[range]:
        """The positions that ``given`` says yes to."""
        return self._ended.get((subscription_id, subject_id), ())

    def begins_at(self, subscription_id: int, subject_id: int) -> int:
        """The position from which an open stream covers; 0 without one."""
        return self._open.get((subscription_id, subject_id), range(0)).start

    def gives_still(self, subscription_id: int, subject_id: int) -> bool:
        """Whether there is an open stream."""
        return (subscription_id, subject_id) in self._open

    def scopes(self, subscription_id: int, subject_id: int) -> frozenset[str] | None:
        """What was authorised; ``None``: all that the subscription requests."""
        return self._scopes.get((subscription_id, subject_id)) if self._scopes else None

    def subjects(self, subscription_id: int) -> Iterable[int]:
        """The subjects of which the subscription has a stream, had one, or was told."""
        return self._by_subscription.get(subscription_id, ())

    def subscriptions(self, subject_id: int) -> Iterable[int]:
        """The subscriptions that have a stream of the subject, had one, or were told of it."""
        return self._by_subject.get(subject_id, ())

    def first_position(self, subscription_id: int) -> int | None:
        """The lowest position that an open stream of the subscription begins at, or at which it is told of a grant.

        ``None`` when there is neither.
        """
        streams = (self._open.get((subscription_id, subject_id)) for subject_id in self.subjects(subscription_id))
        starts = [stream.start for stream in streams if stream is not None]
        told_from = self._told_from.get(subscription_id)
        return min(starts if told_from is None else [*starts, told_from], default=None)

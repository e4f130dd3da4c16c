"""A bulk that does not go through as it is, in pieces: halved until each went through or stands alone. Pure.

Pieces go out in order. Where a bulk is refused for an event in it and its first half goes through, the second half
needs no attempt of its own to be known as refused: so one poison event among n costs log2(n) to 2 log2(n) requests,
about.
"""

from collections.abc import Iterator

from postroad.routing.feed import RoutedItem

Items = tuple[RoutedItem, ...]


class _Piece:
    """Some of a bulk."""

    def __init__(self, items: Items) -> None:
        self.items = items
        self.refused = False
        """It is known, without an attempt, that something in it is refused."""
        self.refused_if_the_one_before_goes_through = False


class Pieces:
    """What is left of a bulk, in order. At first it is one piece, the bulk itself."""

    def __init__(self, items: Items) -> None:
        """Begin with all of it."""
        self._stack = [_Piece(items)] if items else []

    def __bool__(self) -> bool:
        return bool(self._stack)

    def first(self) -> Items:
        """The piece to send next."""
        while self._stack[-1].refused and _count(self._stack[-1].items) > 1:
            self.refused()
        return self._stack[-1].items

    def begins_at(self, end: int) -> int:
        """The position of the first event that is left, or ``end`` if there is none."""
        return self._stack[-1].items[0].position if self._stack else end

    def ends_at(self, end: int) -> int:
        """The position up to which everything is settled with the first piece; ``end`` if it is the last."""
        return self._stack[-2].items[0].position if len(self._stack) > 1 else end

    def went_through(self) -> None:
        """The first piece is delivered."""
        self._stack.pop()
        if self._stack and self._stack[-1].refused_if_the_one_before_goes_through:
            self._stack[-1].refused_if_the_one_before_goes_through = False
            self._stack[-1].refused = True

    def refused(self) -> None:
        """The first piece holds an event for which it is refused: halve it."""
        _, second = self._halve()
        second.refused_if_the_one_before_goes_through = True

    def too_large(self) -> None:
        """The first piece is too large: halve it."""
        self._halve()

    def reduce(self, items: Items) -> None:
        """Only these are left of the first piece, possibly none; what was known of it holds no longer."""
        self._take()
        if items:
            self._stack.append(_Piece(items))

    def _halve(self) -> tuple[_Piece, _Piece]:
        first, second = (_Piece(items) for items in halves(self._take()))
        self._stack += [second, first]
        return first, second

    def _take(self) -> Items:
        """Remove the first piece, of which it is known that it did not go through as it was."""
        taken = self._stack.pop()
        if self._stack:
            self._stack[-1].refused_if_the_one_before_goes_through = False
        return taken.items


def halves(items: Items) -> tuple[Items, Items]:
    """The first and the second half of at least two events; the item in the middle is cut if it must be."""
    middle = _count(items) // 2
    return tuple(_cut(items, 0, middle)), tuple(_cut(items, middle, _count(items)))


def _cut(items: Items, start: int, stop: int) -> Iterator[RoutedItem]:
    """Events ``start`` to below ``stop``."""
    before = 0
    for item in items:
        events = item.events[max(start - before, 0) : max(stop - before, 0)]
        before += len(item.events)
        if events:
            yield item if len(events) == len(item.events) else item.part(events)


def _count(items: Items) -> int:
    return sum(len(item.events) for item in items)

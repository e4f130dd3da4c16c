"""The window: items taken from the feed whose settling is not durable yet.

It bounds how far sends run ahead of the durable cursor, and so what a kill can repeat. The cursor may stand at the
first item of which an event is not settled; an item leaves the window only when a cursor behind it was made durable.
"""

from collections import deque

from postroad.routing.feed import RoutedItem


class _Open:
    """An item and how many of its events are not settled."""

    __slots__ = ("item", "unsettled")

    def __init__(self, item: RoutedItem, unsettled: int) -> None:
        self.item = item
        self.unsettled = unsettled


class Window:
    """At most ``limit`` items, in the order of the log."""

    def __init__(self, limit: int) -> None:
        """Empty."""
        self._limit = limit
        self._open: deque[_Open] = deque()
        """From the first item on that is not settled."""
        self._by_position: dict[int, _Open] = {}
        self._settled: deque[int] = deque()
        """Positions before that: settled, but not durably."""

    def __len__(self) -> int:
        """Items in the window."""
        return len(self._open) + len(self._settled)

    @property
    def full(self) -> bool:
        """Whether no further item may be taken."""
        return len(self) >= self._limit

    @property
    def first(self) -> RoutedItem | None:
        """The first item that is not settled."""
        return self._open[0].item if self._open else None

    @property
    def has_settled(self) -> bool:
        """Whether a cursor that is made durable now lets items go."""
        return bool(self._settled)

    def take(self, item: RoutedItem, unsettled: int) -> None:
        """Put an item behind all others, with the number of its events that are to be settled."""
        entry = _Open(item, unsettled)
        self._open.append(entry)
        self._by_position[item.position] = entry
        self._advance()

    def settle(self, position: int) -> None:
        """One event of the item at ``position`` is settled."""
        entry = self._by_position[position]
        entry.unsettled -= 1
        if entry.unsettled < 0:
            raise ValueError(f"more events of position {position} were settled than it has")
        self._advance()

    def cursor(self, end: int) -> int:
        """Everything below is settled; ``end`` is the position below which everything was taken."""
        return self._open[0].item.position if self._open else end

    def durable(self, cursor: int) -> None:
        """The cursor was made durable: what lies below it leaves."""
        while self._settled and self._settled[0] < cursor:
            self._settled.popleft()

    def _advance(self) -> None:
        while self._open and not self._open[0].unsettled:
            position = self._open.popleft().item.position
            del self._by_position[position]
            self._settled.append(position)

"""Parked letters and their bounds: how many events, and how many bytes, may wait beside the log.

What should be parked but finds no room is *held*: it stays in the window, in turn, and so holds the cursor. The turn is
strict, so that within a lane whatever is parked stands before whatever is not, also after a restart.
"""

from collections.abc import Iterator

from postroad.delivery.entry import Entry
from postroad.log.delivery import LetterId


class Parking:
    """What is parked, and what waits for a place."""

    def __init__(self, *, max_letters: int, max_bytes: int) -> None:
        """Empty."""
        self._max_letters = max_letters
        self._max_bytes = max_bytes
        self._parked: dict[LetterId, Entry] = {}
        self._held: dict[LetterId, Entry] = {}
        self.bytes = 0
        """Of all parked bodies."""

    def __len__(self) -> int:
        """Parked events."""
        return len(self._parked)

    def all(self) -> list[Entry]:
        """The parked entries as they are now."""
        return list(self._parked.values())

    def get(self, letter_id: LetterId) -> Entry | None:
        """The parked entry of that name."""
        return self._parked.get(letter_id)

    @property
    def full(self) -> bool:
        """Whether something is held because there is no room."""
        return bool(self._held)

    def has_room(self, entry: Entry) -> bool:
        """Whether an entry that is not held yet would be parked at once."""
        return not self._held and self._fits(entry)

    def _fits(self, entry: Entry) -> bool:
        return len(self._parked) < self._max_letters and self.bytes + entry.letter.size <= self._max_bytes

    def put(self, entry: Entry) -> None:
        """Count a letter that is parked already; those found at a start or redriven may exceed the bounds."""
        self._parked[entry.id] = entry
        self.bytes += entry.letter.size
        entry.parked = True

    def hold(self, entry: Entry) -> None:
        """Let an entry wait for a place, behind all others that do."""
        self._held.setdefault(entry.id, entry)

    def admitted(self) -> Iterator[Entry]:
        """Those that were held and have a place now, parked one by one as the caller goes on."""
        while self._held:
            entry = next(iter(self._held.values()))
            if not self._fits(entry):
                return
            del self._held[entry.id]
            self.put(entry)
            yield entry

    def release(self, entry: Entry) -> None:
        """An entry need not be parked after all."""
        self._held.pop(entry.id, None)

    def remove(self, entry: Entry) -> None:
        """A parked letter is delivered, dead or not wanted any more."""
        del self._parked[entry.id]
        self.bytes -= entry.letter.size

"""Editions of documents: which event is made needless by a newer revision, or the deletion, of what it tells.

What still waits is known exactly; of documents of which nothing waits the newest edition is remembered for a bounded
number, so that an older edition that comes after it is told from a new one.
"""

from collections import OrderedDict

from postroad.delivery.entry import Entry
from postroad.log.delivery import Letter

REMEMBERED = 10_000
"""Documents."""

Rank = tuple[int, bool]
"""Revision, and whether it deletes: a deletion is newer than what it deletes, also if it bears the same revision."""


def rank(letter: Letter) -> Rank:
    """How new an edition is."""
    return letter.revision, letter.deletes


class Editions:
    """The editions that wait, and the newest ones that came."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        """Nothing came yet."""
        self._remembered = remembered
        self._newest: OrderedDict[bytes, Rank] = OrderedDict()
        self._waiting: dict[bytes, list[Entry]] = {}

    def needless(self, letter: Letter) -> bool:
        """Whether a newer edition of the same document came before."""
        own, document = rank(letter), letter.document
        if self._newest.get(document, own) > own:
            return True
        return any(rank(other.letter) > own for other in self._waiting.get(document, ()))

    def add(self, entry: Entry) -> list[Entry]:
        """An edition came, and waits; the older ones that wait too and need not any more."""
        document = entry.letter.document
        if not document:
            return []
        own = rank(entry.letter)
        self._newest[document] = max(own, self._newest.get(document, own))
        self._newest.move_to_end(document)
        if len(self._newest) > self._remembered:
            self._newest.popitem(last=False)
        waiting = self._waiting.setdefault(document, [])
        older = [other for other in waiting if rank(other.letter) < own]
        waiting.append(entry)
        return older

    def remove(self, entry: Entry) -> None:
        """An edition waits no more."""
        document = entry.letter.document
        waiting = self._waiting.get(document)
        if waiting and entry in waiting:
            waiting.remove(entry)
            if not waiting:
                del self._waiting[document]

"""What is to be made durable next, together with the cursor: gathered while the store is busy, written at once."""

from postroad.log.delivery import Changes, Letter, LetterId, Posted, Skip, Superseded, merged


class Ledger:
    """Gathers ``Changes``; a later word on a letter replaces an earlier one."""

    def __init__(self) -> None:
        """Nothing is to be written."""
        self._posted: dict[LetterId, Posted] = {}
        self._removed: set[LetterId] = set()
        self._skips: dict[tuple[int, str], int] = {}
        self._superseded: dict[bytes, int] = {}

    def __len__(self) -> int:
        """Changes of which a kill would undo what came before: letters and skips."""
        return len(self._posted) + len(self._removed) + len(self._skips)

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(len(self) or self._superseded)

    def post(self, letter: Letter, body: bytes | None = None) -> None:
        """A letter is new, with its body, or has changed."""
        earlier = self._posted.get(letter.id)
        if body is None and earlier is not None:
            body = earlier.body
        self._posted[letter.id] = Posted(letter, body)
        if letter.dead_us is not None and self._superseded.get(letter.document, 0) > letter.revision:
            # What came with this very deletion: it supersedes others, not itself.
            self._superseded[letter.document] = letter.revision

    def remove(self, letter_id: LetterId) -> None:
        """A letter is not needed any more."""
        self._posted.pop(letter_id, None)
        self._removed.add(letter_id)

    def skip(self, position: int, reason: str) -> None:
        """An event of the item at ``position`` is settled without a delivery."""
        self._skips[position, reason] = self._skips.get((position, reason), 0) + 1

    def supersede(self, document: bytes, revision: int) -> None:
        """Dead letters of the document below ``revision`` are needless."""
        self._superseded[document] = max(revision, self._superseded.get(document, 0))

    def changes(self) -> Changes:
        """Everything that was gathered."""
        return Changes(
            posted=list(self._posted.values()),
            removed=sorted(self._removed),
            skips=merged(Skip(at, at + 1, reason, events) for (at, reason), events in self._skips.items()),
            superseded=[Superseded(document, revision) for document, revision in self._superseded.items()],
        )

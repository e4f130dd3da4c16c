"""What is to be made durable next, together with the cursor: gathered while the store is busy, written at once."""

from postroad.delivery.passing import Passing
from postroad.log.delivery import Changes, Letter, LetterId, Posted, Superseded, Unwanted


class Ledger:
    """Gathers ``Changes``; a later word on a letter replaces an earlier one.

    A letter goes for good only by a settle whose cursor passes it: gone before, the log would give its event again
    after a kill, and its outcome would be recorded twice.
    """

    def __init__(self, settled: int) -> None:
        """Nothing is to be written; ``settled`` is the durable cursor."""
        self._settled = settled
        self._posted: dict[LetterId, Posted] = {}
        self._finished: dict[LetterId, str | None] = {}
        """Letters that are delivered (``None``) or not wanted any more (why), below the durable cursor."""
        self._ahead: dict[LetterId, str | None] = {}
        """The same, at or above it."""
        self._superseded: dict[bytes, int] = {}
        self._passing = Passing(settled)

    def __len__(self) -> int:
        """Changes of letters that can be written: a kill would undo what came before them."""
        return len(self._posted) + len(self._finished)

    def __bool__(self) -> bool:
        """Whether there is anything to write, wherever the cursor is."""
        return bool(len(self) or self._superseded)

    # Events that are no letters.

    def deliver(self, position: int, slot: int) -> None:
        """An event went through."""
        self._passing.went_through(position, slot)

    def skip(self, position: int, slot: int, reason: str) -> None:
        """An event is settled without a delivery."""
        self._passing.skipped(position, slot, reason)

    def set_apart(self, position: int, slot: int) -> None:
        """An event of an item from the log is a letter."""
        self._passing.became_letter(position, slot)

    # Letters.

    def post(self, letter: Letter, body: bytes | None = None) -> None:
        """A letter is new, with its body, or has changed."""
        earlier = self._posted.get(letter.id)
        if body is None and earlier is not None:
            body = earlier.body
        self._posted[letter.id] = Posted(letter, body)
        if letter.dead_us is not None and self._superseded.get(letter.document, 0) > letter.revision:
            # What came with this very deletion: it supersedes others, not itself.
            self._superseded[letter.document] = letter.revision

    def finish(self, letter_id: LetterId, skipped: str | None) -> None:
        """A letter is delivered, or, for the reason ``skipped``, not wanted any more."""
        posted = self._posted.pop(letter_id, None)
        if posted is None or posted.body is None:
            finished = self._finished if letter_id.position < self._settled else self._ahead
            finished[letter_id] = skipped
        elif skipped is None:  # it never came to be stored, so the cursor has not passed it
            self.deliver(letter_id.position, letter_id.slot)
        else:
            self.skip(letter_id.position, letter_id.slot, skipped)

    def supersede(self, document: bytes, revision: int) -> None:
        """Dead letters of the document below ``revision`` are needless."""
        self._superseded[document] = max(revision, self._superseded.get(document, 0))

    # What is to be written.

    def passed(self, cursor: int) -> None:
        """The cursor is durable there, or will be with what is written next."""
        self._settled = max(self._settled, cursor)
        for letter_id in [letter_id for letter_id in self._ahead if letter_id.position < self._settled]:
            self._finished[letter_id] = self._ahead.pop(letter_id)

    def pop_changes(self, cursor: int) -> Changes:
        """What is to become durable with ``cursor``; it is not given again."""
        self.passed(cursor)
        delivered, skips = self._passing.up_to(cursor)
        changes = Changes(
            posted=list(self._posted.values()),
            removed=sorted(letter_id for letter_id, skipped in self._finished.items() if skipped is None),
            unwanted=sorted(Unwanted(letter_id, why) for letter_id, why in self._finished.items() if why is not None),
            skips=skips,
            superseded=[Superseded(document, revision) for document, revision in self._superseded.items()],
            delivered=delivered,
        )
        self._posted, self._finished, self._superseded = {}, {}, {}
        return changes

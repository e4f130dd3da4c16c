"""Letters that a delivery in bulks sends once more, between what comes from the log."""

from collections.abc import Iterable

from msgspec import structs

from postroad.delivery.letter import event_of
from postroad.log.delivery import Letter, LetterId
from postroad.protocols.contract import Contract, Response
from postroad.routing.feed import RoutedItem

_NARROWED_DOWN = (
    Response(400, 400, "isolate"),
    Response(413, 413, "split"),
    Response(422, 422, "isolate"),
)


def narrowing(contract: Contract) -> Contract:
    """The contract for redriven letters: what is refused once more dies once more, instead of holding up everything."""
    return structs.replace(contract, responses=_NARROWED_DOWN + contract.responses)


class Redriven:
    """The letters that wait, oldest first."""

    def __init__(self) -> None:
        """With none."""
        self._letters: dict[LetterId, Letter] = {}

    def adopt(self, letters: Iterable[Letter]) -> None:
        """These too."""
        self._letters.update((letter.id, letter) for letter in letters)

    def due(self, now_us: int, *, max_items: int, max_bytes: int) -> list[Letter]:
        """The oldest that are due, in the order of the log: at least one if there is one, at most so many and large."""
        taken: list[Letter] = []
        size = 0
        for _, letter in sorted(self._letters.items()):
            if letter.due_us is not None and letter.due_us > now_us:
                continue
            size += letter.size + 1
            if taken and (len(taken) >= max_items or size > max_bytes):
                break
            taken.append(letter)
        return taken

    def done(self, letters: Iterable[Letter]) -> None:
        """These wait no more."""
        for letter in letters:
            if self._letters.get(letter.id) is letter:  # it may have been given up and adopted again meanwhile
                del self._letters[letter.id]

    def next_due_us(self) -> int | None:
        """When the next one is due; ``None``: none waits."""
        return min((letter.due_us or 0 for letter in self._letters.values()), default=None)


def as_item(letter: Letter, body: bytes) -> RoutedItem:
    """A letter as what comes from the log."""
    return RoutedItem(
        letter.position,
        letter.subject_id,
        (event_of(letter, body),),
        len(body),
        received_us=letter.received_us,
        stored_us=letter.stored_us,
    )

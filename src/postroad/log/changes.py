"""What no delivery store takes: every engine asks this before it queues a change, so a malformed one fails alone."""

from collections.abc import Sequence

from postroad.log.delivery import NO_CHANGES, Changes, DeadLetter, Letter, LetterId, Skip
from postroad.log.format import MAX_INT, check_position
from postroad.log.tally import ALL_SLOTS, DIGEST_MASK, Tally


def check_changes(position: int, changes: Changes) -> None:
    """Raise ``ValueError``, naming the defect, for what cannot be settled."""
    check_position(position)
    if changes is NO_CHANGES:
        return
    try:
        for posted in changes.posted:
            _check_letter(posted.letter)
        for id_ in changes.removed:
            _check_id(id_)
        for unwanted in changes.unwanted:
            _check_id(unwanted.id)
            unwanted.reason.encode()
        for skip in changes.skips:
            _check_skip(skip)
        _check_tally(changes.delivered)
        for superseded in changes.superseded:
            if not superseded.document:
                raise ValueError("a document that is superseded has a name")
            _check_number("revision", superseded.revision)
    except TypeError as exc:
        raise ValueError(f"a field of a change is of another type: {exc}") from exc


def check_terms(position: int, terms: str) -> None:
    """Raise ``ValueError`` for what no chapter can begin with."""
    check_position(position)
    terms.encode()


def check_due(dead: Sequence[DeadLetter], due_us: Sequence[int]) -> None:
    """Raise ``ValueError`` unless each letter has an instant."""
    if len(dead) != len(due_us):
        raise ValueError(f"{len(dead)} letters cannot be due at {len(due_us)} instants")
    for instant in due_us:
        _check_number("due_us", instant)


def _check_letter(letter: Letter) -> None:
    _check_id(letter.id)
    for name in ("subject_id", "size", "received_us", "stored_us", "revision", "attempts"):
        _check_number(name, getattr(letter, name))
    for name in ("recorded_us", "first_attempt_us", "due_us", "dead_us", "status"):
        value = getattr(letter, name)
        if value is not None:
            _check_number(name, value)
    letter.reason.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
    letter.detail.encode()


def _check_id(id_: LetterId) -> None:
    check_position(id_.position)
    _check_number("slot", id_.slot)


def _check_tally(tally: Tally) -> None:
    _check_number("events", tally.events)
    _check_digest(tally.digest)


def _check_digest(digest: int) -> None:
    if not 0 <= digest <= DIGEST_MASK:
        raise ValueError("digest is a number of 48 bits")


def _check_skip(skip: Skip) -> None:
    check_position(skip.first)
    check_position(skip.end)
    _check_number("events", skip.events)
    if not ALL_SLOTS - MAX_INT <= skip.slots <= MAX_INT:
        raise ValueError("slots is a mask of 64 bits")
    if skip.digest is not None:
        _check_digest(skip.digest)
    if skip.first >= skip.end:
        raise ValueError(f"a skip from {skip.first} to {skip.end} holds no position")
    skip.reason.encode()


def _check_number(name: str, value: int) -> None:
    if abs(value) > MAX_INT:
        raise ValueError(f"{name} is a 64-bit integer")

"""The stored form of a letter, and what a ``LetterFilter`` is in SQL. ``docs/formats/log.md`` spells the form out."""

import zlib
from typing import Any

import msgspec
from msgspec import structs

from postroad.errors import StoreCorrupt
from postroad.log.delivery import Letter, LetterFilter, LetterId

FIELDS = (
    *("position", "slot", "subject_id", "size", "received_us", "stored_us", "recorded_us"),
    *("document", "revision", "deletes", "attempts", "first_attempt_us", "due_us", "dead_us"),
    *("reason", "status", "detail"),
)
"""The columns of ``letter`` that hold a letter's own fields, in their order in ``Letter``."""
COLUMNS = ", ".join(FIELDS)


def letter_row(letter: Letter) -> tuple[Any, ...]:
    """The values of ``FIELDS``."""
    return structs.astuple(letter)


def letter_of(row: tuple[Any, ...]) -> Letter:
    """The letter of a row of ``FIELDS``."""
    values = dict(zip(FIELDS, row, strict=True))
    values["deletes"] = bool(values["deletes"])
    return Letter(**values)


def body_checksum(body: bytes) -> int:
    """What is kept beside a body, so that damage is noticed rather than delivered."""
    return zlib.crc32(body)


def checked_body(letter_id: LetterId, body: bytes, checksum: int) -> bytes:
    """``body``. Raises ``StoreCorrupt`` unless it is as it was written."""
    if body_checksum(body) != checksum:
        raise StoreCorrupt(
            f"the letter at position {letter_id.position}, slot {letter_id.slot} is not as it was written"
        )
    return body


def filter_terms(which: LetterFilter) -> tuple[str, list[Any]]:
    """``LetterFilter.fits`` as a condition on ``letter``, and the values it takes."""
    terms, values = ["dead_us IS NOT NULL"], []
    for term, value in (
        ("subscription_id = ?", which.subscription_id),
        ("subject_id = ?", which.subject_id),
        ("dead_us >= ?", which.since_us),
        ("dead_us < ?", which.until_us),
        ("slot IN (SELECT value FROM json_each(?))", _json(which.slots)),
        ("reason IN (SELECT value FROM json_each(?))", _json(which.reasons)),
        ("(position, slot) IN (SELECT value ->> 'position', value ->> 'slot' FROM json_each(?))", _json(which.ids)),
    ):
        if value is not None:
            terms.append(term)
            values.append(value)
    return " AND ".join(terms), values


def _json(values: frozenset[Any] | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()

"""Personal details of the audit log that go: those of somebody who is erased, and, if the operator wants, old ones.

The entries stay, with their commitments, so the chain holds; each says what took its details, and that is an entry too.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.registry.audit_chain import ERASURE, RETENTION
from postroad.registry.audit_log import Who
from postroad.registry.blocklist import block_key, digest
from postroad.registry.secrets import KeyRing
from postroad.registry.transaction import Transaction

_log, _details = schema.audit_log, schema.audit_details
_OF_NO_ORGANIZATION: Final = 0


def forget(transaction: Transaction, erasure_id: int, subject_id: int | None, in_text: Callable[[str], bool]) -> int:
    """Remove the details that are about an erased subject, or name it; of how many entries that was.

    Who did something stays known, unless it is the subject itself that is named there.
    """
    connection = transaction.connection
    query = sa.select(_details, _log.c.subject_id, _log.c.kind).join(_log, _log.c.number == _details.c.number)
    gone = [
        (row.number, row.part)
        for row in connection.execute(query.where(_details.c.content.is_not(None)))
        if _is_about(row, subject_id) or any(in_text(text) for text in _texts(msgspec.json.decode(row.content)))
    ]
    for number, part in gone:
        this = (_details.c.number == number) & (_details.c.part == part)
        values = {"salt": None, "content": None, "gone": f"{ERASURE}{erasure_id}"}
        connection.execute(sa.update(_details).where(this).values(values))
    return len({number for number, _ in gone})


def prune(transaction: Transaction, keys: KeyRing, before_us: int) -> int:
    """Remove the details of entries made before an instant; of how many entries that was. It is an entry itself.

    An actor's name leaves a keyed hash, the same for the same actor. Raises as ``KeyRing.unseal`` does.
    """
    connection = transaction.connection
    there = sa.select(_details, _log.c.at_us).join(_log, _log.c.number == _details.c.number)
    there = there.where(_details.c.content.is_not(None)).order_by(_details.c.number)
    oldest = connection.execute(there.limit(1)).one_or_none()  # by an index: nearly always there is nothing to do
    if oldest is None or oldest.at_us >= before_us:
        return 0
    rows = connection.execute(there.where(_log.c.at_us < before_us)).all()
    key = block_key(transaction, keys)
    for row in rows:
        this = (_details.c.number == row.number) & (_details.c.part == row.part)
        values = {"salt": None, "content": None, "gone": RETENTION}
        if row.part == "who":
            name = msgspec.json.decode(row.content, type=Who).name
            values["pseudonym"] = digest(key, _OF_NO_ORGANIZATION, "actor", name).hex()
        connection.execute(sa.update(_details).where(this).values(values))
    pruned = len({row.number for row in rows})
    transaction.note("prune", "audit_log", None, fields={"entries": (None, pruned), "before_us": (None, before_us)})
    return pruned


def _is_about(row: Any, subject_id: int | None) -> bool:
    """Whether what was done was done to it; that it was erased is not its detail."""
    about = row.subject_id is not None and row.subject_id == subject_id
    return about and row.part == "what" and row.kind != "erasure"


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, but for the names of fields, which are the hub's own."""
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _texts(one)
        case dict():
            for one in value.values():
                yield from _texts(one)

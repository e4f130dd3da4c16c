"""The audit log: who changed what, when and from where. Entries are appended, chained, and never changed.

What an entry holds and how it is chained says ``audit_chain``; here it is written, in the transaction of the change
itself, and read. Whoever changes the registry notes what he does (``Transaction.note``). What a machine does by itself
is not noted, unless it takes something from somebody (docs/decisions/0030).

The details of an entry can go (``audit_details``). The entry and its commitments stay.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.registry.actor import Actor, Origin
from postroad.registry.audit_chain import (
    EMPTY,
    SALT_BYTES,
    Broken,
    Detail,
    Head,
    Link,
    Record,
    commitment,
    verified,
)
from postroad.registry.notes import Note
from postroad.registry.text import storable

MAX_FIELD_BYTES: Final = 8 * 1024
"""Of a field's value before or after; of a larger one only its size is kept."""
READ_AT_ONCE: Final = 500

_log, _details, _head = schema.audit_log, schema.audit_details, schema.audit_head
_who, _what = _details.alias("who_detail"), _details.alias("what_detail")
_records = (
    sa.select(
        _log,
        _who.c.number.label("who_number"),
        _who.c.salt.label("who_salt"),
        _who.c.content.label("who_content"),
        _who.c.gone.label("who_gone"),
        _who.c.pseudonym.label("who_pseudonym"),
        _what.c.number.label("what_number"),
        _what.c.salt.label("what_salt"),
        _what.c.content.label("what_content"),
        _what.c.gone.label("what_gone"),
    )
    .outerjoin(_who, (_who.c.number == _log.c.number) & (_who.c.part == "who"))
    .outerjoin(_what, (_what.c.number == _log.c.number) & (_what.c.part == "what"))
)


class Who(msgspec.Struct, frozen=True):
    """The content of the part *who*."""

    name: str
    address: str | None = None


class What(msgspec.Struct, frozen=True):
    """The content of the part *what*."""

    name: str = ""
    fields: dict[str, tuple[Any, Any]] = {}
    """What was and what is, by field."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it is shown. Instants are microseconds since 1970, UTC."""

    number: int
    at_us: int
    version: int
    origin: Origin
    role: str | None
    action: str
    kind: str
    id: str | None
    organization_id: int | None
    subject_id: int | None
    who: Who | None
    """``None`` once it is gone."""
    who_gone: str | None = None
    """What took it; see ``Detail.gone``."""
    pseudonym: str | None = None
    what: What | None
    """``None`` once it is gone."""
    what_gone: str | None = None
    hash: bytes


class Wanted(NamedTuple):
    """Which entries are asked for; ``None``: any."""

    organization_id: int | None = None
    subject_id: int | None = None
    action: str | None = None
    kind: str | None = None
    id: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    """Before this instant."""
    actor: str | None = None
    """By its whole name; entries whose part *who* is gone are nobody's."""


EVERYTHING: Final = Wanted()


def append(
    connection: sa.Connection,
    notes: Sequence[Note],
    by: Actor,
    *,
    at_us: int,
    version: int,
    random: Callable[[int], bytes],
) -> None:
    """Write an entry for each note. The transaction holds the lock on the registry's version: one after another."""
    if not notes:
        return
    head = read_head(connection)
    links, details = list[dict[str, Any]](), list[dict[str, Any]]()
    who = msgspec.json.encode(Who(storable(by.name), by.address))
    for note in notes:
        parts = {"who": who, "what": _what_of(note)}
        salts = {part: random(SALT_BYTES) for part in parts}
        link = Link(
            number=head.number + 1,
            at_us=at_us,
            version=version,
            origin=by.origin,
            role=by.role,
            action=note.action,
            kind=note.kind,
            id=note.id,
            organization_id=note.organization_id,
            subject_id=note.subject_id,
            who=commitment(salts["who"], parts["who"]),
            what=commitment(salts["what"], parts["what"]),
        )
        head = Head(link.number, link.hash_after(head.hash))
        links.append({**msgspec.structs.asdict(link), "hash": head.hash})
        details += (
            {"number": link.number, "part": part, "salt": salts[part], "content": content}
            for part, content in parts.items()
        )
    connection.execute(sa.insert(_log), links)
    connection.execute(sa.insert(_details), details)
    connection.execute(sa.update(_head).values(number=head.number, hash=head.hash))


def read_head(connection: sa.Connection) -> Head:
    """The newest entry's number and hash, as they are kept apart from the entries."""
    row = connection.execute(sa.select(_head.c.number, _head.c.hash)).one_or_none()
    return EMPTY if row is None else Head(row.number, row.hash)


def verify(connection: sa.Connection, noted: Head | None = None) -> Head | Broken:
    """Look through the whole log; see ``verified``. The connection is to see one moment."""
    return verified(records(connection), read_head(connection), noted)


def records(
    connection: sa.Connection, wanted: Wanted = EVERYTHING, *, after: int = 0, limit: int | None = None
) -> Iterator[Record]:
    """The records above a number, in order. By ``wanted.actor`` nothing is chosen here."""
    query = _records.where(_log.c.number > after, *_conditions(wanted)).order_by(_log.c.number).limit(limit)
    with connection.execute(query, execution_options={"yield_per": READ_AT_ONCE}) as rows:
        for row in rows:
            yield _record(row)


def get(connection: sa.Connection, number: int) -> Entry:
    """One entry. Raises ``NotFound``."""
    row = connection.execute(_records.where(_log.c.number == number)).one_or_none()
    if row is None:
        raise NotFound(f"the audit log has no entry {number}")
    return _entry(row)


def listed(
    connection: sa.Connection, wanted: Wanted = EVERYTHING, *, below: int | None = None, limit: int
) -> list[Entry]:
    """The newest entries first, of those below a number."""
    query = _records.where(*_conditions(wanted)).order_by(_log.c.number.desc())
    if below is not None:
        query = query.where(_log.c.number < below)
    if wanted.actor is None:
        return [_entry(row) for row in connection.execute(query.limit(limit))]
    found = list[Entry]()
    with connection.execute(query, execution_options={"yield_per": READ_AT_ONCE}) as rows:
        for row in rows:
            entry = _entry(row)
            if entry.who is not None and entry.who.name == wanted.actor:
                found.append(entry)
                if len(found) == limit:
                    break
    return found


def _what_of(note: Note) -> bytes:
    fields = {field: [_bounded(value) for value in both] for field, both in note.fields.items()}
    return msgspec.json.encode({"name": note.name, "fields": fields})


def _bounded(value: Any) -> Any:
    """A field's value as JSON has it; of a large one its size."""
    encoded = msgspec.json.encode(value, enc_hook=_plain, order="deterministic")
    if len(encoded) > MAX_FIELD_BYTES:
        return {"bytes": len(encoded)}
    return msgspec.Raw(encoded)


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    return dict(value) if isinstance(value, Mapping) else str(value)


def _conditions(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    for column in (_log.c.organization_id, _log.c.subject_id, _log.c.action, _log.c.kind, _log.c.id):
        if (value := getattr(wanted, column.name)) is not None:
            yield column == value
    if wanted.since_us is not None:
        yield _log.c.at_us >= wanted.since_us
    if wanted.until_us is not None:
        yield _log.c.at_us < wanted.until_us


def _record(row: Any) -> Record:
    who = Detail(salt=row.who_salt, content=row.who_content, gone=row.who_gone, pseudonym=row.who_pseudonym)
    what = Detail(salt=row.what_salt, content=row.what_content, gone=row.what_gone)
    return Record(
        link=Link(**{name: getattr(row, name) for name in Link.__struct_fields__}),
        hash=row.hash,
        who=None if row.who_number is None else who,
        what=None if row.what_number is None else what,
    )


def _entry(row: Any) -> Entry:
    return shown(_record(row))


def shown(record: Record) -> Entry:
    """A record as it is shown."""
    link, who, what = record.link, record.who, record.what
    values = {name: getattr(link, name) for name in Link.__struct_fields__ if name not in ("who", "what")}
    return Entry(
        **values,
        who=None if who is None or who.content is None else msgspec.json.decode(who.content, type=Who),
        who_gone=None if who is None else who.gone,
        pseudonym=None if who is None else who.pseudonym,
        what=None if what is None or what.content is None else msgspec.json.decode(what.content, type=What),
        what_gone=None if what is None else what.gone,
        hash=record.hash,
    )

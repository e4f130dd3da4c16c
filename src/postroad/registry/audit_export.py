"""The audit log as lines of JSON: one entry a line, with all that is needed to verify the chain without the hub.

A *stored format*: docs/formats/audit-log.md describes it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from postroad.clock import from_us, to_us
from postroad.errors import ConfigError
from postroad.registry.actor import Origin
from postroad.registry.audit_chain import Detail, Head, Link, Record

_BYTES_PER_HASH = 32


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the details; bytes in hex."""

    commitment: str
    salt: str | None
    content: str | None
    gone: str | None = None
    pseudonym: str | None = None


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    at_us: int
    at: str
    """The same for people: RFC 3339, UTC."""
    version: int
    origin: Origin
    role: str | None
    action: str
    kind: str
    id: str | None
    organization_id: int | None
    subject_id: int | None
    who: _Part
    what: _Part
    hash: str


def line(record: Record) -> bytes:
    """An entry as a line, without its end."""
    link = record.link
    values = {name: getattr(link, name) for name in Link.__struct_fields__ if name not in ("who", "what")}
    return msgspec.json.encode(
        _Line(
            **values,
            at=from_us(link.at_us).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            who=_part(link.who, record.who),
            what=_part(link.what, record.what),
            hash=record.hash.hex(),
        )
    )


def read(lines: Iterable[bytes], file: str) -> Iterator[Record]:
    """The entries of an export, in its order.

    Raises:
        ConfigError: A line is none that an export would have; names it.
    """
    decoder = msgspec.json.Decoder(_Line)
    for number, text in enumerate(lines, 1):
        try:
            yield _record(decoder.decode(text))
        except (msgspec.DecodeError, ValueError) as exc:
            raise ConfigError("not a line of an export of the audit log", file=file, line=number) from exc


def head(text: str) -> Head:
    """A head as it is written, ``N:HASH``. Raises ``ValueError``."""
    number, _, hash_ = text.strip().partition(":")
    return Head(int(number), _hash(hash_))


def _part(committed: bytes, detail: Detail | None) -> _Part:
    if detail is None:
        return _Part(commitment=committed.hex(), salt=None, content=None)
    return _Part(
        commitment=committed.hex(),
        salt=None if detail.salt is None else detail.salt.hex(),
        content=None if detail.content is None else detail.content.decode(),
        gone=detail.gone,
        pseudonym=detail.pseudonym,
    )


def _record(one: _Line) -> Record:
    if _at(one.at) != one.at_us:
        raise ValueError("two instants")
    names = [name for name in Link.__struct_fields__ if name not in ("who", "what")]
    return Record(
        link=Link(
            **{name: getattr(one, name) for name in names},
            who=_hash(one.who.commitment),
            what=_hash(one.what.commitment),
        ),
        hash=_hash(one.hash),
        who=_detail(one.who),
        what=_detail(one.what),
    )


def _detail(part: _Part) -> Detail:
    return Detail(
        salt=None if part.salt is None else bytes.fromhex(part.salt),
        content=None if part.content is None else part.content.encode(),
        gone=part.gone,
        pseudonym=part.pseudonym,
    )


def _hash(text: str) -> bytes:
    found = bytes.fromhex(text)
    if len(found) != _BYTES_PER_HASH:
        raise ValueError("no SHA-256")
    return found


def _at(text: str) -> int:
    return to_us(datetime.fromisoformat(text))

"""The audit log's chain: how its links are made, and how anybody finds where it was broken.

A *stored format*. A link is one entry without its personal details. Those are kept apart, in two parts: *who* did it,
and *what* was done in detail. The link holds a commitment to each, SHA-256 over a random salt and the part's bytes. So
a part can go, as erasure wants it, and the chain still holds, while nobody can put another in its place, nor guess from
the commitment what it was, since the salt goes with the part.

A link's hash is SHA-256 over the hash before it (32 zero bytes before the first) and the link as compact JSON:
``["postroad audit log 1", number, at_us, version, origin, role, action, kind, id, organization_id, subject_id, who,
what]``, the commitments in hex. docs/formats/audit-log.md has an example.
"""

import hashlib
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from postroad.registry.actor import Origin

SALT_BYTES: Final = 32
GENESIS: Final = bytes(32)
"""The hash before the first link."""
ERASURE: Final = "erasure/"
"""What a part says that an erasure took, with the erasure's number."""
RETENTION: Final = "retention"
"""What a part says that went because it was old."""

_DOMAIN: Final = "postroad audit log 1"

Part = Literal["who", "what"]


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an entry's personal details."""

    salt: bytes | None
    """``None``, with the content, once it is gone."""
    content: bytes | None
    """JSON; see ``postroad.registry.audit_log.Who`` and ``What``."""
    gone: str | None = None
    """What took it: ``erasure/`` and the erasure's number, or ``retention``."""
    pseudonym: str | None = None
    """Of a *who* that went because it was old: the same for the same actor, and telling nobody who it was."""

    def fits(self, committed: bytes) -> bool:
        """Whether it is what was committed to, as far as it is there."""
        return self.salt is None or self.content is None or commitment(self.salt, self.content) == committed

    @property
    def is_there(self) -> bool:
        """Whether it can still be read."""
        return self.salt is not None and self.content is not None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One entry, as it is chained. ``at_us`` is in microseconds since 1970, UTC."""

    number: int
    """From 1, without a gap."""
    at_us: int
    version: int
    """The registry's, after the change."""
    origin: Origin
    role: str | None
    action: str
    kind: str
    id: str | None
    organization_id: int | None
    subject_id: int | None
    who: bytes
    what: bytes

    def hash_after(self, before: bytes) -> bytes:
        """Its hash, where ``before`` is that of the link before it."""
        chained = [_DOMAIN, *(getattr(self, name) for name in _CHAINED), self.who.hex(), self.what.hex()]
        return hashlib.sha256(before + msgspec.json.encode(chained)).digest()


_CHAINED: Final = tuple(name for name in Link.__struct_fields__ if name not in ("who", "what"))


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A link as it is stored, with its hash and details; ``None`` for a part that is not there at all."""

    link: Link
    hash: bytes
    who: Detail | None
    what: Detail | None


class Head(msgspec.Struct, frozen=True):
    """The newest entry's number and hash: who keeps both elsewhere can prove later that nothing was changed below."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        """``N:HASH``, as commands show and take it."""
        return f"{self.number}:{self.hash.hex()}"


EMPTY: Final = Head(0, GENESIS)
"""Of a log without entries."""

Fault = Literal["missing", "changed", "detail_changed", "detail_missing", "cut_off", "not_counted", "other_head"]
"""What is wrong at a number: no such entry; its link or hash is not what was written; a detail is not; a detail is gone
and no entry says by what; entries are gone from here on; entries stand from here on that were not written by the hub;
it is not the entry that it was when its hash was noted elsewhere."""


class Broken(msgspec.Struct, frozen=True):
    """The first number where the chain does not hold."""

    number: int
    fault: Fault


def commitment(salt: bytes, content: bytes) -> bytes:
    """What a link holds of a part of its details."""
    return hashlib.sha256(salt + content).digest()


def verified(records: Iterable[Record], counted: Head | None, noted: Head | None = None) -> Head | Broken:
    """The head of a chain that holds, or where it does not first.

    Args:
        records: all of them, in order.
        counted: the head as the hub has kept it apart from the entries; ``None``: not known, as of an export.
        noted: a head that somebody has noted elsewhere, earlier.
    """
    head, claims, takers = EMPTY, dict[str, int](), set[str]()
    for record in records:
        link = record.link
        if link.number != head.number + 1:
            return Broken(head.number + 1, "missing")
        if record.hash != link.hash_after(head.hash):
            return Broken(link.number, "changed")
        for detail, committed in ((record.who, link.who), (record.what, link.what)):
            if detail is None or not (detail.is_there or detail.gone):
                return Broken(link.number, "detail_missing")
            if not detail.fits(committed):
                return Broken(link.number, "detail_changed")
            if not detail.is_there and detail.gone is not None:
                claims.setdefault(detail.gone, link.number)
        if (taker := _takes(link)) is not None:
            takers.add(taker)
        head = Head(link.number, record.hash)
        if noted is not None and noted.number == head.number and noted != head:
            return Broken(head.number, "other_head")
    if (at_the_end := _against(head, counted, noted)) is not None:
        return at_the_end  # what is cut off may be what says where details went
    unsaid = [number for gone, number in claims.items() if gone not in takers]
    return Broken(min(unsaid), "detail_missing") if unsaid else head


def _takes(link: Link) -> str | None:
    """What is said of details that this entry took."""
    match link.action, link.kind:
        case "create", "erasure":
            return f"{ERASURE}{link.id}"
        case "prune", "audit_log":
            return RETENTION
    return None


def _against(head: Head, counted: Head | None, noted: Head | None) -> Broken | None:
    """What is wrong at the end."""
    if noted is not None and noted.number > head.number:
        return Broken(head.number + 1, "cut_off")
    if counted is None or counted == head:
        return None
    if counted.number > head.number:
        return Broken(head.number + 1, "cut_off")
    if counted.number < head.number:
        return Broken(counted.number + 1, "not_counted")
    return Broken(head.number, "changed")

"""Erasures: who or what is to be forgotten, how far that is, and what is left of it: a receipt.

Asking for one is one change of the registry. From it on no stream gives the subject, its identifiers are gone (sealed,
as long as the log must be searched for them) and blocked by keyed hashes, so that nothing of it is taken in. What the
hub's files hold goes afterwards (``postroad.service.erasing``), after any number of restarts.

*asked*: the files are to be searched. *erased*: they were; the items that tell customers of it are under way, and are
erased when they are settled. *done*: nothing is left but the row, without its names.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, NotFound
from postroad.protocols import postroad as words
from postroad.registry import coverage, documents, grants, memberships, outbox, streams
from postroad.registry.blocklist import (
    block,
    block_key,
    blocked_by,
    digest,
    document_namespace,
    is_blocked,
    unblock,
)
from postroad.registry.secrets import KeyRing
from postroad.registry.transaction import Transaction, insert

ErasureKind = Literal["driver", "vehicle", "trip"]
ErasureState = Literal["asked", "erased", "done"]
Fate = Literal["under_way", "told", "given_up", "not_told"]
"""Of a customer: the word of it is under way, was confirmed, or was given up; or its subscription has no such word."""

_erasures, _subjects = schema.erasures, schema.subjects
_identifiers, _streams = schema.identifiers, schema.streams


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription that had access to what was erased."""

    subscription_id: int
    subscription: str
    """Its name, or its number where nobody knows that any more."""
    removed: bool = False
    """Before the erasure was asked for: nobody can be told by it any more."""
    events: int | None
    """Made of items that were still stored, and delivered by the subscription's account; None: that is gone with it."""
    since_us: int | None
    """When its first stream was opened; None: it had none, and was told of grants only."""
    notice: Fate = "not_told"


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that an erasure does not reach."""

    place: str
    made_us: int
    until_us: int | None = None
    """When it goes; None: nobody said when it was made."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure removed, where, and who knows of it. It names nobody."""

    items: int = 0
    """In the log, turned into tombstones, or, if they are told still, to be; in quarantine too."""
    letters: int = 0
    """Parked or dead, beside the log."""
    refusals: int = 0
    """Requests that had been answered with an error."""
    state: int = 0
    """Last known values: vehicles."""
    trips: int = 0
    """Trips in the making: vehicles."""
    datasets: int = 0
    """In the index of what can be fetched."""
    registry: int = 0
    """Rows of the registry that named it, or were changed not to."""
    receivers: tuple[Receiver, ...] = ()
    backups: tuple[Backup, ...] = ()
    """That were there, and not said to be gone, when it was erased."""
    declared_in: tuple[str, ...] = ()
    """Where the operator's file may name it still: ``vehicles``, ``subscription NAME``."""
    allowed_us: int | None = None
    """When it was allowed to come back; what is called so is taken in since."""
    allowed: tuple[str, ...] = ()
    """The keyed hashes, in hex, that it blocked until then: by them what a backup brings back is found."""
    counted_to: int = 0
    """Items below are counted: before they went, since whoever is ended half-way finds no more than what is left."""

    def more(self, other: "Receipt") -> "Receipt":
        """Both: numbers added up, the rest as ``other`` has it, if it has any."""
        return self._with(other, lambda mine, others: mine + others)

    def at_least(self, other: "Receipt") -> "Receipt":
        """Of each number the larger, the rest as ``other`` has it, if it has any."""
        return self._with(other, max)

    def _with(self, other: "Receipt", join: Callable[[int, int], int]) -> "Receipt":
        values = {}
        for name, value in msgspec.structs.asdict(other).items():
            mine = getattr(self, name)
            values[name] = join(mine, value) if isinstance(value, int) else value or mine
        return msgspec.structs.replace(self, **values)


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """A row. Instants are microseconds since 1970, UTC."""

    id: int
    organization_id: int
    kind: ErasureKind
    digest: bytes
    """The keyed hash of its (first) name: by it an operator finds the receipt of somebody whom he can name."""
    subject_id: int | None
    provider_id: int | None
    shard: int
    asked_us: int
    asked_by: Literal["operator", "provider"]
    sealed: bytes | None
    state: ErasureState
    searched_to: int
    notices: tuple[int, ...]
    erased_us: int | None
    done_us: int | None
    receipt: Receipt


class Names(msgspec.Struct, frozen=True):
    """By what an erased subject or document is found in what providers have sent."""

    identifiers: tuple[tuple[str, str], ...] = ()
    """(Namespace, normalised value)."""
    document: str | None = None
    """A document's key."""


def names_place(erasure_id: int) -> str:
    """Where the names of an erasure are sealed to; see ``postroad.registry.secrets``."""
    return f"erasure/{erasure_id}/names"


def ask_subject(
    transaction: Transaction, keys: KeyRing, subject_id: int, *, by: Literal["operator", "provider"]
) -> int | None:
    """Have a driver or vehicle forgotten; the erasure's id, or None if it has been asked for already.

    Its streams end, and what it granted; those who had it are told as far as they can be.

    Raises:
        NotFound: There is no such driver or vehicle.
        ConfigError, StoreCorrupt: See ``KeyRing.unseal``.
    """
    connection = transaction.connection
    subject = connection.execute(sa.select(_subjects).where(_subjects.c.id == subject_id)).one_or_none()
    if subject is None or subject.kind not in ("driver", "vehicle"):
        raise NotFound(f"there is no driver or vehicle with the number {subject_id}")
    mine = _identifiers.c.subject_id == subject_id
    query = sa.select(_identifiers.c.namespace, _identifiers.c.value).where(mine).order_by(*_identifiers.primary_key)
    named = [(row.namespace, row.value) for row in connection.execute(query)]
    if not named and _of_subject(connection, subject_id):
        return None
    if subject.removed_us is None:
        removed = sa.update(_subjects).where(_subjects.c.id == subject_id).values(removed_us=transaction.now_us)
        connection.execute(removed)
        if subject.kind == "driver":
            _end_drivers_streams(transaction, subject)
        else:
            grants.end_dead(transaction)
            coverage.reconcile(transaction, subject.organization_id, vehicle_id=subject_id)
            memberships.end(transaction, schema.memberships.c.vehicle_id == subject_id)
    erasure_id = _add(
        transaction,
        keys,
        Names(identifiers=tuple(named)),
        organization_id=subject.organization_id,
        kind=subject.kind,
        subject_id=subject_id,
        provider_id=None,
        shard=subject.shard,
        asked_by=by,
    )
    connection.execute(sa.delete(_identifiers).where(mine))
    connection.execute(sa.update(_subjects).where(_subjects.c.id == subject_id).values(name=None))
    documents.forget_owner(transaction, subject_id)
    return erasure_id


def ask_trip(
    transaction: Transaction,
    keys: KeyRing,
    key: str,
    *,
    provider_id: int,
    organization_id: int,
    shard: int,
    by: Literal["operator", "provider"],
    again: bool = False,
) -> int | None:
    """Have a provider's trip forgotten, by its key; as ``ask_subject``. ``shard``: where it is if nobody knows whose.

    ``again``: also if it is blocked. Raises as ``ask_subject`` does, but for ``NotFound``: what is not known is blocked
    all the same.
    """
    if not again and is_blocked(transaction, keys, organization_id, document_namespace(provider_id), key):
        return None
    owner = documents.forget(transaction, provider_id, key)
    if owner is not None:
        shard = transaction.connection.execute(sa.select(_subjects.c.shard).where(_subjects.c.id == owner)).scalar_one()
    return _add(
        transaction,
        keys,
        Names(document=key),
        organization_id=organization_id,
        kind="trip",
        subject_id=owner,
        provider_id=provider_id,
        shard=shard,
        asked_by=by,
    )


def allow_again(transaction: Transaction, erasure_id: int) -> Erasure:
    """Take in what was erased if it comes again: somebody who has come back. What was erased stays so; the receipt too.

    Raises:
        NotFound: There is no such erasure, or it blocks nothing: it was allowed already, or erased again since.
        ConfigError: It is not done: what came in would be erased with the rest.
    """
    erasure = get(transaction.connection, erasure_id)
    if erasure.state != "done":
        raise ConfigError(f"erasure {erasure_id} is not done yet; what came in now would be erased too")
    blocked = blocked_by(transaction.connection, erasure_id)
    if not blocked:
        raise NotFound(f"erasure {erasure_id} blocks nothing: it was allowed again already, or erased again since")
    unblock(transaction, erasure_id)
    allowed = tuple(hashed.hex() for hashed in blocked)
    receipt = msgspec.structs.replace(erasure.receipt, allowed_us=transaction.now_us, allowed=allowed)
    kept = sa.update(_erasures).where(_erasures.c.id == erasure_id).values(receipt=msgspec.to_builtins(receipt))
    transaction.connection.execute(kept)
    transaction.note(
        "allow_again",
        "erasure",
        erasure_id,
        organization_id=erasure.organization_id,
        subject_id=erasure.subject_id,
    )
    return msgspec.structs.replace(erasure, receipt=receipt)


def names(erasure: Erasure, keys: KeyRing) -> Names:
    """By what it is found; nothing once it is done. Raises as ``KeyRing.unseal`` does."""
    if erasure.sealed is None:
        return Names()
    return msgspec.json.decode(keys.unseal(names_place(erasure.id), erasure.sealed), type=Names)


def unfinished(connection: sa.Connection) -> list[Erasure]:
    """Those that are not done, the oldest first."""
    query = sa.select(_erasures).where(_erasures.c.state != "done").order_by(_erasures.c.id)
    return [_erasure(row) for row in connection.execute(query).mappings()]


def get(connection: sa.Connection, erasure_id: int) -> Erasure:
    """One erasure. Raises ``NotFound``."""
    row = connection.execute(sa.select(_erasures).where(_erasures.c.id == erasure_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no erasure {erasure_id}")
    return _erasure(row)


def listed(
    connection: sa.Connection, *, limit: int | None, organization_id: int | None = None, before: int | None = None
) -> list[Erasure]:
    """The newest first, from the one behind ``before`` (an id) on: of everybody, or of one organization."""
    query = sa.select(_erasures).order_by(_erasures.c.id.desc()).limit(limit)
    if organization_id is not None:
        query = query.where(_erasures.c.organization_id == organization_id)
    if before is not None:
        query = query.where(_erasures.c.id < before)
    return [_erasure(row) for row in connection.execute(query).mappings()]


def note(transaction: Transaction, erasure: Erasure) -> None:
    """Keep how far an erasure is; when it is done, the audit log says so."""
    if erasure.state == "done":
        transaction.note(
            "complete",
            "erasure",
            erasure.id,
            organization_id=erasure.organization_id,
            subject_id=erasure.subject_id,
        )
    values = msgspec.to_builtins(erasure, builtin_types=(bytes,))
    transaction.connection.execute(sa.update(_erasures).where(_erasures.c.id == erasure.id).values(values))


def _add(transaction: Transaction, keys: KeyRing, named: Names, **values: Any) -> int:
    """Add the row, and block the names."""
    organization_id, key = values["organization_id"], block_key(transaction, keys)
    pairs: Sequence[tuple[str, str]] = named.identifiers
    if named.document is not None:
        pairs = [(document_namespace(values["provider_id"]), named.document)]
    hashes = [digest(key, organization_id, *pair) for pair in pairs]
    erasure_id = insert(
        transaction.connection,
        _erasures,
        **values,
        digest=hashes[0] if hashes else b"",
        asked_us=transaction.now_us,
        state="asked",
        searched_to=0,
        notices=[],
        receipt=msgspec.to_builtins(Receipt()),
    )
    sealed = keys.seal(names_place(erasure_id), msgspec.json.encode(named).decode())
    transaction.connection.execute(sa.update(_erasures).where(_erasures.c.id == erasure_id).values(sealed=sealed))
    block(transaction, hashes, erasure_id)
    transaction.touched = True
    transaction.note(
        "create",
        "erasure",
        erasure_id,
        organization_id=organization_id,
        subject_id=values["subject_id"],
        fields={"kind": (None, values["kind"])},
    )
    return erasure_id


def _end_drivers_streams(transaction: Transaction, subject: Any) -> None:
    """End a driver's streams, with the hub's own word that he is to be forgotten as their farewell."""
    still_open = sa.select(_streams.c.id).where(_streams.c.subject_id == subject.id, ~_streams.c.ended)
    ending = list(transaction.connection.scalars(still_open.order_by(_streams.c.id)))
    streams.end_all(transaction, ending)
    word = words.DriverDeleted(at_us=transaction.now_us, subject_id=subject.id)
    outbox.say(transaction, subject.organization_id, word, shard=subject.shard, farewell_of=ending)


def _of_subject(connection: sa.Connection, subject_id: int) -> bool:
    query = sa.select(_erasures.c.id).where(_erasures.c.subject_id == subject_id, _erasures.c.kind != "trip")
    return connection.execute(query).first() is not None


def _erasure(row: sa.RowMapping) -> Erasure:
    return msgspec.convert({str(name): value for name, value in row.items()}, Erasure)  # they are no plain strings

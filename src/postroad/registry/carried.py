"""Erasures carried from one copy of a registry to another, so that what a backup brings back is erased again.

A receipt names nobody, and the names are gone: all that tells who was erased are keyed hashes. But a restored registry
knows the names it had when the backup was made, so whoever has the hashes finds them there. Hashes hold the numbers of
organizations and providers: they are of use to copies of one hub only.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError
from postroad.registry import erasures
from postroad.registry.blocklist import PLACE, block, block_key, blocked_by, digest
from postroad.registry.erasures import Erasure, ErasureKind, Receipt
from postroad.registry.secrets import KeyRing
from postroad.registry.transaction import Transaction, insert

VERSION: Final = 1
"""Of the file that ``Carried`` is written to. *Stored format.*"""

_erasures, _identifiers = schema.erasures, schema.identifiers


class CarriedErasure(msgspec.Struct, frozen=True, kw_only=True):
    """One erasure without its names. Instants are microseconds since 1970, UTC; hashes are hex."""

    organization_id: int
    kind: ErasureKind
    digest: str
    digests: tuple[str, ...]
    """Of all its names that it blocks, or blocked until it was allowed again."""
    provider_id: int | None
    shard: int
    asked_us: int
    asked_by: Literal["operator", "provider"]
    erased_us: int | None
    done_us: int | None
    """None: it had not come to its end."""
    receipt: Receipt


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """All erasures of a registry."""

    carried: int = VERSION
    block_key: str | None
    """The key of the hashes, sealed, as hex; None: nothing was ever erased."""
    erasures: tuple[CarriedErasure, ...]

    def opened(self, keys: KeyRing) -> "Opened":
        """With its key at hand. Raises as ``KeyRing.unseal`` does."""
        key = b"" if self.block_key is None else bytes.fromhex(keys.unseal(PLACE, bytes.fromhex(self.block_key)))
        return Opened(key, self.erasures)


class Opened:
    """Carried erasures by whose hashes names can be found."""

    def __init__(self, key: bytes, erasures: Sequence[CarriedErasure]) -> None:
        """``key``: of the hashes."""
        self.key = key
        self.erasures = erasures
        self._digests = frozenset(hashed for one in erasures for hashed in one.digests)

    def holds(self, organization_id: int, namespace: str, value: str) -> bool:
        """Whether what is called so (normalised) was erased."""
        return digest(self.key, organization_id, namespace, value).hex() in self._digests

    def missing_in(self, connection: sa.Connection) -> "Opened":
        """Those of which a registry knows nothing, and whose organization it has."""
        query = sa.select(_erasures.c.organization_id, _erasures.c.kind, _erasures.c.digest, _erasures.c.asked_us)
        known = {(row.organization_id, row.kind, row.digest.hex(), row.asked_us) for row in connection.execute(query)}
        there = set(connection.scalars(sa.select(schema.organizations.c.id)))
        return Opened(
            self.key,
            [
                one
                for one in self.erasures
                if (one.organization_id, one.kind, one.digest, one.asked_us) not in known
                if one.organization_id in there
            ],
        )


def carried(connection: sa.Connection) -> Carried:
    """All that a registry knows of erasures, for another copy of it."""
    sealed: bytes | None = connection.scalar(sa.select(schema.block_key.c.sealed))
    return Carried(
        block_key=None if sealed is None else sealed.hex(),
        erasures=tuple(_carried(connection, one) for one in reversed(erasures.listed(connection, limit=None))),
    )


def read(data: bytes) -> Carried:
    """What was written to a file. Raises ``ConfigError``."""
    try:
        found = msgspec.json.decode(data, type=Carried)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ConfigError("the file holds no erasures; it is not what `postroad erase export` wrote") from exc
    if found.carried > VERSION:
        raise ConfigError("a newer Postroad wrote the file; import it with that one")
    return found


def receive(transaction: Transaction, keys: KeyRing, opened: Opened) -> list[int]:
    """Take in what was erased elsewhere, and ask again for whomever of it this registry knows; those erasures' ids.

    ``opened``: what is missing here. Documents are not known by name here: whoever reads the log asks for those.

    Raises:
        ConfigError: Something was erased here under another key, so that the hashes say nothing here.
        StoreCorrupt: See ``KeyRing.unseal``.
    """
    if not opened.erasures:
        return []
    _adopt_key(transaction, keys, opened.key)
    rows = [_insert(transaction, one) for one in opened.erasures]
    named = {
        row.subject_id
        for row in transaction.connection.execute(sa.select(_identifiers).order_by(_identifiers.c.subject_id))
        if opened.holds(row.organization_id, row.namespace, row.value)
    }
    for one, erasure_id in zip(opened.erasures, rows, strict=True):
        if one.receipt.allowed_us is None:
            block(transaction, map(bytes.fromhex, one.digests), erasure_id)
    asked = (erasures.ask_subject(transaction, keys, subject_id, by="operator") for subject_id in sorted(named))
    return [erasure_id for erasure_id in asked if erasure_id is not None]


def _adopt_key(transaction: Transaction, keys: KeyRing, key: bytes) -> None:
    if transaction.connection.scalar(sa.select(schema.block_key.c.id)) is None:
        values = {"id": 1, "sealed": keys.seal(PLACE, key.hex())}
        transaction.connection.execute(sa.insert(schema.block_key).values(values))
        transaction.touched = True
    elif block_key(transaction, keys) != key:
        raise ConfigError(
            "something was erased here since under another key, or these are erasures of another hub: "
            "what was erased there has to be erased here by name"
        )


def _insert(transaction: Transaction, one: CarriedErasure) -> int:
    transaction.touched = True
    erasure_id = insert(
        transaction.connection,
        _erasures,
        organization_id=one.organization_id,
        kind=one.kind,
        digest=bytes.fromhex(one.digest),
        subject_id=None,  # its number here may be somebody else's
        provider_id=one.provider_id,
        shard=one.shard,
        asked_us=one.asked_us,
        asked_by=one.asked_by,
        state="done",
        searched_to=0,
        notices=[],
        erased_us=one.erased_us,
        done_us=one.done_us,
        receipt=msgspec.to_builtins(one.receipt),
    )
    transaction.note(
        "carry", "erasure", erasure_id, organization_id=one.organization_id, fields={"kind": (None, one.kind)}
    )
    return erasure_id


def _carried(connection: sa.Connection, erasure: Erasure) -> CarriedErasure:
    digests: Iterable[str] = (hashed.hex() for hashed in blocked_by(connection, erasure.id))
    return CarriedErasure(
        organization_id=erasure.organization_id,
        kind=erasure.kind,
        digest=erasure.digest.hex(),
        digests=(*digests, *erasure.receipt.allowed),
        provider_id=erasure.provider_id,
        shard=erasure.shard,
        asked_us=erasure.asked_us,
        asked_by=erasure.asked_by,
        erased_us=erasure.erased_us,
        done_us=erasure.done_us,
        receipt=erasure.receipt,
    )

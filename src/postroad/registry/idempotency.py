"""What requests were answered that came with an idempotency key, so that each is carried out once.

An answer is kept in the transaction of the change that it answers: whichever of the two there is, there is the other.
It is sealed, because it may hold what is shown only once (a token, say); of who asked, and of his key, there is a
digest. Nothing of it is in a view: the version stays.
"""

import base64
import hashlib
from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from postroad.clock import DAY_US
from postroad.db import schema
from postroad.registry.secrets import KeyRing
from postroad.registry.transaction import Transaction

KEPT_US = DAY_US

_answered = schema.answered


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and what it was answered."""

    fingerprint: bytes
    """Of the request: what comes with the same key is the same request if this is the same."""
    status: int
    body: bytes
    headers: Mapping[str, str]


def answer_place(digest: bytes) -> str:
    """The place of a kept answer; see ``postroad.registry.secrets``."""
    return f"answered/{digest.hex()}"


def find(transaction: Transaction, owner: str, key: str, keys: KeyRing) -> Kept | None:
    """What was answered to the request with this key of ``owner``, not longer ago than ``KEPT_US``.

    Raises:
        ConfigError, StoreCorrupt: See ``KeyRing.unseal``.
    """
    digest = _digest(owner, key)
    query = sa.select(_answered.c.sealed).where(
        _answered.c.digest == digest, _answered.c.created_us > transaction.now_us - KEPT_US
    )
    sealed = transaction.connection.scalar(query)
    if sealed is None:
        return None
    return msgspec.msgpack.decode(base64.b64decode(keys.unseal(answer_place(digest), sealed)), type=Kept)


def keep(transaction: Transaction, owner: str, key: str, kept: Kept, keys: KeyRing) -> None:
    """Keep what a request is answered. The caller has looked, in this transaction, that there is nothing yet."""
    digest = _digest(owner, key)
    sealed = keys.seal(answer_place(digest), base64.b64encode(msgspec.msgpack.encode(kept)).decode())
    transaction.connection.execute(sa.delete(_answered).where(_answered.c.digest == digest))  # one that is too old
    transaction.connection.execute(
        sa.insert(_answered).values(digest=digest, sealed=sealed, created_us=transaction.now_us)
    )


def prune(connection: sa.Connection, before_us: int) -> int:
    """Forget what was answered before an instant (microseconds since 1970); how many answers those were."""
    return connection.execute(sa.delete(_answered).where(_answered.c.created_us < before_us)).rowcount


def _digest(owner: str, key: str) -> bytes:
    return hashlib.sha256(msgspec.json.encode([owner, key])).digest()

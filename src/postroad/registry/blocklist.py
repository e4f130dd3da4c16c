"""The block list: what was erased and comes again is known by a keyed hash, and not taken in.

The key is random, made when something is first erased, and sealed like any other secret, so that the hashes stay good
when the sealing key is rotated. Without it nobody can try plates or phone numbers against them.
"""

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry.records import RegistryView
from postroad.registry.secrets import KeyRing
from postroad.registry.transaction import Transaction

PLACE = "block_key"
"""Where the key is sealed to; see ``postroad.registry.secrets``."""
DIGEST_BYTES = 16

_KEY_BYTES = 32
_key, _blocked = schema.block_key, schema.blocked


def digest(key: bytes, organization_id: int, namespace: str, value: str) -> bytes:
    """What is kept of a name, which is a *stored format*; ``value`` normalised."""
    said = "\0".join((str(organization_id), namespace, value)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(said, key=key, digest_size=DIGEST_BYTES, person=b"postroad erased").digest()


def document_namespace(provider_id: int) -> str:
    """The namespace in which the keys of a provider's documents are blocked."""
    return f"document/{provider_id}"


def block_key(transaction: Transaction, keys: KeyRing) -> bytes:
    """The key, made now if there is none. Raises as ``KeyRing.unseal`` does."""
    sealed: bytes | None = transaction.connection.scalar(sa.select(_key.c.sealed))
    if sealed is not None:
        return bytes.fromhex(keys.unseal(PLACE, sealed))
    key = transaction.random(_KEY_BYTES)
    transaction.connection.execute(sa.insert(_key).values(id=1, sealed=keys.seal(PLACE, key.hex())))
    transaction.touched = True
    return key


def block(transaction: Transaction, digests: Iterable[bytes], erasure_id: int) -> None:
    """Take nothing in of what is called so; what was blocked already is by the newest erasure of it."""
    for hashed in digests:
        this = _blocked.c.digest == hashed
        again = sa.update(_blocked).where(this).values(erasure_id=erasure_id)
        if not transaction.connection.execute(again).rowcount:
            transaction.connection.execute(sa.insert(_blocked).values(digest=hashed, erasure_id=erasure_id))
            transaction.touched = True


def blocked_by(connection: sa.Connection, erasure_id: int) -> list[bytes]:
    """What an erasure blocks."""
    query = sa.select(_blocked.c.digest).where(_blocked.c.erasure_id == erasure_id).order_by(_blocked.c.digest)
    return list(connection.scalars(query))


def unblock(transaction: Transaction, erasure_id: int) -> None:
    """Have an erasure block nothing any more."""
    gone = transaction.connection.execute(sa.delete(_blocked).where(_blocked.c.erasure_id == erasure_id))
    transaction.touched |= bool(gone.rowcount)


def is_blocked(transaction: Transaction, keys: KeyRing, organization_id: int, namespace: str, value: str) -> bool:
    """Whether what is called so (normalised) was erased, as the registry has it now. Raises as ``KeyRing.unseal``."""
    if transaction.connection.scalar(sa.select(_key.c.id)) is None:
        return False
    hashed = digest(block_key(transaction, keys), organization_id, namespace, value)
    return transaction.connection.execute(sa.select(_blocked).where(_blocked.c.digest == hashed)).first() is not None


class BlockList:
    """What is blocked by the present view. Asked about names that the registry does not know: nearly never."""

    def __init__(self, keys: KeyRing) -> None:
        """Nothing is blocked before the first view."""
        self._keys = keys
        self._sealed: bytes | None = None
        self._key = b""
        self._digests: frozenset[bytes] = frozenset()

    def use(self, view: RegistryView) -> None:
        """Go by this view from now on. Raises as ``KeyRing.unseal`` does."""
        if view.block_key is not None and view.block_key != self._sealed:
            self._key = bytes.fromhex(self._keys.unseal(PLACE, view.block_key))
            self._sealed = view.block_key
        self._digests = view.blocked

    def holds(self, organization_id: int, namespace: str, value: str) -> bool:
        """Whether what is called so (normalised) was erased."""
        return bool(self._digests) and digest(self._key, organization_id, namespace, value) in self._digests

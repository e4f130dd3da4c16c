"""Whose a provider's documents are: a deletion names the document only, and may come before it.

A row for each document that was taken in, and for each that was deleted: of the latter it is the tombstone by which
what comes late is known. No key is kept, only a digest of it; a key is the provider's and long, so it cannot be guessed
from that. No view shows these rows: they are asked one by one.
"""

import hashlib

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry import outbox
from postroad.registry.outbox import Saying
from postroad.registry.transaction import Transaction

_documents, _subjects = schema.documents, schema.subjects

UNASSIGNED = 0
"""The subject of a document that nobody is known to have; as in the log."""


def digest(key: str) -> bytes:
    """The 16 bytes that are kept of a document's key, which are a *stored format*."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def note(transaction: Transaction, provider_id: int, key: str, subject_id: int) -> bool:
    """A document came, of this subject or ``UNASSIGNED``; False: it was deleted before, and is not to be taken in."""
    this = _this(provider_id, key)
    found = transaction.connection.execute(sa.select(_documents).where(this)).one_or_none()
    owner = subject_id or None
    if found is None:
        values = {"provider_id": provider_id, "digest": digest(key), "subject_id": owner}
        transaction.connection.execute(sa.insert(_documents).values(values))
        return True
    if found.deleted_us is not None:
        return False
    if found.subject_id is None and owner is not None:
        transaction.connection.execute(sa.update(_documents).where(this).values(subject_id=owner))
    return True


def delete(transaction: Transaction, organization_id: int, key: str, saying: Saying, *, shard: int) -> bool:
    """A document was deleted, as the provider said; whether that is news.

    What was said goes into the log as an item of the subject whose the document is; of one that is not known it is
    nobody's, in ``shard``, since nobody can have been sent it.
    """
    provider_id = saying.by.provider_id
    this = _this(provider_id, key)
    query = sa.select(_documents, _subjects.c.shard).outerjoin(_subjects, _subjects.c.id == _documents.c.subject_id)
    found = transaction.connection.execute(query.where(this)).one_or_none()
    if found is not None and found.deleted_us is not None:
        return False
    if found is None:
        values = {"provider_id": provider_id, "digest": digest(key), "deleted_us": transaction.now_us}
        transaction.connection.execute(sa.insert(_documents).values(values))
    else:
        deleted = sa.update(_documents).where(this).values(deleted_us=transaction.now_us)
        transaction.connection.execute(deleted)
    owner = None if found is None else found.subject_id
    transaction.note("delete", "document", None, key, organization_id=organization_id, subject_id=owner)
    if found is None or found.subject_id is None:
        outbox.pass_on(transaction, organization_id, saying, subject_id=UNASSIGNED, shard=shard)
    else:
        outbox.pass_on(transaction, organization_id, saying, subject_id=found.subject_id, shard=found.shard)
    return True


def forget(transaction: Transaction, provider_id: int, key: str) -> int | None:
    """A document is to be forgotten: no row tells of it any more; whose it was. Who blocks it says so elsewhere."""
    this = _this(provider_id, key)
    owner: int | None = transaction.connection.scalar(sa.select(_documents.c.subject_id).where(this))
    transaction.connection.execute(sa.delete(_documents).where(this))
    return owner


def forget_owner(transaction: Transaction, subject_id: int) -> None:
    """A subject is to be forgotten: nothing says any more whose its documents were. Tombstones stay."""
    mine = _documents.c.subject_id == subject_id
    deleted = _documents.c.deleted_us.is_not(None)
    transaction.connection.execute(sa.delete(_documents).where(mine, ~deleted))
    transaction.connection.execute(sa.update(_documents).where(mine).values(subject_id=None))


def _this(provider_id: int, key: str) -> sa.ColumnElement[bool]:
    return (_documents.c.provider_id == provider_id) & (_documents.c.digest == digest(key))

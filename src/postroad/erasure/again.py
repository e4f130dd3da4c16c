"""Erases again what was erased in another copy of the hub: who is known by name, and trips that its log still holds."""

from collections.abc import Iterator

import msgspec

from postroad.erasure.search import document_keys
from postroad.errors import PostroadError
from postroad.log.interface import ERASED, UNREADABLE, Batch
from postroad.log.reader import ShardReader
from postroad.protocols import READABLE
from postroad.registry import carried, erasures
from postroad.registry.blocklist import document_namespace
from postroad.registry.carried import Carried, Opened
from postroad.registry.records import RegistryView
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.transaction import Transaction
from postroad.routing.translation import BatchTranslation, Decoder


class Again(msgspec.Struct, frozen=True):
    """What came of it."""

    taken: int
    """Erasures of which this copy knew nothing; their receipts are here now, and what they block is blocked."""
    asked: tuple[int, ...]
    """Erasures that were asked for by that: the hub carries them out."""
    allowed: int
    """So many of those taken had been allowed again: what was asked for anew has to be, too."""


class _Document(msgspec.Struct, frozen=True):
    provider_id: int
    organization_id: int
    key: str


def erase_again(
    registry: RegistryStore, reader: ShardReader | None, found: Carried, *, theirs: KeyRing, ours: KeyRing, shard: int
) -> Again:
    """Take erasures in, and ask again for what came back of them.

    Args:
        registry: of this copy.
        reader: of its shard; None: it has none yet.
        found: the erasures of the other copy.
        theirs: opens the other copy's secrets.
        ours: seals this one's.
        shard: the reader's number.

    Raises:
        ConfigError: A sealing key is missing, or this copy has erased under a key of its own.
        StoreUnavailable, StoreCorrupt: The registry or shard cannot be read or written.
    """
    opened = found.opened(theirs)
    with registry.transaction() as transaction:
        missing = opened.missing_in(transaction.connection)
    documents = list(_documents(reader, missing, registry.view())) if reader is not None else []
    with registry.transaction() as transaction:
        asked = carried.receive(transaction, ours, missing)
        for one in dict.fromkeys(documents):
            asked += _ask(transaction, ours, one, shard)
    allowed = sum(one.receipt.allowed_us is not None for one in missing.erasures)
    return Again(len(missing.erasures), tuple(asked), allowed)


def _ask(transaction: Transaction, keys: KeyRing, one: _Document, shard: int) -> list[int]:
    erasure_id = erasures.ask_trip(
        transaction,
        keys,
        one.key,
        provider_id=one.provider_id,
        organization_id=one.organization_id,
        shard=shard,
        by="operator",
        again=True,
    )
    return [] if erasure_id is None else [erasure_id]


def _documents(reader: ShardReader, missing: Opened, view: RegistryView) -> Iterator[_Document]:
    """The documents in the log that were erased elsewhere."""
    providers = {one.provider_id for one in missing.erasures if one.provider_id is not None}
    decoder, position = Decoder(READABLE), 0
    decoder.use(view)
    while providers and (batches := reader.read(position)):
        for batch in batches:
            if batch.provider_id in providers and (provider := view.providers.get(batch.provider_id)) is not None:
                for key in _keys(batch, decoder, view):
                    if missing.holds(provider.organization_id, document_namespace(provider.id), key):
                        yield _Document(provider.id, provider.organization_id, key)
        position = batches[-1].end


def _keys(batch: Batch, decoder: Decoder, view: RegistryView) -> Iterator[str]:
    translation = BatchTranslation(batch, decoder, {}, view)
    for index, kind in enumerate(batch.kinds):
        if kind in (ERASED, UNREADABLE):
            continue
        try:
            events = translation.events(index)
        except PostroadError:
            continue  # nobody can say any more what it is; searched for by name it would be found
        yield from (key for event in events for key in document_keys(event) if key is not None)

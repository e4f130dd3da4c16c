"""The way in, beside the entrances: remembering what was taken in before, and making new subjects known."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from postroad.clock import DAY_US, Clock
from postroad.ingest.dedup import DedupMemory
from postroad.ingest.intake import CreateSubjects, NewSubject
from postroad.layout import SHARDS
from postroad.log.interface import ShardLog
from postroad.model.identifiers import kind_of
from postroad.registry import streams, subjects
from postroad.registry.records import Subject
from postroad.registry.store import RegistryStore
from postroad.registry.transaction import Transaction
from postroad.service.declarable import catalogue
from postroad.settings import IngestSettings

NEW_SUBJECTS_SHARD = SHARDS[0]
"""Where what new vehicles, fleets and accounts say is kept."""


async def load_dedup(logs: Mapping[int, ShardLog], settings: IngestSettings, clock: Clock) -> DedupMemory:
    """The memory of resends as it was before the hub stopped. Raises ``StoreUnavailable`` or ``StoreCorrupt``."""
    keep_us = settings.dedup_days * DAY_US
    dedup = DedupMemory(max_keys=settings.dedup_max_keys, keep_us=keep_us)
    for log in logs.values():
        dedup.load(await log.dedup_keys(since_us=clock.now_us() - keep_us, limit=settings.dedup_max_keys))
    return dedup


def subject_creator(
    registry: RegistryStore, log: ShardLog, *, refresh: Callable[[], Awaitable[None]]
) -> CreateSubjects:
    """See ``CreateSubjects``: one transaction for all, then one ``refresh``. ``log`` is ``NEW_SUBJECTS_SHARD``'s.

    Nothing of these subjects is in the log yet, so their streams may begin anywhere up to here: unlike other new
    streams they need not hold up routing.
    """
    issue = catalogue().issues

    def make(transaction: Transaction, new: NewSubject) -> Subject:
        identifiers, kind = {new.namespace: new.identifier}, kind_of(new.namespace)
        if kind != "vehicle":
            return subjects.create_other(transaction, new.organization_id, kind, identifiers, shard=NEW_SUBJECTS_SHARD)
        return subjects.create_vehicle(
            transaction, new.organization_id, identifiers, shard=NEW_SUBJECTS_SHARD, issue=issue
        )

    def store(wanted: Sequence[NewSubject], position: int) -> None:
        with registry.transaction() as transaction:
            made = [make(transaction, new).id for new in wanted]
            streams.activate(transaction, NEW_SUBJECTS_SHARD, position, subject_ids=made)

    async def create(wanted: Sequence[NewSubject]) -> None:
        await asyncio.to_thread(store, wanted, log.next_position)
        await refresh()

    return create

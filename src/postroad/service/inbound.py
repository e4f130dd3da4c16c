"""The way in, beside the entrances: remembering what was taken in before, and making new subjects known."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

from postroad.clock import DAY_US, Clock
from postroad.ingest.dedup import DedupMemory
from postroad.ingest.subjects import CreateSubjects, NewSubject
from postroad.layout import SHARDS
from postroad.log.interface import ShardLog
from postroad.registry import streams, subjects
from postroad.registry.store import RegistryStore
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

    def store(wanted: Sequence[NewSubject], position: int) -> None:
        groups = defaultdict[tuple[int, str], list[str]](list)
        for new in wanted:
            groups[new.organization_id, new.namespace].append(new.identifier)
        with registry.transaction() as transaction:
            for (organization_id, namespace), values in groups.items():
                made = subjects.create_named(
                    transaction, organization_id, namespace, values, shard=NEW_SUBJECTS_SHARD, issue=issue
                )
                streams.activate(transaction, NEW_SUBJECTS_SHARD, position, subject_ids=made)

    async def create(wanted: Sequence[NewSubject]) -> None:
        await asyncio.to_thread(store, wanted, log.next_position)
        await refresh()

    return create

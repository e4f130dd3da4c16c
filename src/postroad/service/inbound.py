"""The way in, beside the entrances: remembering what was taken in before, and making new vehicles known."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from postroad.clock import DAY_US, Clock
from postroad.ingest.dedup import DedupMemory
from postroad.ingest.intake import CreateVehicles, NewVehicle
from postroad.layout import SHARDS
from postroad.log.interface import ShardLog
from postroad.registry import streams, subjects
from postroad.registry.store import RegistryStore
from postroad.service.declarable import catalogue
from postroad.settings import IngestSettings

NEW_VEHICLES_SHARD = SHARDS[0]
"""Where what new vehicles say is kept."""


async def load_dedup(logs: Mapping[int, ShardLog], settings: IngestSettings, clock: Clock) -> DedupMemory:
    """The memory of resends as it was before the hub stopped. Raises ``StoreUnavailable`` or ``StoreCorrupt``."""
    keep_us = settings.dedup_days * DAY_US
    dedup = DedupMemory(max_keys=settings.dedup_max_keys, keep_us=keep_us)
    for log in logs.values():
        dedup.load(await log.dedup_keys(since_us=clock.now_us() - keep_us, limit=settings.dedup_max_keys))
    return dedup


def vehicle_creator(
    registry: RegistryStore, log: ShardLog, *, refresh: Callable[[], Awaitable[None]]
) -> CreateVehicles:
    """See ``CreateVehicles``: one transaction for all, then one ``refresh``. ``log`` is ``NEW_VEHICLES_SHARD``'s.

    Nothing of these vehicles is in the log yet, so their streams may begin anywhere up to here: unlike other new
    streams they need not hold up routing.
    """
    issue = catalogue().issued_namespaces

    def store(vehicles: Sequence[NewVehicle], position: int) -> None:
        with registry.transaction() as transaction:
            made = [
                subjects.create_vehicle(
                    transaction,
                    new.organization_id,
                    {new.namespace: new.identifier},
                    shard=NEW_VEHICLES_SHARD,
                    issue=issue,
                )
                for new in vehicles
            ]
            streams.activate(transaction, NEW_VEHICLES_SHARD, position, subject_ids=[subject.id for subject in made])

    async def create(vehicles: Sequence[NewVehicle]) -> None:
        await asyncio.to_thread(store, vehicles, log.next_position)
        await refresh()

    return create

"""What the account feed of Connected Cars' older push says of users and cars, on its way into the registry.

It is recorded before the bulk is stored, and the bulk is answered only after both: a hub that is killed in between is
sent the bulk again, and saying the same again changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from postroad.errors import ConfigError, NotFound, StoreUnavailable, WireError
from postroad.ingest.bulk import Around, Bulk
from postroad.model.identifiers import LEGACY_CAR_ID, normalise
from postroad.protocols.base import Item
from postroad.protocols.connected_cars_legacy import CarAdd, CarRemove, UserRemove, UserSignup
from postroad.registry import account_links
from postroad.registry.account_links import LinkChange
from postroad.registry.records import Provider
from postroad.registry.store import RegistryStore


def link_recorder(registry: RegistryStore) -> Around:
    """Records the links that a bulk of the account feed makes and ends."""

    def store(organization_id: int, changes: list[LinkChange], received_us: int) -> None:
        with registry.transaction() as transaction:
            account_links.record(transaction, organization_id, changes, received_us)

    @asynccontextmanager
    async def record(provider: Provider, bulk: Bulk, received_us: int) -> AsyncIterator[Bulk]:
        changes = list(_changes(bulk))
        if changes:
            try:
                await asyncio.to_thread(store, provider.organization_id, changes, received_us)
            except (ConfigError, NotFound) as exc:
                raise StoreUnavailable("locked", f"The registry could not take what the feed says: {exc}") from exc
        yield bulk

    return record


def _changes(bulk: Bulk) -> Iterator[LinkChange]:
    for outcome in bulk.outcomes:
        if isinstance(outcome, WireError):
            continue
        change = _change(outcome)
        if change is not None:
            yield change


def _change(item: Item) -> LinkChange | None:
    user_id = item.identifier
    match item.wire:
        case UserSignup(cars=cars) | CarAdd(cars=cars):
            return LinkChange(user_id, True, tuple(normalise(LEGACY_CAR_ID, car.car_id) for car in cars))
        case CarRemove(car_id=car_id):
            return LinkChange(user_id, False, (normalise(LEGACY_CAR_ID, car_id),))
        case UserRemove():
            return LinkChange(user_id, False, None)
    return None

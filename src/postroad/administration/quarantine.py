"""Items that could not be read: listed, shown with what was sent, and read again or dropped by a task of the hub."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, Literal

import msgspec

from postroad.administration.items import Place, body_of, item_at, reader_at
from postroad.administration.shards import Shards
from postroad.errors import NotFound
from postroad.log.interface import Quarantined
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task

Fate = Literal["REDRIVE_QUARANTINE", "DROP_QUARANTINE"]
"""What can become of them: the type of the task that carries it out."""


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """An item in quarantine."""

    place: Place
    item: Quarantined


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An item in quarantine with what was sent."""

    unread: Unread
    request_id: str | None
    """What the sender called its request."""
    body: bytes


def listed(
    shards: Shards,
    *,
    provider_ids: Collection[int] | None = None,
    unresolved_only: bool = True,
    after: Place | None = None,
    limit: int,
) -> list[Unread]:
    """Items in quarantine by shard and position, from behind ``after`` on: of all providers, or of these."""
    return list(islice(_all(shards, provider_ids, unresolved_only, after or Place(-1, 0), limit), limit))


def _all(
    shards: Shards, provider_ids: Collection[int] | None, unresolved_only: bool, after: Place, limit: int
) -> Iterator[Unread]:
    for shard, reader in shards.items():
        if shard < after.shard:
            continue
        found = reader.quarantined(
            after=after.position if shard == after.shard else 0,
            unresolved_only=unresolved_only,
            provider_ids=provider_ids,
            limit=limit,
        )
        yield from (Unread(place=Place(shard, one.position), item=one) for one in found)


def get(shards: Shards, place: Place) -> Unread:
    """One item. Raises ``NotFound``."""
    found = reader_at(shards, place).quarantined_at(place.position)
    if found is None:
        raise NotFound(f"{place} is not in quarantine")
    return Unread(place=place, item=found)


def shown(shards: Shards, place: Place) -> Shown:
    """One item with what was sent. Raises ``NotFound``, ``StoreCorrupt``."""
    unread = get(shards, place)
    batch, index = item_at(reader_at(shards, place), place)
    return Shown(unread=unread, request_id=batch.request_id or None, body=body_of(batch, index))


def ask(registry: RegistryStore, fate: Fate, *, items: Sequence[Place] = (), provider_id: int | None = None) -> Task:
    """Have the hub read items again, by today's decoder and settings, or drop them: these, or a provider's, or all.

    Raises:
        TaskUnfinished: That is under way.
    """
    which: dict[str, Any] = {"items": [list(place) for place in items]} if items else {}
    if provider_id is not None:
        which["provider_id"] = provider_id
    return registry.add_task(fate, filter_=which)

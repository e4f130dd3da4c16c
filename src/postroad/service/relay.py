"""The relay: what the registry's outbox holds goes into the log, in its place among the subject's other items.

It holds what the hub says, and what a provider said that had to change the registry.

A row is appended with its id as the part's key, then forgotten. A kill in between appends it again, which the log
answers with the position that it has already.
"""

import asyncio
from collections.abc import Mapping, Sequence

from postroad.log.interface import Part, ShardLog
from postroad.model.header import OF_THE_HUB
from postroad.protocols import READABLE, postroad
from postroad.protocols.base import Item
from postroad.registry.outbox import Pending

ROWS_AT_ONCE = 500


async def append(log: ShardLog, rows: Sequence[Pending]) -> Mapping[int, int]:
    """Append rows, in order; the position of each, by id. Raises ``StoreUnavailable``; then some may be stored."""
    appended = await asyncio.gather(*[log.append(_part(row)) for row in rows])
    return {row.id: one.position for row, one in zip(rows, appended, strict=True)}


def _part(row: Pending) -> Part:
    kind, decoded = _read(row)
    return Part(
        provider_id=OF_THE_HUB if row.by is None else row.by.provider_id,
        protocol=postroad.NAME if row.by is None else row.by.protocol,
        revision=1 if row.by is None else row.by.revision,
        received_us=row.created_us,
        subjects=[row.subject_id],
        kinds=bytes([kind]),
        flags=b"\0",
        lengths=[len(row.payload)],
        body=row.payload,
        key=f"outbox/{row.id}/{row.created_us}".encode(),  # a registry that was restored counts from where it was
        decoded=decoded,
    )


def _read(row: Pending) -> tuple[int, list[Item] | None]:
    """Its kind, and what it says; what a provider said was read when it came, and is read again by its settings."""
    if row.by is not None:
        return READABLE[row.by.protocol].kinds.index(row.kind), None
    item = postroad.PROTOCOL.read(row.payload, postroad.Settings())
    return item.kind, [item]

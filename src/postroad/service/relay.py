"""The relay: what the registry's outbox holds goes into the log, in its place among the subject's other items.

A row is appended with its id as the part's key, then forgotten. A kill in between appends it again, which the log
answers with the position that it has already.
"""

import asyncio
from collections.abc import Mapping, Sequence

from postroad.log.interface import OF_THE_HUB, Part, ShardLog
from postroad.protocols import postroad
from postroad.registry.outbox import Pending

ROWS_AT_ONCE = 500


async def append(log: ShardLog, rows: Sequence[Pending]) -> Mapping[int, int]:
    """Append rows, in order; the position of each, by id. Raises ``StoreUnavailable``; then some may be stored."""
    appended = await asyncio.gather(*[log.append(_part(row)) for row in rows])
    return {row.id: one.position for row, one in zip(rows, appended, strict=True)}


def _part(row: Pending) -> Part:
    item = postroad.PROTOCOL.read(row.payload, postroad.Settings())
    return Part(
        provider_id=OF_THE_HUB,
        protocol=postroad.NAME,
        revision=1,
        received_us=row.created_us,
        subjects=[row.subject_id],
        kinds=bytes([item.kind]),
        flags=b"\0",
        lengths=[len(row.payload)],
        body=row.payload,
        key=f"outbox/{row.id}/{row.created_us}".encode(),  # a registry that was restored counts from where it was
        decoded=[item],
    )

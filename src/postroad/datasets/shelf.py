"""A shard's datasets as they are asked for: found in the index, read from the log, built from what stands there."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Final

from postroad.datasets.follower import DatasetFollower
from postroad.datasets.instances import Instances
from postroad.errors import StoreUnavailable
from postroad.log.interface import Batch, ShardLog
from postroad.protocols import damoov
from postroad.protocols.damoov import DatasetKind
from postroad.registry.records import RegistryView
from postroad.routing.translation import BatchTranslation, Decoder

REACH_WITHIN_S: Final = 10.0
"""How long a question waits for the index to have what was routed before it was asked."""


class Shelf:
    """The datasets of one shard."""

    def __init__(
        self,
        log: ShardLog,
        follower: DatasetFollower,
        *,
        decoder: Decoder,
        view: Callable[[], RegistryView],
        routed_to: Callable[[], int],
    ) -> None:
        """``follower`` keeps the index; the rest is as it has it."""
        self._log = log
        self._follower = follower
        self._decoder = decoder
        self._view = view
        self._routed_to = routed_to

    @property
    def instances(self) -> Instances:
        """Who may have what."""
        return self._follower.instances

    async def dataset(self, object_id: uuid.UUID, kind: DatasetKind, *, user_id: int, token: str) -> bytes | None:
        """The newest dataset of an object, if it is there and this user's to have; what is missing is not told apart.

        Raises ``StoreUnavailable`` while it cannot be known, ``StoreCorrupt``.
        """
        try:
            async with asyncio.timeout(REACH_WITHIN_S):
                await self._follower.reach(self._routed_to())
        except TimeoutError as exc:
            raise StoreUnavailable("backlog", "the index of datasets is being made") from exc
        place = await asyncio.to_thread(self._follower.index.find, object_id, kind)
        if place is None or place.subject_id != user_id:
            return None
        if not self.instances.gives(user_id, place.position, kind):
            return None
        batches = await self._log.read(place.position, max_bytes=1)
        if not batches or batches[0].position > place.position:
            return None  # retention has taken it
        return await asyncio.to_thread(self._built, batches[0], place.position, object_id, kind, token)

    def _built(self, batch: Batch, position: int, object_id: uuid.UUID, kind: DatasetKind, token: str) -> bytes | None:
        translation = BatchTranslation(batch, self._decoder, {}, self._view())
        for event in translation.events(position - batch.position):
            for one in damoov.held(event):
                if (one.object_id, one.kind) == (str(object_id), kind):
                    return damoov.dataset_of(event, kind, device_token=damoov.canonical(token))
        return None

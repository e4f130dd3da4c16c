"""Keeps the last known values of a shard up to date, and a snapshot of them on disk.

The snapshot says up to which position it has applied the log; after a restart only what came later is read again. It is
derived: if it is lost or cannot be read, it is made anew from what the log still holds.
"""

import logging
import os
from pathlib import Path
from typing import Protocol

import msgspec

from postroad.log.interface import UNASSIGNED, Batch
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView
from postroad.routing.translation import BatchTranslation, Decoder
from postroad.state.last_known import LastKnown, VehicleState

SNAPSHOT_VERSION = 1

_log = logging.getLogger(__name__)
_NO_TARGETS: dict[str, TargetProtocol] = {}


class _Snapshot(msgspec.Struct, array_like=True):
    version: int
    epoch: int
    position: int
    vehicles: dict[int, VehicleState]


class ReadableLog(Protocol):
    """What the state needs of a shard: a ``ShardLog``, or another process's view of one."""

    @property
    def epoch(self) -> int:
        """See ``ShardLog``."""

    async def read(self, position: int) -> list[Batch]:
        """See ``ShardLog``."""


class StateKeeper:
    """The state of one shard."""

    def __init__(self, path: Path) -> None:
        """Use the snapshot in ``path``, if there is a good one."""
        self.known = LastKnown()
        self.position = 0
        """Everything below is applied."""
        self._path = path

    async def start(self, log: ReadableLog, decoder: Decoder, view: RegistryView, until: int) -> None:
        """Load the snapshot and apply what came after it, up to ``until``."""
        self.load(log, until)
        await self.catch_up(log, decoder, view, until)

    def load(self, log: ReadableLog, until: int) -> None:
        """Begin with the snapshot, if it is one of this log and not ahead of ``until``."""
        snapshot = self._load()
        if snapshot is not None and snapshot.epoch == log.epoch and snapshot.position <= until:
            self.known, self.position = LastKnown(snapshot.vehicles), snapshot.position

    async def catch_up(self, log: ReadableLog, decoder: Decoder, view: RegistryView, until: int) -> None:
        """Apply what the log holds from where this stands up to ``until``."""
        while self.position < until and (batches := await log.read(self.position)):
            for batch in batches:
                translation = BatchTranslation(batch, decoder, _NO_TARGETS, view)
                self.observe(translation, range(max(0, self.position - batch.position), len(batch)))
        self.position = max(self.position, until)

    def observe(self, translation: BatchTranslation, indexes: range) -> None:
        """Apply items of a batch, in order."""
        batch = translation.batch
        for index in indexes:
            if batch.subjects[index] != UNASSIGNED:
                try:
                    for event in translation.events(index):
                        self.known.apply(event)
                except Exception as error:  # noqa: BLE001 - state is derived: one item's defect must not stop routing
                    _log.warning("Position %d does not count for the state: %s", batch.position + index, error)
        self.position = batch.position + indexes.stop

    def forget(self, subject_id: int, epoch: int) -> int:
        """Know nothing of a vehicle any more, and write that; how many were known. Raises ``OSError``."""
        known = self.known.vehicles.pop(subject_id, None)
        self.save(epoch)
        return 0 if known is None else 1

    def save(self, epoch: int) -> None:
        """Write the snapshot, whole or not at all. Raises ``OSError``."""
        data = msgspec.msgpack.encode(_Snapshot(SNAPSHOT_VERSION, epoch, self.position, self.known.vehicles))
        part = self._path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)

    def _load(self) -> _Snapshot | None:
        try:
            snapshot = msgspec.msgpack.decode(self._path.read_bytes(), type=_Snapshot)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as exc:
            _log.warning("The snapshot %s cannot be used and is made anew from the log: %s", self._path, exc)
            return None
        return snapshot if snapshot.version == SNAPSHOT_VERSION else None

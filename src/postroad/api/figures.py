"""What the live page shows: figures of a hub, and where its vehicles are.

Everything is read: shards through connections of their own that cannot write, the rest from the registry and from last
known values. So a second process on the same folder gives the same figures as the hub itself.
"""

import shutil
import threading
from collections.abc import Mapping, Sequence
from heapq import nlargest
from pathlib import Path
from typing import Literal

import msgspec

from postroad.access.streams import StreamIndex
from postroad.clock import Clock
from postroad.errors import StoreUnavailable
from postroad.layout import SHARDS
from postroad.log.delivery import Cursor
from postroad.log.interface import EPOCH_BITS, Batch
from postroad.log.reader import ShardReader
from postroad.log.schema import shard_path
from postroad.log.transaction import Heads
from postroad.model.identifiers import PLATE
from postroad.protocols import READABLE, TARGETS
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.store import RegistryStore
from postroad.routing.backlog import Oldest, oldest_undelivered
from postroad.routing.translation import Decoder
from postroad.state.last_known import VehicleState

MAX_VEHICLES = 2000
"""Of one answer: those with the newest positions."""
LOOK_BYTES = 4 * 1024 * 1024
"""How much of the log one look reads to find a subscription's oldest undelivered item; the next look goes on there."""
MOVING_KMH = 3.0
"""Below it a receiver's noise looks like driving."""

Motion = Literal["moving", "standing", "off"]


class LastFailure(msgspec.Struct, frozen=True, kw_only=True):
    """The newest attempt, where it failed."""

    at_us: int
    attempt: int | None
    reason: str | None
    status: int | None


class SubscriptionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How one subscription stands."""

    id: int
    name: str
    state: str
    delivered: int
    """Events confirmed, as far as the ledger of attempts goes back (30 days)."""
    lag: int
    """Items of the log above its cursor, whether or not they are for it."""
    oldest_undelivered_age_s: float | None
    """Since the oldest item that it may have and has not got was received; ``None``: it has everything."""
    last_failure: LastFailure | None


class VehicleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Where a vehicle was last."""

    id: int
    plate: str
    """Empty when it has none."""
    latitude_deg: float
    longitude_deg: float
    heading_deg: float | None
    speed_kmh: float | None
    motion: Motion
    recorded_us: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All of one look. Instants are microseconds since 1970."""

    at_us: int
    items_stored: int
    """In the log's present epoch, what providers sent and what the hub itself said; also what retention has removed."""
    delivered: int
    """Events confirmed, of all subscriptions."""
    disk_free_bytes: int
    disk_bytes: int
    log_bytes: int
    subscriptions: tuple[SubscriptionFigures, ...]
    vehicles: tuple[VehicleFigures, ...]
    vehicles_known: int
    """Vehicles with a position, also those beyond ``MAX_VEHICLES``."""


class FigureReader:
    """Reads figures of the hub in a folder. Its methods block, and may be called from several threads."""

    def __init__(self, folder: Path, registry: RegistryStore, *, clock: Clock) -> None:
        """The shards' files must be there. Raises what ``ShardReader`` raises."""
        self._folder = folder
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._version = -1
        self._decoder: Decoder
        self._streams: StreamIndex
        self._plates: dict[int, str] = {}
        self._looked: dict[tuple[int, int], tuple[Oldest | None, int]] = {}
        self._readers: dict[int, ShardReader] = {}
        try:
            for shard in SHARDS:
                self._readers[shard] = ShardReader(shard_path(folder, shard), shard)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            for reader in self._readers.values():
                reader.close()
            self._readers = {}

    def read(self, view: RegistryView, states: Sequence[Mapping[int, VehicleState]]) -> Figures:
        """One look. ``states``: those of each shard, which nobody adds to meanwhile.

        Raises ``StoreUnavailable`` or ``StoreCorrupt``.
        """
        with self._lock:
            self._use(view)
            now_us = self._clock.now_us()
            heads = {shard: reader.heads() for shard, reader in self._readers.items()}
            cursors = {shard: reader.cursors() for shard, reader in self._readers.items()}
            delivered = self._registry.delivered()
            subscriptions = tuple(
                self._subscription(subscription, view, heads, cursors, delivered.get(subscription.id, 0), now_us)
                for subscription in view.subscriptions.values()
            )
            located = (entry for known in states for entry in known.items() if entry[1].position is not None)
            newest = nlargest(MAX_VEHICLES, located, key=lambda entry: entry[1].position_us)
            try:
                disk = shutil.disk_usage(self._folder)
                log_bytes = sum(shard_path(self._folder, shard).stat().st_size for shard in self._readers)
            except OSError as exc:
                raise StoreUnavailable("io", f"the disk cannot be asked how full it is: {exc.strerror}") from exc
            return Figures(
                at_us=now_us,
                items_stored=sum(head.next_position - 1 - (head.epoch << EPOCH_BITS) for head in heads.values()),
                delivered=sum(delivered.values()),
                disk_free_bytes=disk.free,
                disk_bytes=disk.total,
                log_bytes=log_bytes,
                subscriptions=subscriptions,
                vehicles=tuple(vehicle for entry in newest if (vehicle := self._vehicle(*entry)) is not None),
                vehicles_known=sum(state.position is not None for known in states for state in known.values()),
            )

    def _use(self, view: RegistryView) -> None:
        if view.version == self._version:
            return
        self._decoder = Decoder(READABLE)
        self._decoder.use(view)
        self._streams = StreamIndex(view.streams, view.told)
        self._plates = {id_: value for (_, namespace, value), id_ in view.identifiers.items() if namespace == PLATE}
        self._looked = {}
        self._version = view.version

    def _subscription(
        self,
        subscription: Subscription,
        view: RegistryView,
        heads: Mapping[int, Heads],
        cursors: Mapping[int, Mapping[int, Cursor]],
        delivered: int,
        now_us: int,
    ) -> SubscriptionFigures:
        lag = 0
        received_us: list[int] = []
        for shard, head in heads.items():
            cursor = cursors[shard].get(subscription.id)
            stands_at = cursor.position if cursor is not None else self._streams.first_position(subscription.id)
            if stands_at is None or subscription.protocol not in TARGETS:
                continue
            behind = head.next_position - max(stands_at, head.first_position)
            lag += max(behind, 0)
            if behind > 0 and (oldest := self._oldest(shard, subscription, stands_at, view)) is not None:
                received_us.append(oldest.received_us)
        newest = next(iter(self._registry.attempts(subscription.id, limit=1)), None)
        return SubscriptionFigures(
            id=subscription.id,
            name=subscription.name,
            state=subscription.state,
            delivered=delivered,
            lag=lag,
            oldest_undelivered_age_s=max(0.0, (now_us - min(received_us)) / 1e6) if received_us else None,
            last_failure=None
            if newest is None or newest.succeeded
            else LastFailure(
                at_us=newest.last_at_us, attempt=newest.attempt, reason=newest.reason, status=newest.status
            ),
        )

    def _oldest(self, shard: int, subscription: Subscription, cursor: int, view: RegistryView) -> Oldest | None:
        """The oldest undelivered item. No item is looked at twice as long as the registry stays as it is."""
        found, looked_to = self._looked.get((subscription.id, shard), (None, 0))
        if found is not None and found.position >= cursor:
            return found
        read = _Bounded(self._readers[shard], max(cursor, looked_to))
        found = oldest_undelivered(
            read, read.looked_to, subscription,
            view=view, decoder=self._decoder, targets=TARGETS, streams=self._streams,
        )  # fmt: skip
        self._looked[subscription.id, shard] = (found, read.looked_to if found is None else found.position)
        return found

    def _vehicle(self, subject_id: int, state: VehicleState) -> VehicleFigures | None:
        position = state.position
        if position is None:
            return None
        ignition, _ = state.readings.get("ignition", (None, 0))
        return VehicleFigures(
            id=subject_id,
            plate=self._plates.get(subject_id, ""),
            latitude_deg=position.latitude_deg,
            longitude_deg=position.longitude_deg,
            heading_deg=position.heading_deg,
            speed_kmh=position.speed_kmh,
            motion=motion_of(position.speed_kmh, ignition=ignition is not False),
            recorded_us=state.position_us,
        )


def motion_of(speed_kmh: float | None, *, ignition: bool) -> Motion:
    """What a vehicle does. One that moves with its ignition off is being towed, which is moving."""
    if speed_kmh is not None and speed_kmh >= MOVING_KMH:
        return "moving"
    return "standing" if ignition else "off"


class _Bounded:
    """Reads a stretch of the log of at most ``LOOK_BYTES``, and remembers how far it came."""

    def __init__(self, reader: ShardReader, position: int) -> None:
        self.looked_to = position
        self._reader = reader
        self._left = LOOK_BYTES

    def __call__(self, position: int) -> list[Batch]:
        if self._left <= 0:
            return []
        batches = self._reader.read(position, max_bytes=min(self._left, 64 * 1024))
        self._left -= sum(len(batch.body) for batch in batches)
        if batches:
            self.looked_to = batches[-1].end
        return batches

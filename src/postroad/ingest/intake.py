"""Intake: from a decoded item to a durable one.

Items that arrive while a commit is under way gather; when it is done they go to the log together as one part. So the
load itself sets the size of a part: one item when it is quiet, thousands when it is not, and no request costs a task.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from postroad.clock import Clock
from postroad.errors import PostroadError, StoreUnavailable
from postroad.ingest.dedup import NO_KEY, DedupMemory, digest
from postroad.log.interface import (
    FLAG_AHEAD,
    FLAG_LATE,
    MAX_PART_BYTES,
    MAX_PART_ITEMS,
    UNASSIGNED,
    Appended,
    Part,
    Refusal,
    ShardLog,
)
from postroad.metrics.counts import Counts
from postroad.protocols.base import Item
from postroad.registry.records import Provider, RegistryView
from postroad.tracing.interface import RequestSpan

_log = logging.getLogger(__name__)

REFUSAL_BODY_BYTES = 16 * 1024
"""As much of a refused body is kept for viewing."""

Reply = Callable[[StoreUnavailable | None], None]
"""Called once per item: with ``None`` when it is durable (or was before), else with why it could not be kept."""


class NewVehicle(msgspec.Struct, frozen=True):
    """A vehicle the registry does not know, as a provider names it."""

    organization_id: int
    namespace: str
    identifier: str


CreateVehicles = Callable[[Sequence[NewVehicle]], Awaitable[None]]
"""Make the vehicles known; when it returns, ``Intake.use`` has been called with a view that holds them."""


class _Accepted(msgspec.Struct, frozen=True):
    """An item on its way to the log."""

    provider: Provider
    item: Item
    raw: bytes
    received_us: int
    key: bytes
    reply: Reply
    span: RequestSpan | None


class _Gathering:
    """What waits to become the next part of one provider in one shard."""

    __slots__ = ("accepted", "busy", "bytes", "flags", "revision", "subjects")

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.busy = False
        self.clear()

    def clear(self) -> None:
        self.accepted: list[_Accepted] = []
        self.subjects: list[int] = []
        self.flags = bytearray()
        self.bytes = 0


class Intake:
    """Takes items in, in order per provider, and answers for each once its fate is known."""

    def __init__(
        self,
        logs: Mapping[int, ShardLog],
        *,
        clock: Clock,
        dedup: DedupMemory,
        create_vehicles: CreateVehicles,
        queued_limit_bytes: int,
        ahead_limit_us: int,
        counts: Counts | None = None,
        traced: bool = False,
    ) -> None:
        """Append to ``logs`` (by shard). ``use`` must be called before the first item.

        ``traced``: items may have spans.
        """
        self.view: RegistryView
        self._logs = logs
        self._clock = clock
        self._dedup = dedup
        self._create_vehicles = create_vehicles
        self._queued_limit_bytes = queued_limit_bytes
        self._ahead_limit_us = ahead_limit_us
        self._counts = counts or Counts()
        self._traced = traced
        self._queued_bytes = 0
        self._gatherings: dict[tuple[int, int], _Gathering] = {}
        self._pending: dict[bytes, list[Reply]] = {}
        self._unknown: dict[NewVehicle, list[_Accepted]] = {}
        self._creating: asyncio.Task[None] | None = None
        self._default_shard = min(logs)

    def use(self, view: RegistryView) -> None:
        """Resolve tokens, providers and subjects by this view from now on."""
        self.view = view

    @property
    def queued_bytes(self) -> int:
        """Accepted, not yet durable."""
        return self._queued_bytes

    def offer(
        self,
        provider: Provider,
        item: Item,
        raw: bytes,
        received_us: int,
        reply: Reply,
        span: RequestSpan | None = None,
    ) -> None:
        """Take one item in. ``reply`` is called exactly once, perhaps before this returns.

        ``span`` is told the item's position just before; whoever gave it ends it.
        """
        key = digest(provider.id, item.dedup) if item.dedup else b""
        if key:
            if key in self._dedup:
                self._counts.duplicates.add(provider.id)
                reply(None)
                return
            waiters = self._pending.get(key)
            if waiters is not None:  # the first of its kind is not durable yet: share its fate
                waiters.append(reply)
                self._counts.duplicates.add(provider.id)
                return
        if self._queued_bytes + len(raw) > self._queued_limit_bytes:
            self._counts.unavailable.add(provider.id, "backlog")
            reply(StoreUnavailable("backlog", "More is waiting to become durable than the limit allows"))
            return
        if key:
            self._pending[key] = []
        self._queued_bytes += len(raw)
        self._place(_Accepted(provider, item, raw, received_us, key, reply, span))

    def refuse(self, provider: Provider, reason: str, body: bytes, received_us: int) -> None:
        """Keep a request that was answered 400 for viewing."""
        self._logs[self._default_shard].refuse(
            Refusal(
                received_us=received_us,
                provider_id=provider.id,
                protocol=provider.protocol,
                reason=reason,
                body=body[:REFUSAL_BODY_BYTES],
            )
        )

    def _place(self, accepted: _Accepted) -> None:
        """Find the item's subject, or have it wait until its vehicle is known."""
        item, provider = accepted.item, accepted.provider
        if self._unknown:  # rare: keep behind what already waits for the same vehicle
            waiting = self._unknown.get(NewVehicle(provider.organization_id, item.namespace, item.identifier))
            if waiting is not None:
                waiting.append(accepted)
                return
        subject_id = self.view.identifiers.get((provider.organization_id, item.namespace, item.identifier))
        if subject_id is not None:
            self._gather(accepted, subject_id, self.view.subjects[subject_id].shard)
        elif provider.unknown_vehicles == "create":
            self._unknown[NewVehicle(provider.organization_id, item.namespace, item.identifier)] = [accepted]
            if self._creating is None:
                self._creating = asyncio.get_running_loop().create_task(self._create())
        else:
            self._gather(accepted, UNASSIGNED, self._default_shard)

    async def _create(self) -> None:
        """Make the vehicles known that items wait for, those that come meanwhile in the next round."""
        while self._unknown:
            round_of = list(self._unknown)
            failure: StoreUnavailable | None = None
            try:
                await self._create_vehicles(round_of)
            except PostroadError as exc:
                failure = StoreUnavailable("locked", f"The registry could not take a new vehicle: {exc}")
            except Exception:  # noqa: BLE001 - those who wait must be answered, and later vehicles must be made
                _log.exception("%d new vehicles could not be made known", len(round_of))
                failure = StoreUnavailable("lost", "A new vehicle could not be made known")
            for vehicle in round_of:
                for accepted in self._unknown.pop(vehicle):
                    key = (vehicle.organization_id, vehicle.namespace, vehicle.identifier)
                    subject_id = self.view.identifiers.get(key)
                    if subject_id is not None:
                        self._gather(accepted, subject_id, self.view.subjects[subject_id].shard)
                    else:
                        self._settle([accepted], failure or StoreUnavailable("lost", "The new vehicle did not appear"))
        self._creating = None

    def _gather(self, accepted: _Accepted, subject_id: int, shard: int) -> None:
        provider = accepted.provider
        gathering = self._gatherings.get((shard, provider.id))
        if gathering is None:
            gathering = self._gatherings[shard, provider.id] = _Gathering(provider.revision)
        size = len(accepted.raw) + 1
        if gathering.accepted and (
            len(gathering.accepted) >= MAX_PART_ITEMS
            or gathering.bytes + size > MAX_PART_BYTES
            or gathering.revision != provider.revision
        ):
            self._submit(shard, gathering)
        gathering.revision = provider.revision
        item = accepted.item
        flag = FLAG_LATE if item.late else 0
        if item.recorded_us > accepted.received_us + self._ahead_limit_us:
            flag |= FLAG_AHEAD
        gathering.accepted.append(accepted)
        gathering.subjects.append(subject_id)
        gathering.flags.append(flag)
        gathering.bytes += size
        if not gathering.busy:
            gathering.busy = True
            asyncio.get_running_loop().call_soon(self._submit, shard, gathering)

    def _submit(self, shard: int, gathering: _Gathering) -> None:
        accepted = gathering.accepted
        if not accepted:  # went out early, as a full part
            gathering.busy = False
            return
        items, raws = [one.item for one in accepted], [one.raw for one in accepted]
        received = [one.received_us for one in accepted]
        first_us = min(received)
        part = Part(
            provider_id=accepted[0].provider.id,
            protocol=accepted[0].provider.protocol,
            revision=gathering.revision,
            received_us=first_us,
            subjects=gathering.subjects,
            kinds=bytes([item.kind for item in items]),
            flags=bytes(gathering.flags),
            lengths=list(map(len, raws)),
            body=b",".join(raws),
            dedup_keys=b"".join([one.key or NO_KEY for one in accepted]),
            received_offsets_us=[us - first_us for us in received],
            decoded=items,
        )
        gathering.clear()

        def done(result: Appended | StoreUnavailable) -> None:
            failure = result if isinstance(result, StoreUnavailable) else None
            if failure is None:
                self._dedup.add([one.key for one in accepted if one.key], first_us)
                self._count(part)
            if self._traced and isinstance(result, Appended):
                for position, one in enumerate(accepted, result.position):
                    if one.span is not None:
                        one.span.stored(shard, position)
            self._settle(accepted, failure)
            gathering.busy = bool(gathering.accepted)
            if gathering.busy:  # soon, not now: what clients have sent meanwhile can still be read and join
                asyncio.get_running_loop().call_soon(self._submit, shard, gathering)

        self._logs[shard].submit(part, done)

    def _count(self, part: Part) -> None:
        """A part is durable."""
        counts, provider_id = self._counts, part.provider_id
        counts.events.add(provider_id, by=len(part))
        counts.bytes.add(provider_id, by=sum(part.lengths))
        received_us = part.received_us
        counts.recorded_to_received.of(provider_id).observe_all(
            [
                (received_us + offset_us - item.recorded_us) / 1e6
                for item, offset_us in zip(part.decoded, part.received_offsets_us, strict=True)
            ]
        )

    def _settle(self, settled: Sequence[_Accepted], failure: StoreUnavailable | None) -> None:
        """Answer for items, and for their repeats that came meanwhile."""
        pending = self._pending
        for one in settled:
            self._queued_bytes -= len(one.raw)
            if failure is not None:
                self._counts.unavailable.add(one.provider.id, failure.reason)
            one.reply(failure)
            if one.key:
                for reply in pending.pop(one.key):
                    reply(failure)

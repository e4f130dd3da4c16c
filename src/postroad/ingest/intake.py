"""Intake: from a decoded item to a durable one.

Items come one by one (``offer``) or as the bulk of one request (``offer_bulk``), which becomes parts of its own. Single
items that arrive while a commit is under way gather; when it is done they go to the log together as one part. So the
load itself sets the size of a part: one item when it is quiet, thousands when it is not, and no request costs a task.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import msgspec

from postroad.clock import Clock
from postroad.errors import PostroadError, StoreUnavailable, WireError
from postroad.ingest.bulk import Bulk
from postroad.ingest.dedup import NO_KEY, DedupMemory, digest
from postroad.ingest.fates import Fates, Reply
from postroad.ingest.parts import BulkPart, PartBuilder, flags_of, lags_s
from postroad.ingest.slices import Slices
from postroad.ingest.subjects import CreateSubjects, IsErased, NewSubject, Subjects, nothing_erased
from postroad.log.interface import (
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
        create_subjects: CreateSubjects,
        queued_limit_bytes: int,
        ahead_limit_us: int,
        counts: Counts | None = None,
        traced: bool = False,
        is_erased: IsErased = nothing_erased,
    ) -> None:
        """Append to ``logs`` (by shard). ``use`` must be called before the first item.

        ``traced``: items may have spans. ``is_erased`` is asked about subjects that the view does not know.
        """
        self.view: RegistryView
        self._logs = logs
        self._clock = clock
        self._dedup = dedup
        self.subjects = Subjects(create_subjects, is_erased, default_shard=min(logs))
        self._queued_limit_bytes = queued_limit_bytes
        self.ahead_limit_us = ahead_limit_us
        self._counts = counts or Counts()
        self._traced = traced
        self._queued_bytes = 0
        self._gatherings: dict[tuple[int, int], _Gathering] = {}
        self._pending: dict[bytes, list[Reply]] = {}
        self._unknown: dict[NewSubject, list[_Accepted]] = {}
        self._creating: asyncio.Task[None] | None = None

    def use(self, view: RegistryView) -> None:
        """Resolve tokens, providers and subjects by this view from now on."""
        self.view = view
        self.subjects.use(view)

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

    def reserve(self, provider: Provider, size_bytes: int) -> StoreUnavailable | None:
        """Count a body that is about to be read among what is queued, or say why not. Then ``release`` it."""
        if self._queued_bytes + size_bytes > self._queued_limit_bytes:
            self._counts.unavailable.add(provider.id, "backlog")
            return StoreUnavailable("backlog", "More is waiting to become durable than the limit allows")
        self._queued_bytes += size_bytes
        return None

    def release(self, size_bytes: int) -> None:
        """What was reserved is durable, or given up."""
        self._queued_bytes -= size_bytes

    async def offer_bulk(
        self,
        provider: Provider,
        bulk: Bulk,
        received_us: int,
        *,
        request_id: str = "",
        span: RequestSpan | None = None,
    ) -> StoreUnavailable | None:
        """Take the items of one request in, in their order; its bytes were reserved.

        Gives ``None`` only when every item is durable: stored now or before, those that cannot be read in quarantine.
        Otherwise why some could not be kept. The request is to be sent again whole then, and what did become durable is
        known by its keys; only items without a key are stored again.
        """
        slices, fates = Slices(self._clock), Fates()
        builders: dict[int, PartBuilder] = {}
        try:
            failure = await self.subjects.make_known(provider, bulk.outcomes, slices)
            if failure is not None:
                self._counts.unavailable.add(provider.id, failure.reason, by=len(bulk.raws))
                return failure
            for outcome, raw in zip(bulk.outcomes, bulk.raws, strict=True):
                material = b"unreadable " + raw if isinstance(outcome, WireError) else outcome.dedup
                key = digest(provider.id, material) if material else b""
                if self.subjects.is_erased(provider, outcome):
                    self._counts.deleted.add(provider.id)
                elif not (key and self._is_repeat(provider, key, fates)):
                    subject_id, shard = self.subjects.of(provider, outcome)
                    builder = builders.get(shard)
                    if builder is None:
                        builder = builders[shard] = PartBuilder(
                            provider, received_us, ahead_limit_us=self.ahead_limit_us, request_id=request_id
                        )
                    if key:
                        self._pending[key] = []
                    full = builder.add(subject_id, outcome, raw, key)
                    if full is not None:
                        self._submit_part(shard, full, fates.expect(), span)
                if slices.over():
                    await slices.pause()
        finally:  # also when cut short: others may share the fate of what is gathered
            for shard, builder in builders.items():
                rest = builder.finish()
                if rest is not None:
                    self._submit_part(shard, rest, fates.expect(), span)
        return await fates.known()

    def _is_repeat(self, provider: Provider, key: bytes, fates: Fates) -> bool:
        """Whether an item of a bulk is known; if it is under way, the bulk shares its fate."""
        if key not in self._dedup:
            waiters = self._pending.get(key)
            if waiters is None:
                return False
            waiters.append(fates.expect())
        self._counts.duplicates.add(provider.id)
        return True

    def _submit_part(self, shard: int, made: BulkPart, reply: Reply, span: RequestSpan | None) -> None:
        def done(result: Appended | StoreUnavailable) -> None:
            if span is not None and isinstance(result, Appended):
                span.stored(shard, result.position)
            # A turn of the event loop for each part: one commit may be that of many.
            asyncio.get_running_loop().call_soon(self._settle_part, made, result, reply)

        self._logs[shard].submit(made.part, done)

    def remember(self, made: BulkPart) -> None:
        """A part is durable: know its items when they come again, and count them."""
        self._dedup.add(made.keys, made.part.received_us)
        self._count(made.part)

    def _settle_part(self, made: BulkPart, result: Appended | StoreUnavailable, reply: Reply) -> None:
        part = made.part
        failure = result if isinstance(result, StoreUnavailable) else None
        if failure is None:
            self.remember(made)
        else:
            self._counts.unavailable.add(part.provider_id, failure.reason, by=len(part))
        for key in made.keys:
            for waiter in self._pending.pop(key):
                waiter(failure)
        reply(failure)

    def refuse(self, provider: Provider, reason: str, body: bytes, received_us: int) -> None:
        """Keep a request that was answered 400 for viewing."""
        self._logs[self.subjects.default_shard].refuse(
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
            waiting = self._unknown.get(NewSubject(provider.organization_id, item.namespace, item.identifier))
            if waiting is not None:
                waiting.append(accepted)
                return
        subject_id = self.view.identifiers.get((provider.organization_id, item.namespace, item.identifier))
        if subject_id is not None:
            self._gather(accepted, subject_id, self.view.subjects[subject_id].shard)
        elif self.subjects.is_erased(provider, item):
            self._counts.deleted.add(provider.id)
            self._settle([accepted], None)
        elif provider.unknown_vehicles == "create" and item.identifier:
            self._unknown[NewSubject(provider.organization_id, item.namespace, item.identifier)] = [accepted]
            if self._creating is None:
                self._creating = asyncio.get_running_loop().create_task(self._create())
        else:
            self._gather(accepted, UNASSIGNED, self.subjects.default_shard)

    async def _create(self) -> None:
        """Make the vehicles known that items wait for, those that come meanwhile in the next round."""
        while self._unknown:
            round_of = list(self._unknown)
            failure: StoreUnavailable | None = None
            try:
                await self.subjects.create(round_of)
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
        gathering.accepted.append(accepted)
        gathering.subjects.append(subject_id)
        gathering.flags.append(flags_of(accepted.item, accepted.received_us, self.ahead_limit_us))
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
        if part.unreadable:
            counts.unreadable.add(provider_id, by=len(part.unreadable))
        counts.recorded_to_received.of(provider_id).observe_all(lags_s(part))

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

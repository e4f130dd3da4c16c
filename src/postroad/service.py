"""The hub: one process that takes in, keeps, routes and delivers.

``Hub.start`` opens everything in the order in which it can be relied on, ``Hub.stop`` closes it in the reverse: first
no new requests, then no new attempts, then what is already accepted becomes durable, then the files.
"""

import asyncio
import fcntl
import functools
import logging
import os
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

import postroad
from postroad.access.streams import StreamIndex
from postroad.api.figures import FigureReader, Figures
from postroad.api.live import live_pages
from postroad.api.observation import Observation
from postroad.api.parts import HubParts
from postroad.clock import Clock, SystemClock
from postroad.dataformat import begin_format, known_shards, require_files, write_format
from postroad.delivery.attempts import AttemptRecorder
from postroad.delivery.backlog import Backlogs
from postroad.delivery.delivery import Bulk
from postroad.delivery.gate import DestinationLimits
from postroad.delivery.manager import DeliveryManager, Shard
from postroad.delivery.options import DeliveryOptions
from postroad.delivery.watch import AttemptWatch
from postroad.egress.client import EgressClient
from postroad.egress.guard import parse_networks
from postroad.errors import ConfigError, PostroadError, StoreUnavailable
from postroad.ingest.dedup import DedupMemory
from postroad.ingest.http.answers import Answer
from postroad.ingest.http.app import build_app
from postroad.ingest.http.drivetech import DrivetechEntrance
from postroad.ingest.http.limits import ConnectionLimits, RateLimit
from postroad.ingest.intake import Intake, NewVehicle
from postroad.ingest.server import HttpServer, listen
from postroad.ingest.tls import Certificates
from postroad.layout import KEY_FILE, LOCK_FILE, SHARDS, registry_url, state_path
from postroad.log.interface import EPOCH_BITS
from postroad.log.sqlite import SqliteLog, SqliteSettings, open_log
from postroad.logs import wide
from postroad.metrics.counts import Counts
from postroad.protocols import SOURCES, TARGETS
from postroad.protocols.drivetech import DrivetechSettings, answers
from postroad.registry import streams, subjects
from postroad.registry.apply import Catalogue
from postroad.registry.records import Destination, RegistryView
from postroad.registry.secrets import KeyRing, opened_config
from postroad.registry.store import RegistryStore
from postroad.routing.router import Router
from postroad.routing.translation import Decoder
from postroad.settings import Settings
from postroad.state.keeper import StateKeeper
from postroad.tracing.interface import Tracer
from postroad.tracing.opening import open_tracer
from postroad.transports import TRANSPORTS
from postroad.transports.base import Outcome, Transport

HOUSEKEEPING_EVERY_S = 60.0
ATTEMPTS_KEPT_US = 30 * 24 * 3600 * 1_000_000
_DAY_US = 24 * 3600 * 1_000_000

_log = logging.getLogger(__name__)


def catalogue() -> Catalogue:
    """What may be declared: this hub's protocols, transports and delivery options."""
    return Catalogue(
        source_settings={name: source.settings_type for name, source in SOURCES.items()},
        target_types={name: tuple(target.slots) for name, target in TARGETS.items()},
        target_options={name: target.options_type for name, target in TARGETS.items()},
        delivery_type=DeliveryOptions,
        limits_type=DestinationLimits,
        transport_config={name: spec.config_type for name, spec in TRANSPORTS.items()},
        issued_namespaces=[target.issued_namespace for target in TARGETS.values()],
    )


def egress_of(settings: Settings, clock: Clock) -> EgressClient:
    """The outbound client by this hub's rules. Raises ``ConfigError``."""
    return EgressClient(
        allowed=parse_networks(settings.egress.allow_cidrs), ca_file=settings.egress.ca_file or None, clock=clock
    )


class Hub:
    """A hub in one folder. Not to be started twice."""

    def __init__(self, folder: Path, settings: Settings, *, clock: Clock | None = None) -> None:
        """Nothing is opened yet."""
        self._folder = folder
        self._settings = settings
        self._clock = clock or SystemClock()
        self._lock = -1
        self._registry: RegistryStore
        self._keys: KeyRing
        self._view: RegistryView
        self._logs: dict[int, SqliteLog] = {}
        self._routers: dict[int, Router] = {}
        self._states: dict[int, StateKeeper] = {}
        self._decoder = Decoder(SOURCES)
        self._decoding: dict[int, DrivetechSettings] = {}
        self._intake: Intake
        self._manager: DeliveryManager
        self._egress: EgressClient
        self._attempts: AttemptRecorder
        self._figures: FigureReader
        self._server: HttpServer
        self._observation: Observation
        self._tracer: Tracer | None = None
        self._counts = Counts()
        self._watch = AttemptWatch(self._counts, view=lambda: self._view, clock=self._clock)
        self._registry_seen_s = self._clock.monotonic_s()
        self._tasks: list[asyncio.Task[None]] = []
        self._serving: asyncio.Task[None] | None = None
        self._refreshing = asyncio.Lock()
        self._stopping = False
        self.failed = asyncio.Event()
        """Set when a part of the hub broke down; whoever runs it should stop it, and may start it again."""
        self.certificates: Certificates | None = None
        """The hub's own, if it speaks TLS, once started."""
        self.port = 0
        """The port it listens on, once started."""

    async def start(self) -> None:
        """Open, recover, deliver, listen: in this order.

        Raises ``ConfigError``, ``StoreUnavailable`` or ``StoreCorrupt``; then nothing is left open.
        """
        try:
            _log.info("Starting", extra=wide(version=postroad.__version__, folder=str(self._folder.absolute())))
            await self._start()
            _log.info("Started", extra=wide(host=self._settings.hub.host, port=self.port))
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        settings = self._settings
        self._take_lock()
        self._tracer = await asyncio.to_thread(open_tracer, settings.telemetry)
        found = await asyncio.to_thread(begin_format, self._folder)
        require_files(self._folder, found, registry_url(self._folder, settings))
        load_keys = KeyRing.load if found.shards else KeyRing.load_or_create
        self._keys = await asyncio.to_thread(load_keys, self._folder / KEY_FILE)
        self._registry = await asyncio.to_thread(
            RegistryStore.open, registry_url(self._folder, settings), clock=self._clock
        )
        self._egress = egress_of(settings, self._clock)
        self._attempts = AttemptRecorder(
            clock=self._clock,
            record_failures=self._registry.record_attempts,
            record_successes=self._registry.record_successes,
        )
        keep_us = settings.ingest.dedup_days * _DAY_US
        dedup = DedupMemory(max_keys=settings.ingest.dedup_max_keys, keep_us=keep_us)
        for number in SHARDS:
            self._logs[number] = await self._open_shard(number, keep_us)
            await self._go_on_above_all(number)
            dedup.load(
                await self._logs[number].dedup_keys(
                    since_us=self._clock.now_us() - keep_us, limit=settings.ingest.dedup_max_keys
                )
            )
            self._states[number] = StateKeeper(state_path(self._folder, number))
            self._routers[number] = Router(
                self._logs[number],
                decoder=self._decoder,
                targets=TARGETS,
                gap=functools.partial(self._gap, number),
                observe=self._states[number].observe,
            )
        epochs = {number: log.epoch for number, log in self._logs.items()}
        if epochs != known_shards(found):
            await asyncio.to_thread(write_format, self._folder, epochs)
        self._intake = Intake(
            self._logs,
            clock=self._clock,
            dedup=dedup,
            create_vehicles=self._create_vehicles,
            queued_limit_bytes=settings.ingest.queued_limit_bytes,
            counts=self._counts,
            ahead_limit_us=settings.ingest.ahead_limit_s * 1_000_000,
            traced=self._tracer is not None,
        )
        shards = {number: Shard(self._logs[number], self._routers[number]) for number in SHARDS}
        self._manager = DeliveryManager(
            shards,
            targets=TARGETS,
            open_transport=self._open_transport,
            observe=self._attempted,
            clock=self._clock,
            queue_bytes=settings.delivery.queue_bytes,
            tracer=self._tracer,
        )
        self._figures = await asyncio.to_thread(FigureReader, self._folder, self._registry, clock=self._clock)
        self._observation = self._observe(shards)
        await self._refresh(force=True)
        for number, router in self._routers.items():
            await self._states[number].start(self._logs[number], self._decoder, self._view, router.routed_to)
            self._spawn(router.run())
        self._spawn(self._attempts.run())
        self._spawn(self._watch_registry())
        self._spawn(self._keep_house())
        self._spawn(self._observation.run())
        await self._listen()

    async def _open_shard(self, number: int, keep_us: int) -> SqliteLog:
        settings = self._settings.log
        return await open_log(
            self._folder,
            number,
            clock=self._clock,
            counts=self._counts,
            settings=SqliteSettings(
                reserve_bytes=settings.reserve_bytes,
                busy_timeout_s=settings.busy_timeout_ms / 1000,
                keys_kept_us=keep_us,
                max_keys=self._settings.ingest.dedup_max_keys,
            ),
        )

    async def _go_on_above_all(self, number: int) -> None:
        """See that no position is given twice when the shard has lost its end: a disk that lied, a log cut off."""
        log = self._logs[number]
        seen = await asyncio.to_thread(self._registry.seen_end, number)
        if seen > log.next_position:
            end = log.next_position
            await log.begin_epoch(seen >> EPOCH_BITS)
            _log.critical(
                "Shard %d has lost its end: it holds positions below %d, and %d was reached; what was between them is "
                "gone, and it goes on in epoch %d. See docs/how-to/disk-trouble.md",
                number, end, seen, log.epoch,
            )  # fmt: skip

    async def _listen(self) -> None:
        settings = self._settings
        entrance = DrivetechEntrance(
            self._intake,
            clock=self._clock,
            counts=self._counts,
            body_limit_bytes=settings.ingest.body_limit_bytes,
            retry_after_s=settings.ingest.retry_after_s,
            settings_of=lambda provider: self._decoding[provider.id],
            provider_rate=self._rate_limit(settings.limits.provider_requests_per_s),
            tracer=self._tracer,
        )
        address_rate = self._rate_limit(settings.limits.address_requests_per_s)
        app = build_app(
            [entrance],
            not_found=Answer(404, answers.BY_STATUS[404]),
            server_error=Answer(500, answers.BY_STATUS[500]),
            pages=[
                *self._observation.pages(),
                *live_pages(self.figures, access=settings.hub.live_page, clock=self._clock),
            ],
            address_rate=address_rate,
        )
        if settings.hub.tls_cert_file:
            key_file = self._folder / settings.hub.tls_key_file if settings.hub.tls_key_file else None
            self.certificates = Certificates(self._folder / settings.hub.tls_cert_file, key_file)
            self._spawn(self.certificates.watch(self._clock))
        elif settings.hub.tls_key_file:
            raise ConfigError("names a key without a certificate; set hub.tls_cert_file too", field="hub.tls_key_file")
        try:
            bound = listen(settings.hub.host, settings.hub.port)
        except OSError as exc:
            raise ConfigError(
                f"cannot listen on {settings.hub.host} port {settings.hub.port}: {exc.strerror}", field="hub.port"
            ) from exc
        self.port = bound.getsockname()[1]
        self._server = HttpServer(
            app,
            [entrance],
            stop_within_s=settings.hub.stop_within_s,
            limits=ConnectionLimits(
                head_bytes=settings.limits.head_limit_bytes,
                head_fields=settings.limits.head_limit_fields,
                head_within_s=settings.limits.head_within_s,
                body_within_s=settings.limits.body_within_s,
                connections=settings.limits.connections,
                connections_per_address=settings.limits.connections_per_address,
            ),
            address_rate=address_rate,
            tls=self.certificates.context if self.certificates else None,
        )
        self._serving = asyncio.create_task(self._server.serve([bound]), name="http")
        self._serving.add_done_callback(self._ended)
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0)

    async def figures(self) -> Figures:
        """How the hub stands, and where its vehicles are. Raises ``StoreUnavailable`` or ``StoreCorrupt``."""
        states = [dict(keeper.known.vehicles) for keeper in self._states.values()]
        return await asyncio.to_thread(self._figures.read, self._view, states)

    def _rate_limit(self, per_s: float) -> RateLimit:
        return RateLimit(per_s, burst_s=self._settings.limits.burst_s, clock=self._clock)

    async def stop(self) -> None:
        """Stop in order. Everything that was acknowledged is durable when this returns."""
        if self._serving is not None:
            self._server.should_exit = True
            await asyncio.wait([self._serving])
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._refreshing:  # a vehicle that is just being made known must not start deliveries again
            self._stopping = True
            if hasattr(self, "_manager"):
                await self._manager.stop()
        if hasattr(self, "_attempts"):
            await self._attempts.flush()
        if hasattr(self, "_egress"):
            await self._egress.close()
        self._save_states()
        if hasattr(self, "_figures"):
            self._figures.close()
        for log in self._logs.values():
            await log.close()
        if hasattr(self, "_registry"):
            await asyncio.to_thread(self._registry.close)
        if self._tracer is not None:
            await asyncio.to_thread(self._tracer.close)
            self._tracer = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
            _log.info("Stopped", extra=wide(version=postroad.__version__, folder=str(self._folder.absolute())))

    def _take_lock(self) -> None:
        """Only one process may append to a shard."""
        self._lock = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise ConfigError(f"another hub is running on {self._folder}; stop it, or use another folder") from exc

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A task of the hub's own never ends by itself: if one does, the hub must not look as if it worked."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("A part of the hub broke down: %s", error, exc_info=error)
            self.failed.set()

    # What it tells of itself.

    def _observe(self, shards: dict[int, Shard]) -> Observation:
        return Observation(
            HubParts(
                clock=self._clock,
                counts=self._counts,
                logs=self._logs,
                routers=self._routers,
                intake=self._intake,
                manager=self._manager,
                backlogs=Backlogs(self._manager, shards, decoder=self._decoder, targets=TARGETS),
                attempts=self._attempts,
                view=lambda: self._view,
                registry_seen_s=lambda: self._registry_seen_s,
                broken=self.failed.is_set,
            ),
            metrics_for=parse_networks(self._settings.telemetry.allow_cidrs),
        )

    def _attempted(
        self, shard: int, subscription_id: int, bulk: Bulk, attempt: int, outcome: Outcome, retry_in_s: float | None
    ) -> None:
        self._attempts.observe(shard, subscription_id, bulk, attempt, outcome)
        self._watch.observe(shard, subscription_id, bulk, attempt, outcome, retry_in_s)

    # The registry.

    async def _watch_registry(self) -> None:
        """Look for changes made by other processes: the command line, another node."""
        while True:
            await self._clock.sleep(self._settings.delivery.registry_poll_ms / 1000)
            with _going_on("The registry's changes cannot be followed now; going on with what is known"):
                await self._refresh()
                self._registry_seen_s = self._clock.monotonic_s()

    async def _refresh(self, *, force: bool = False) -> None:
        """Bring what runs up to the registry's version, until no open stream is without a beginning.

        Routing stands still while streams are activated: each begins exactly at the position routing goes on from.
        """
        async with self._refreshing:
            if self._stopping:
                raise StoreUnavailable("closed", "the hub is stopping")
            if not force and await asyncio.to_thread(self._registry.version) == self._view.version:
                await self._manager.use(self._view, self._streams)  # what could not be opened before may be now
                return
            view = await asyncio.to_thread(self._registry.view)
            if self._has_new_streams(view):
                await self._activate_streams()
            else:
                self._apply(view)
            await self._manager.use(self._view, self._streams)

    def _has_new_streams(self, view: RegistryView) -> bool:
        return any(s.from_position is None and not s.ended and s.shard in self._routers for s in view.streams.values())

    async def _activate_streams(self) -> None:
        async with AsyncExitStack() as stack:
            for router in self._routers.values():
                await stack.enter_async_context(router.gate)
            while True:
                for number, router in self._routers.items():
                    await asyncio.to_thread(self._registry.activate_streams, number, router.routed_to)
                view = await asyncio.to_thread(self._registry.view)
                if not self._has_new_streams(view):  # another process may have opened some in between
                    break
            self._apply(view)

    def _apply(self, view: RegistryView) -> None:
        """Without an await: between two items everybody changes to the new view at once."""
        self._view = view
        self._streams = StreamIndex(view.streams)
        self._decoder.use(view)
        self._decoding = {
            provider.id: self._decoder.settings(provider.id, provider.revision, provider.protocol)
            for provider in view.providers.values()
            if provider.protocol in SOURCES
        }
        self._intake.use(view)
        for router in self._routers.values():
            router.use(view, self._streams)

    async def _create_vehicles(self, vehicles: Sequence[NewVehicle]) -> None:
        """See ``CreateVehicles``: one transaction for all, then one refresh.

        Nothing of these vehicles is in the log yet, so their streams may begin anywhere up to here: unlike other new
        streams they need not hold up routing.
        """
        await asyncio.to_thread(self._store_vehicles, vehicles, self._logs[SHARDS[0]].next_position)
        await self._refresh()

    def _store_vehicles(self, vehicles: Sequence[NewVehicle], position: int) -> None:
        issue = catalogue().issued_namespaces
        with self._registry.transaction() as transaction:
            made = [
                subjects.create_vehicle(
                    transaction, new.organization_id, {new.namespace: new.identifier}, shard=SHARDS[0], issue=issue
                )
                for new in vehicles
            ]
            streams.activate(transaction, SHARDS[0], position, subject_ids=[subject.id for subject in made])

    def _open_transport(self, destination: Destination) -> Transport:
        spec = TRANSPORTS[destination.transport]
        try:
            config = msgspec.convert(opened_config(destination, self._keys), spec.config_type)
        except msgspec.ValidationError as exc:
            raise ConfigError(f"destination {destination.name}: {exc}") from exc
        return spec.open(config, self._egress, self._clock)

    # Housekeeping.

    async def _keep_house(self) -> None:
        """Retention and snapshots, each minute."""
        while True:
            await self._clock.sleep(HOUSEKEEPING_EVERY_S)
            with _going_on("Retention could not run"):
                await self._retain()
            with _going_on("The state could not be saved"):
                self._save_states()

    def _save_states(self) -> None:
        """A snapshot that cannot be written costs time at the next start, no more."""
        for number, keeper in self._states.items():
            try:
                keeper.save(self._logs[number].epoch)
            except OSError as exc:
                _log.warning("The state of shard %d could not be saved: %s", number, exc)

    async def _retain(self) -> None:
        now_us = self._clock.now_us()
        limits = self._settings.log
        wanted = frozenset(self._view.subscriptions)
        for number, log in self._logs.items():
            cursors = {id_: cursor.position for id_, cursor in (await log.delivery.cursors()).items()}
            for removed_id in cursors.keys() - wanted:
                await log.delivery.forget(removed_id)
            removed = await log.retain(
                received_before_us=now_us - int(limits.retention_days * _DAY_US),
                settled=self._manager.settled(number, wanted, cursors),
                max_bytes=limits.max_bytes,
            )
            if removed.items:
                _log.info("Retention removed %d items from shard %d", removed.items, number)
        await asyncio.to_thread(self._registry.prune_attempts, now_us - ATTEMPTS_KEPT_US)

    def _gap(self, shard: int, subscription_id: int, first: int, end: int) -> None:
        self._counts.positions_lost.add(subscription_id, shard, by=end - first)
        _log.error(
            "Subscription %d lost positions %d to %d of shard %d to retention before they were delivered",
            subscription_id, first, end - 1, shard,
        )  # fmt: skip


@contextmanager
def _going_on(failure: str) -> Iterator[None]:
    """What a task does again and again must not end with one failure of it, not even with an unexpected one."""
    try:
        yield
    except PostroadError as exc:
        _log.warning("%s: %s", failure, exc)
    except Exception:  # noqa: BLE001 - see above
        _log.exception("%s", failure)

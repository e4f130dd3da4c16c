"""A hub in a folder: the order in which its parts start and stop.

Whatever is opened is put on a stack with what closes it, so that a stop, or a start that fails half way, closes exactly
what is open, the last first. The order of opening is chosen by that of closing: first no new requests, then no new
attempts, then what is already accepted becomes durable, then the files.
"""

import asyncio
import functools
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import postroad
from postroad.api.figures import FigureReader, Figures
from postroad.api.live import live_pages
from postroad.api.observation import Observation
from postroad.api.parts import HubParts
from postroad.clock import Clock, SystemClock
from postroad.delivery.attempts import AttemptRecorder
from postroad.delivery.backlog import Backlogs
from postroad.delivery.manager import DeliveryManager, Shard
from postroad.delivery.watch import AttemptWatch
from postroad.egress.client import EgressClient
from postroad.egress.guard import parse_networks
from postroad.ingest.dedup import DedupMemory
from postroad.ingest.http.entrance import Entrance
from postroad.ingest.http.limits import RateLimit
from postroad.ingest.intake import Intake
from postroad.ingest.tls import Certificates
from postroad.layout import state_path
from postroad.log.sqlite import SqliteLog
from postroad.logs import wide
from postroad.metrics.counts import Counts
from postroad.protocols import SOURCES, TARGETS
from postroad.registry.records import RegistryView
from postroad.routing.router import Router
from postroad.routing.translation import Decoder
from postroad.service.entrances import EntranceParts, ProviderSettings, build_entrances
from postroad.service.folder import OpenFolder, locked, open_folder
from postroad.service.following import RegistryFollower
from postroad.service.housekeeping import Chore, Retention, keep_house, prune_attempts, save_states
from postroad.service.http import HttpFront
from postroad.service.inbound import NEW_VEHICLES_SHARD, load_dedup, vehicle_creator
from postroad.service.outbound import egress_of, gap_reporter, observer_of_attempts, transport_opener
from postroad.service.tasks import BackgroundTasks
from postroad.settings import Settings
from postroad.state.keeper import StateKeeper
from postroad.tracing.interface import Tracer
from postroad.tracing.opening import open_tracer

_log = logging.getLogger(__name__)


class Hub:
    """A hub in one folder. Not to be started twice."""

    def __init__(self, folder: Path, settings: Settings, *, clock: Clock | None = None) -> None:
        """Nothing is opened yet."""
        self._folder = folder
        self._settings = settings
        self._clock = clock or SystemClock()
        self._counts = Counts()
        self._tasks = BackgroundTasks()
        self._closing = AsyncExitStack()
        self._decoder = Decoder(SOURCES)
        self._provider_settings = ProviderSettings(self._decoder)
        self._tracer: Tracer | None = None
        self._logs: Mapping[int, SqliteLog]
        self._states: Mapping[int, StateKeeper]
        self._routers: Mapping[int, Router]
        self._following: RegistryFollower
        self._figures: FigureReader
        self._intake: Intake
        self._attempts: AttemptRecorder
        self._manager: DeliveryManager
        self._observation: Observation
        self._retention: Retention
        self._chores: list[Chore]
        self._front: HttpFront
        self.failed = self._tasks.failed
        """Set when a part of the hub broke down; whoever runs it should stop it, and may start it again."""
        self.certificates: Certificates | None = None
        """The hub's own, if it speaks TLS, once started."""
        self.port = 0
        """The port it listens on, once started."""

    async def start(self) -> None:
        """Open, recover, deliver, listen: in this order.

        Raises ``ConfigError``, ``StoreUnavailable`` or ``StoreCorrupt``; then nothing is left open.
        """
        place = wide(version=postroad.__version__, folder=str(self._folder.absolute()))
        try:
            _log.info("Starting", extra=place)
            self._closing.callback(_log.info, "Stopped", extra=place)
            await self._start()
            _log.info("Started", extra=wide(host=self._settings.hub.host, port=self.port))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop in order. Everything that was acknowledged is durable when this returns."""
        await self._closing.aclose()

    async def figures(self) -> Figures:
        """How the hub stands, and where its vehicles are. Raises ``StoreUnavailable`` or ``StoreCorrupt``."""
        states = [dict(keeper.known.vehicles) for keeper in self._states.values()]
        return await asyncio.to_thread(self._figures.read, self._following.view, states)

    async def _start(self) -> None:
        closing, settings = self._closing, self._settings
        closing.enter_context(locked(self._folder))
        self._tracer = await asyncio.to_thread(open_tracer, settings.telemetry)
        if self._tracer is not None:
            closing.push_async_callback(asyncio.to_thread, self._tracer.close)
        egress = egress_of(settings, self._clock)
        closing.push_async_callback(egress.close)
        opened = await closing.enter_async_context(
            open_folder(self._folder, settings, clock=self._clock, counts=self._counts)
        )
        self._logs = opened.logs
        self._figures = await asyncio.to_thread(FigureReader, self._folder, opened.registry, clock=self._clock)
        closing.callback(self._figures.close)
        dedup = await load_dedup(opened.logs, settings.ingest, self._clock)

        self._put_together(opened, dedup, egress)
        closing.push_async_callback(self._attempts.flush)
        closing.push_async_callback(self._manager.stop)
        closing.push_async_callback(self._following.stop)
        await self._following.start(
            use=[self._decoder.use, self._provider_settings.use, self._intake.use], deliver=self._manager.use
        )
        for number, keeper in self._states.items():
            routed_to = self._routers[number].routed_to
            await keeper.start(self._logs[number], self._decoder, self._following.view, routed_to)
        closing.push_async_callback(save_states, self._states, self._logs)
        closing.push_async_callback(self._tasks.cancel)
        self._run_in_background()
        closing.push_async_callback(self._front.stop)
        await self._front.start(self._tasks)
        self.port = self._front.port

    def _put_together(self, opened: OpenFolder, dedup: DedupMemory, egress: EgressClient) -> None:
        """Make all parts, in the direction in which the data flows; nothing runs yet."""
        settings, clock, counts = self._settings, self._clock, self._counts
        self._states = {number: StateKeeper(state_path(self._folder, number)) for number in opened.logs}
        self._routers = {
            number: Router(
                log,
                decoder=self._decoder,
                targets=TARGETS,
                gap=gap_reporter(counts, number),
                observe=self._states[number].observe,
            )
            for number, log in opened.logs.items()
        }
        self._following = RegistryFollower(
            opened.registry, self._routers, clock=clock, poll_s=settings.delivery.registry_poll_ms / 1000
        )
        self._intake = Intake(
            opened.logs,
            clock=clock,
            dedup=dedup,
            create_vehicles=vehicle_creator(
                opened.registry, opened.logs[NEW_VEHICLES_SHARD], refresh=self._following.refresh
            ),
            queued_limit_bytes=settings.ingest.queued_limit_bytes,
            counts=counts,
            ahead_limit_us=settings.ingest.ahead_limit_s * 1_000_000,
            traced=self._tracer is not None,
        )
        self._attempts = AttemptRecorder(
            clock=clock,
            record_failures=opened.registry.record_attempts,
            record_successes=opened.registry.record_successes,
        )
        shards = {number: Shard(log, self._routers[number]) for number, log in opened.logs.items()}
        self._manager = DeliveryManager(
            shards,
            targets=TARGETS,
            open_transport=transport_opener(opened.keys, egress, clock),
            observe=observer_of_attempts(self._attempts, AttemptWatch(counts, view=self._view, clock=clock)),
            clock=clock,
            queue_bytes=settings.delivery.queue_bytes,
            tracer=self._tracer,
        )
        self._retention = Retention(opened.logs, self._manager, view=self._view, limits=settings.log, clock=clock)
        self._chores = [
            Chore(self._retention.run_once, "Retention could not run"),
            Chore(functools.partial(prune_attempts, opened.registry, clock), "Old attempts could not be removed"),
            Chore(functools.partial(save_states, self._states, opened.logs), "The state could not be saved"),
        ]
        self._observation = self._observe(shards)
        self._front = HttpFront(
            self._folder,
            settings,
            entrances=self._entrances(),
            pages=[
                *self._observation.pages(),
                *live_pages(self.figures, access=settings.hub.live_page, clock=clock),
            ],
            clock=clock,
        )
        self.certificates = self._front.certificates

    def _observe(self, shards: Mapping[int, Shard]) -> Observation:
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
                view=self._view,
                registry_seen_s=lambda: self._following.seen_s,
                broken=self.failed.is_set,
            ),
            metrics_for=parse_networks(self._settings.telemetry.allow_cidrs),
        )

    def _entrances(self) -> list[Entrance]:
        limits = self._settings.limits
        return build_entrances(
            EntranceParts(
                intake=self._intake,
                settings=self._settings.ingest,
                settings_of=self._provider_settings.of,
                provider_rate=RateLimit(limits.provider_requests_per_s, burst_s=limits.burst_s, clock=self._clock),
                clock=self._clock,
                counts=self._counts,
                tracer=self._tracer,
            )
        )

    def _run_in_background(self) -> None:
        """Every task of the hub's own begins here."""
        spawn = self._tasks.spawn
        for number, router in self._routers.items():
            spawn(router.run(), name=f"router {number}")
        spawn(self._attempts.run(), name="attempts")
        spawn(self._following.run(), name="registry")
        spawn(keep_house(self._chores, self._clock), name="housekeeping")
        spawn(self._observation.run(), name="observation")
        if self.certificates is not None:
            spawn(self.certificates.watch(self._clock), name="certificates")

    def _view(self) -> RegistryView:
        return self._following.view

"""A hub in a folder: the order in which it starts and stops.

Whatever is opened is put on a stack with what closes it, so that a stop, or a start that fails half way, closes exactly
what is open, the last first. The order of opening is chosen by that of closing: first no new requests, then no new
attempts, then what is already accepted becomes durable, then the files.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path

import postroad
from postroad.api.figures import FigureReader, Figures
from postroad.api.graphql.explorer import explorer_pages
from postroad.api.live import live_pages
from postroad.clock import Clock, SystemClock
from postroad.ingest.tls import Certificates
from postroad.logs import wide
from postroad.metrics.counts import Counts
from postroad.service.assembly import Parts, Surroundings, assemble
from postroad.service.datasets import indexes
from postroad.service.folder import locked, open_folder
from postroad.service.housekeeping import keep_house, save_states
from postroad.service.http import HttpFront
from postroad.service.inbound import load_dedup
from postroad.service.outbound import egress_of
from postroad.service.tasks import BackgroundTasks
from postroad.service.trips import save_trips
from postroad.settings import Settings
from postroad.tracing.opening import open_tracer

_log = logging.getLogger(__name__)


class Hub:
    """A hub in one folder. Not to be started twice."""

    def __init__(self, folder: Path, settings: Settings, *, clock: Clock | None = None) -> None:
        """Nothing is opened yet."""
        self._folder = folder
        self._settings = settings
        self._clock = clock or SystemClock()
        self._tasks = BackgroundTasks()
        self._closing = AsyncExitStack()
        self._figures: FigureReader
        self.parts: Parts
        """What it consists of, once it starts."""
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
            self.parts = assemble(await self._open())
            await self._run()
            await self._listen()
            _log.info("Started", extra=wide(host=self._settings.hub.host, port=self.port))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop in order. Everything that was acknowledged is durable when this returns."""
        await self._closing.aclose()

    async def figures(self) -> Figures:
        """How the hub stands, and where its vehicles are. Raises ``StoreUnavailable`` or ``StoreCorrupt``."""
        states = [dict(keeper.known.vehicles) for keeper in self.parts.states.values()]
        return await asyncio.to_thread(self._figures.read, self.parts.following.view, states)

    async def _open(self) -> Surroundings:
        """Open the files, and what else has to be closed."""
        closing, settings, clock, counts = self._closing, self._settings, self._clock, Counts()
        closing.enter_context(locked(self._folder))
        tracer = await asyncio.to_thread(open_tracer, settings.telemetry)
        if tracer is not None:
            closing.push_async_callback(asyncio.to_thread, tracer.close)
        egress = egress_of(settings, clock)
        closing.push_async_callback(egress.close)
        opened = await closing.enter_async_context(open_folder(self._folder, settings, clock=clock, counts=counts))
        self._figures = await asyncio.to_thread(FigureReader, self._folder, opened.registry, clock=clock)
        closing.callback(self._figures.close)
        return Surroundings(
            folder=self._folder,
            settings=settings,
            clock=clock,
            counts=counts,
            tracer=tracer,
            egress=egress,
            opened=opened,
            indexes=closing.enter_context(indexes(self._folder, opened.logs)),
            dedup=await load_dedup(opened.logs, settings.ingest, clock),
            broken=self.failed.is_set,
        )

    async def _run(self) -> None:
        """Recover, and begin to deliver."""
        closing, parts = self._closing, self.parts
        await parts.alerts.load()
        closing.push_async_callback(parts.attempts.flush)
        closing.push_async_callback(parts.alerts.flush)
        closing.push_async_callback(parts.manager.stop)
        closing.push_async_callback(parts.following.stop)
        await parts.following.start(use=parts.users, cover=parts.manager.cover, deliver=parts.manager.use)
        for number, keeper in parts.states.items():
            log, routed_to = parts.logs[number], parts.routers[number].routed_to
            await keeper.start(log, parts.decoder, parts.following.view, routed_to)
        closing.push_async_callback(save_states, parts.states, parts.logs)
        closing.push_async_callback(save_trips, parts.trips)
        closing.push_async_callback(self._tasks.cancel)
        self._spawn_tasks()

    def _spawn_tasks(self) -> None:
        """All that runs in the background begins here; the HTTP server adds its own with ``front.start``."""
        parts, spawn = self.parts, self._tasks.spawn
        for number, router in parts.routers.items():
            spawn(router.run(), name=f"router {number}")
        for number, follower in parts.followers.items():
            spawn(follower.run(), name=f"admin events {number}")
        for number, trips in parts.trips.items():
            spawn(trips.run(), name=f"trips {number}")
        for number, datasets in parts.datasets.items():
            spawn(datasets.run(), name=f"datasets {number}")
        spawn(parts.fetchers.run(), name="fetching")
        spawn(parts.upstreams.run(), name="upstreams")
        spawn(parts.receiving.keeper.run(), name="receiving")
        spawn(parts.attempts.run(), name="attempts")
        spawn(parts.alerts.run(), name="alerts")
        spawn(parts.following.run(), name="registry")
        spawn(parts.tasks.run(), name="tasks")
        spawn(keep_house(parts.chores, self._clock), name="housekeeping")
        spawn(parts.observation.run(), name="observation")

    async def _listen(self) -> None:
        """Begin to take in, and to show."""
        live = live_pages(self.figures, access=self._settings.hub.live_page, clock=self._clock)
        consent = self.parts.consent
        front = HttpFront(
            self._folder,
            self._settings,
            entrances=self.parts.entrances,
            pages=[
                *self.parts.observation.pages(),
                *self.parts.monitoring.pages(),
                *self.parts.fetches.pages(),
                self.parts.sign_in.page(),
                self.parts.graphql.page,
                *self.parts.rest.pages,
                *explorer_pages(),
                *live,
                self.parts.landing,
                *self.parts.receiving.pushes.pages(),
                *(consent.pages if consent is not None else ()),
            ],
            turned_away=self.parts.counts.turned_away,
            clock=self._clock,
        )
        self._closing.push_async_callback(self.parts.graphql.close)
        self._closing.push_async_callback(self.parts.receiving.pushes.close)
        self._closing.push_async_callback(self.parts.rest.close)
        if consent is not None:
            self._closing.push_async_callback(consent.close)
        self._closing.push_async_callback(front.stop)
        await front.start(self._tasks)
        self.port, self.certificates = front.port, front.certificates

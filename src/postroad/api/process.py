"""The role ``api``: a second process on a hub's folder that shows its pages and takes nothing in.

It has no lock and no way to append: shards are opened read-only. Where vehicles are it knows from the hub's snapshot
and from what the log holds after it.
"""

import asyncio
import logging
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postroad.api.figures import FigureReader, Figures
from postroad.api.live import live_pages
from postroad.clock import Clock, SystemClock
from postroad.errors import ConfigError, PostroadError
from postroad.ingest.http.answers import Answer
from postroad.ingest.http.app import Page, build_app
from postroad.ingest.server import HttpServer, listen
from postroad.ingest.tls import Certificates
from postroad.layout import SHARDS, registry_url, state_path
from postroad.log.interface import Batch
from postroad.log.reader import ShardReader
from postroad.log.schema import shard_path
from postroad.protocols import READABLE
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore
from postroad.routing.translation import Decoder
from postroad.settings import Settings
from postroad.state.keeper import StateKeeper

FOLLOW_EVERY_S = 0.5
STALE_S = 10.0
"""Without a successful look for so long the process does not call itself healthy."""
READ_BYTES = 256 * 1024
"""Of one step of following: between two the process answers requests."""

_log = logging.getLogger(__name__)


class _ReadOnlyLog:
    """A shard as ``StateKeeper`` reads it, from outside the hub."""

    def __init__(self, reader: ShardReader) -> None:
        self._reader = reader
        self.epoch = reader.heads().epoch

    async def end(self) -> int:
        heads = await asyncio.to_thread(self._reader.heads)
        self.epoch = heads.epoch
        return heads.next_position

    async def read(self, position: int) -> list[Batch]:
        return await asyncio.to_thread(self._reader.read, position, max_bytes=READ_BYTES)

    def close(self) -> None:
        self._reader.close()


class ApiProcess:
    """Shows the hub in a folder. Not to be started twice."""

    def __init__(self, folder: Path, settings: Settings, *, clock: Clock | None = None) -> None:
        """Nothing is opened yet."""
        self._folder = folder
        self._settings = settings
        self._clock = clock or SystemClock()
        self._registry: RegistryStore | None = None
        self._view: RegistryView
        self._figures: FigureReader | None = None
        self._decoder = Decoder(READABLE)
        self._logs: dict[int, _ReadOnlyLog] = {}
        self._states: dict[int, StateKeeper] = {}
        self._followed_s = float("-inf")
        self._server: HttpServer
        self._serving: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self.certificates: Certificates | None = None  # plain HTTP: it stands behind loopback or a proxy of its own
        self.failed = asyncio.Event()
        """Set when a part of it broke down; whoever runs it should stop it."""
        self.port = 0
        """The port it listens on, once started."""

    async def start(self) -> None:
        """Open for reading, and listen. Raises ``ConfigError``, ``StoreUnavailable`` or ``StoreCorrupt``."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        for shard in SHARDS:
            path = shard_path(self._folder, shard)
            if not path.exists():
                raise ConfigError(f"no hub has run in {self._folder} yet; start one first: postroad serve --role hub")
            self._logs[shard] = _ReadOnlyLog(await asyncio.to_thread(ShardReader, path, shard))
        url = registry_url(self._folder, self._settings)
        self._registry = await asyncio.to_thread(RegistryStore.open, url, clock=self._clock)
        self._figures = await asyncio.to_thread(FigureReader, self._folder, self._registry, clock=self._clock)
        self._use(await asyncio.to_thread(self._registry.view))
        for shard, log in self._logs.items():
            self._states[shard] = StateKeeper(state_path(self._folder, shard))
            self._states[shard].load(log, until=await log.end())
        self._following = asyncio.create_task(self._follow(), name="follow")
        self._following.add_done_callback(self._ended)
        await self._listen()

    async def _listen(self) -> None:
        hub = self._settings.hub
        pages = live_pages(self.figures, access=hub.live_page, clock=self._clock)
        app = build_app(
            [],
            not_found=Answer(404, b'{"error":"not found"}'),
            server_error=Answer(500, b'{"error":"server error"}'),
            pages=[*pages, Page("/healthz", self._health)],
        )
        bound = listen(hub.host, hub.port)
        self.port = bound.getsockname()[1]
        self._server = HttpServer(app, [], stop_within_s=hub.stop_within_s)
        self._serving = asyncio.create_task(self._server.serve([bound]), name="http")
        self._serving.add_done_callback(self._ended)
        await self._server.begun(self._serving)

    async def stop(self) -> None:
        """Answer what was asked, then let go of everything."""
        if self._serving is not None:
            self._server.should_exit = True
            await asyncio.wait([self._serving])
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        if self._figures is not None:
            self._figures.close()
        for log in self._logs.values():
            log.close()
        if self._registry is not None:
            await asyncio.to_thread(self._registry.close)

    async def figures(self) -> Figures:
        """What the live page shows. Raises ``StoreUnavailable`` or ``StoreCorrupt``."""
        assert self._figures is not None  # noqa: S101 - it serves nothing before it is open
        states = [dict(keeper.known.vehicles) for keeper in self._states.values()]
        return await asyncio.to_thread(self._figures.read, self._view, states)

    async def _health(self, _request: Request) -> Response:
        fresh = self._clock.monotonic_s() - self._followed_s < STALE_S
        body = msgspec.json.encode({"role": "api", "status": "ok" if fresh else "stale"})
        return Response(body, 200 if fresh else 503, media_type="application/json")

    def _use(self, view: RegistryView) -> None:
        self._view = view
        self._decoder.use(view)

    async def _follow(self) -> None:
        """Come up with the hub, again and again."""
        while True:
            try:
                await self._catch_up()
                self._followed_s = self._clock.monotonic_s()
            except PostroadError as exc:
                _log.warning("The hub's folder cannot be read now; going on with what is known: %s", exc)
            except Exception:  # noqa: BLE001 - one bad look must not end the looking
                _log.exception("The hub's folder could not be followed")
            await self._clock.sleep(FOLLOW_EVERY_S)

    async def _catch_up(self) -> None:
        assert self._registry is not None  # noqa: S101 - as in ``figures``
        if await asyncio.to_thread(self._registry.version) != self._view.version:
            self._use(await asyncio.to_thread(self._registry.view))
        for shard, log in self._logs.items():
            await self._states[shard].catch_up(log, self._decoder, self._view, await log.end())

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("A part of the process broke down: %s", error, exc_info=error)
            self.failed.set()

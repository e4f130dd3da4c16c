"""The hub's HTTP server: the entrances and pages, its certificates, and the port it listens on."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from postroad.clock import Clock
from postroad.errors import ConfigError
from postroad.ingest.http import problems
from postroad.ingest.http.app import Page, build_app
from postroad.ingest.http.entrance import Entrance
from postroad.ingest.http.limits import ConnectionLimits, rate_limit
from postroad.ingest.server import HttpServer, listen
from postroad.ingest.tls import Certificates
from postroad.metrics.counts import Counter
from postroad.service.tasks import BackgroundTasks
from postroad.settings import HubSettings, LimitsSettings, Settings


class HttpFront:
    """Everything that is asked of the hub by HTTP."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        *,
        entrances: Sequence[Entrance],
        pages: Sequence[Page],
        turned_away: Counter,
        clock: Clock,
    ) -> None:
        """Load what TLS needs; nothing listens yet. Raises ``ConfigError``."""
        self.certificates = _certificates(folder, settings.hub)
        """The hub's own, if it speaks TLS."""
        self.port = 0
        """The port it listens on, once started."""
        self._hub = settings.hub
        self._clock = clock
        address_rate = rate_limit(settings.limits.address_requests_per_s, settings.limits.burst_s, clock)
        app = build_app(
            entrances,
            not_found=problems.NOT_FOUND,
            server_error=problems.SERVER_ERROR,
            pages=pages,
            address_rate=address_rate,
        )
        self._server = HttpServer(
            app,
            entrances,
            stop_within_s=settings.hub.stop_within_s,
            limits=_connection_limits(settings.limits),
            address_rate=address_rate,
            turned_away=turned_away,
            tls=self.certificates.context if self.certificates else None,
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self, tasks: BackgroundTasks) -> None:
        """Listen; return when requests are answered. ``tasks`` watch over it. Raises ``ConfigError``."""
        bound = listen(self._hub.host, self._hub.port)
        self.port = bound.getsockname()[1]
        if self.certificates is not None:
            tasks.spawn(self.certificates.watch(self._clock), name="certificates")
        self._serving = tasks.watched(self._server.serve([bound]), name="http")
        await self._server.begun(self._serving)

    async def stop(self) -> None:
        """Take no new requests, and answer those that were begun."""
        if self._serving is not None:
            self._server.should_exit = True
            await asyncio.wait([self._serving])


def _certificates(folder: Path, hub: HubSettings) -> Certificates | None:
    if hub.tls_cert_file:
        return Certificates(folder / hub.tls_cert_file, folder / hub.tls_key_file if hub.tls_key_file else None)
    if hub.tls_key_file:
        raise ConfigError("names a key without a certificate; set hub.tls_cert_file too", field="hub.tls_key_file")
    return None


def _connection_limits(limits: LimitsSettings) -> ConnectionLimits:
    return ConnectionLimits(
        head_bytes=limits.head_limit_bytes,
        head_fields=limits.head_limit_fields,
        head_within_s=limits.head_within_s,
        body_within_s=limits.body_within_s,
        connections=limits.connections,
        connections_per_address=limits.connections_per_address,
    )

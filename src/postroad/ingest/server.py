"""The HTTP server as the hub runs it: uvicorn, with the entrances on the short way, and no hand on signals."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from postroad.errors import ConfigError
from postroad.ingest.http.entrance import Entrance
from postroad.ingest.http.limits import ConnectionLimits, RateLimit
from postroad.ingest.http.protocol import EntranceProtocol
from postroad.metrics.counts import Counter

KEEP_ALIVE_S = 75
"""How long an idle connection is kept: providers report once a minute."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises ``ConfigError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        server = socket.create_server((host, port), family=family, backlog=2048)
        # Inherited by each connection: an answer's body does not wait for its header to be acknowledged (40 ms).
        # asyncio sets it by itself only on sockets that say that they are TCP's, which this one does not.
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server
    except OSError as exc:
        raise ConfigError(f"cannot listen on {host} port {port}: {exc.strerror}", field="hub.port") from exc


class HttpServer(uvicorn.Server):
    """``start``, then ``stop``. Signals are the service's business."""

    def __init__(
        self,
        app: ASGIApp,
        entrances: Sequence[Entrance],
        *,
        stop_within_s: float,
        limits: ConnectionLimits | None = None,
        address_rate: RateLimit | None = None,
        turned_away: Counter | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Serve ``app``, and the entrances the short way; with ``tls``, HTTPS and nothing else.

        ``turned_away``: see ``EntranceProtocol.bind``.
        """
        short_way = {path.encode(): entrance for entrance in entrances for path in entrance.paths}
        super().__init__(
            uvicorn.Config(
                app,
                http=EntranceProtocol.bind(short_way, limits, address_rate, turned_away),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, int(stop_within_s)),
            )
        )
        self.config.load()
        self.config.ssl = tls

    async def begun(self, serving: "asyncio.Task[None]") -> None:
        """Return once requests are answered by ``serving``, the task that runs ``serve``. Raises what that raises."""
        while not self.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

"""The HTTP server as the hub runs it: uvicorn, with the entrances on the short way, and no hand on signals."""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from postroad.ingest.http.entrance import Entrance
from postroad.ingest.http.limits import ConnectionLimits, RateLimit
from postroad.ingest.http.protocol import EntranceProtocol

KEEP_ALIVE_S = 75
"""How long an idle connection is kept: providers report once a minute."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


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
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Serve ``app``, and the entrances the short way; with ``tls``, HTTPS and nothing else."""
        short_way = {path.encode(): entrance for entrance in entrances for path in entrance.paths}
        super().__init__(
            uvicorn.Config(
                app,
                http=EntranceProtocol.bind(short_way, limits, address_rate),
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

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

"""A real hub for a measurement: a data folder, ``postroad serve`` on the server's core, a provider's token."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from machine import SERVER_CORES
from postroad.simulate.hub_process import HubProcess
from worker import start

PROVIDER = "bench-gps"
DECLARATION = """\
organizations:
  - name: Bench
    providers: [{{name: {provider}, protocol: {protocol}}}]
"""
SUBSCRIPTION = """\
    integrations:
      - name: customer
        destinations:
          - name: webhook
            transport: https
            config:
              url: {url}/events
              ca_file: {ca_file}
              auth:
                type: oauth2_client_credentials
                token_url: {url}{token_path}
                client_id: {client_id}
                client_secret: {{env: BENCH_CLIENT_SECRET}}
        subscriptions:
          - name: positions
            protocol: connected_cars
            destination: webhook
            types: [gps_position]
            vehicles: all
"""


class Hub:
    """A hub at work. A context manager: leaving it stops the hub as an operator would.

    Attributes:
        folder: its data.
        port: where it takes events in.
        token: of its provider.
        pid: of its process.
    """

    def __init__(
        self,
        folder: Path,
        subscription: str = "",
        *,
        protocol: str = "drivetech",
        environment: dict[str, str] | None = None,
    ) -> None:
        """Prepare and start it in ``folder``, which must not exist yet. Its provider speaks ``protocol``."""
        self.folder = folder
        self._declaration = DECLARATION.format(provider=PROVIDER, protocol=protocol)
        self._tool = HubProcess(folder, environment=environment or {})
        self._tool.prepare(self._declaration + subscription)
        self.token = self._tool.issue_token(PROVIDER)
        self.port = int(self._tool.url.rpartition(":")[2])
        self.start()

    def postroad(self, *arguments: str) -> None:
        """Run a command on its folder."""
        self._tool.postroad(*arguments)

    def apply(self, subscription: str) -> None:
        """Declare more."""
        file = self.folder / "more.yaml"
        file.write_text(self._declaration + subscription, encoding="utf-8")
        self.postroad("apply", str(file))

    def start(self) -> None:
        """Start it, and return once it listens."""
        self._log = (self.folder / "hub.log").open("ab")
        self._process = start(
            [sys.executable, "-m", "postroad", "serve", "--data", str(self.folder)],
            cores=SERVER_CORES,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self.pid = self._process.pid
        while self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"the hub did not start: {(self.folder / 'hub.log').read_text(errors='replace')}")

    def stop(self) -> None:
        """Stop it; ``start`` goes on."""
        self._process.terminate()
        self._process.wait(60)
        self._log.close()

    def __enter__(self) -> "Hub":
        """The hub itself."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

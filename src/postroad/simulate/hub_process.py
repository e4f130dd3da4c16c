"""A hub as an operator runs it: a folder, a process, and signals."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from postroad.errors import PostroadError, StoreUnavailable

STARTS_WITHIN_S = 30.0

_SETTINGS = """\
[hub]
port = {port}

[egress]
allow_cidrs = ["127.0.0.1/32"]  # the customer is on this machine
"""


class HubProcess:
    """A hub of its own in ``folder``, which must not exist yet. All customers are on this machine.

    Attributes:
        url: where it listens.
        log_path: what it wrote to standard output and error, over all its starts.
    """

    program: Sequence[str] = (sys.executable, "-m", "postroad")
    """What is run to serve."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str]) -> None:
        """``environment`` is added to this process's own."""
        self._folder = folder
        self._environment = os.environ | environment
        self._port = _free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.log_path = folder / "hub.log"

    def prepare(self, declaration: str, settings: str = "") -> None:
        """Make the folder and declare everything (YAML). ``settings``: more sections of ``postroad.toml``."""
        self.postroad("init")
        text = _SETTINGS.format(port=self._port) + settings
        (self._folder / "postroad.toml").write_text(text, encoding="utf-8")
        file = self._folder / "declared.yaml"
        file.write_text(declaration, encoding="utf-8")
        self.postroad("apply", str(file))

    def issue_token(self, provider: str) -> str:
        """A new token for a provider."""
        token: str = msgspec.json.decode(self.postroad("token", "issue", provider, "--json"))["token"]
        return token

    def postroad(self, *arguments: str) -> bytes:
        """Run a command on the folder and return what it printed. Raises ``PostroadError`` if it fails."""
        command = [sys.executable, "-m", "postroad", *arguments, "--data", str(self._folder)]
        done = subprocess.run(command, env=self._environment, capture_output=True, check=False)  # noqa: S603 - ourselves
        if done.returncode:
            raise PostroadError(f"postroad {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    async def start(self, *options: str) -> None:
        """Start the process (``postroad serve`` with these options), and return once it listens."""
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.program, "serve", *options, "--data", str(self._folder),
                env=self._environment, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C reaches the whole group: the hub must outlive its vehicles
            )  # fmt: skip
        loop = asyncio.get_running_loop()
        until_s = loop.time() + STARTS_WITHIN_S
        while self._process.returncode is None and loop.time() < until_s:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
        raise StoreUnavailable("closed", f"the hub did not start:\n{self.log_path.read_text(errors='replace')[-2000:]}")

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise StoreUnavailable("closed", "the hub was not started")
        return self._process.pid

    async def kill(self) -> None:
        """End the process without a warning, as a crash or the kernel would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Stop the process gracefully."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port

"""LocalStack: SNS and SQS as somebody else built them, in a process and an environment of its own.

Its pins do not go with ours: `make localstack` puts it into ``.venv-localstack`` (requirements/localstack.txt).
"""

import contextlib
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

PYTHON: Final = Path(__file__).parents[2] / ".venv-localstack/bin/python"
READY_WITHIN_S: Final = 60.0
_FOLDERS: Final = ("static", "lib", "cache", "tmp", "data", "logs")


class LocalStack:
    """One process; it says that it is at ``public_port``, where a front of ours stands before it."""

    def __init__(self, python: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="localstack-")
        for name in _FOLDERS:
            (Path(self._folder.name) / name).mkdir()
        self.port, self.public_port = _free_ports()
        self._process = subprocess.Popen(
            [python, "-m", "localstack.runtime.main"],
            env=os.environ | self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Until it answers."""
        ends_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < ends_s:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError, urllib.error.URLError):
                urllib.request.urlopen(f"{self.url}/_localstack/health", timeout=5).close()
                return
            time.sleep(0.1)
        raise RuntimeError(f"LocalStack did not start: exit code {self._process.poll()}")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _environment(self) -> dict[str, str]:
        """No DNS, no reports, nothing fetched; addresses that it gives are https, as Amazon's are."""
        return {
            "ACTIVATE_PRO": "0",
            "DISABLE_EVENTS": "1",
            "DNS_ADDRESS": "0",
            "EAGER_SERVICE_LOADING": "1",
            "FILESYSTEM_ROOT": self._folder.name,
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{self.public_port}",
            "LOCALSTACK_VOLUME_DIR": self._folder.name,
            "SERVICES": "sns,sqs",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "SQS_ENDPOINT_STRATEGY": "path",
            "USE_SSL": "1",
        }


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]

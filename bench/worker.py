"""A helper in a process of its own: orders go in as JSON lines, an answer comes out for each.

The parent makes a ``Worker`` of a script in this folder; the script calls ``obey`` with its orders.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

Order = Callable[..., Awaitable[dict[str, Any]]]


class Worker:
    """The parent's end. A context manager: leaving it ends the process.

    Attributes:
        pid: of the process.
    """

    def __init__(self, script: str, *arguments: str, cores: set[int]) -> None:
        """Start ``script`` on ``cores``."""
        self._process = start([sys.executable, str(Path(__file__).parent / script), *arguments], cores=cores)
        self.pid = self._process.pid

    def ask(self, order: str, **values: Any) -> dict[str, Any]:
        """Have an order carried out, and return its answer; ``cpu_share`` in it: of the wall time that it took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode({"order": order, **values}) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args} ended with {self._process.wait()}; see above")
        answer: dict[str, Any] = msgspec.json.decode(line)
        return answer

    def __enter__(self) -> "Worker":
        """The worker itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End of orders: the process ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def start(command: list[str], *, cores: set[int], **options: Any) -> "subprocess.Popen[bytes]":
    """Start a process on ``cores``. It inherits them: no thread of it can begin elsewhere."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        return subprocess.Popen(command, **({"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} | options))
    finally:
        os.sched_setaffinity(0, before)


async def obey(orders: Mapping[str, Order]) -> None:
    """The worker's end: carry out orders one after the other until there are no more."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        values = msgspec.json.decode(line)
        began, busy = time.perf_counter(), time.process_time()
        answer = await orders[values.pop("order")](**values)
        answer.setdefault("cpu_share", (time.process_time() - busy) / (time.perf_counter() - began))
        print(msgspec.json.encode(answer).decode(), flush=True)

"""The engines that the log's contract suites hold to account, and parts to hand them."""

from pathlib import Path
from typing import Any

from log_jetstream import JetStreamLog

from fixtures.clock import VirtualClock
from postroad.log.delivery import Letter
from postroad.log.interface import Batch, Part, Refusal, ShardLog
from postroad.log.memory import MemoryLog
from postroad.log.sqlite import SqliteLog, SqliteSettings, open_log


class Member:
    """One engine: how to open its shard, and what of the contract does not apply to it."""

    survives_restart: bool
    max_refusals: int
    files: Path | None = None
    """The folder in which it keeps everything; None: it keeps nothing in files."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.opened: list[ShardLog] = []

    async def open(self) -> ShardLog:
        self.opened.append(await self._open())
        return self.opened[-1]

    async def _open(self) -> ShardLog:
        raise NotImplementedError

    async def finish(self) -> None:
        for log in self.opened:
            await log.close()


class SqliteMember(Member):
    survives_restart = SqliteLog.survives_restart
    max_refusals = 5

    def __init__(self, clock: VirtualClock, folder: Path) -> None:
        super().__init__(clock)
        self.folder = self.files = folder
        self.free_bytes = 2**40
        self.settings: dict[str, Any] = {"max_refusals": self.max_refusals, "busy_timeout_s": 0.02}

    @property
    def path(self) -> Path:
        return self.folder / "shard-03.db"

    async def open(self, **settings: Any) -> SqliteLog:
        log = await open_log(
            self.folder,
            3,
            clock=self.clock,
            settings=SqliteSettings(**{**self.settings, **settings}),
            free_bytes=lambda: self.free_bytes,
        )
        self.opened.append(log)
        return log


class MemoryMember(Member):
    survives_restart = MemoryLog.survives_restart
    max_refusals = 5

    def __init__(self, clock: VirtualClock, _folder: Path) -> None:
        super().__init__(clock)

    async def _open(self) -> ShardLog:
        return MemoryLog(3, clock=self.clock, max_refusals=self.max_refusals)


class JetStreamMember(Member):
    survives_restart = JetStreamLog.survives_restart
    max_refusals = 5

    def __init__(self, clock: VirtualClock, url: str, name: str, files: Path) -> None:
        super().__init__(clock)
        self.files = files
        self.url = url
        self.name = name

    async def _open(self) -> ShardLog:
        return await JetStreamLog.open(self.url, self.name, 3, clock=self.clock, max_refusals=self.max_refusals)


def part_of(*items: bytes, **fields: Any) -> Part:
    """A part of these items; every other field has a value of its own, or the one given."""
    values: dict[str, Any] = {
        "provider_id": 7,
        "protocol": "drivetech",
        "revision": 2,
        "received_us": 1_700_000_000_000_000,
        "subjects": [100 + index for index in range(len(items))],
        "kinds": bytes(index % 10 for index in range(len(items))),
        "flags": bytes(index % 4 for index in range(len(items))),
        "lengths": [len(item) for item in items],
        "body": b",".join(items),
    }
    return Part(**{**values, **fields})


def letter_of(position: int, **fields: Any) -> Letter:
    """A parked letter; every field has a value of its own, or the one given."""
    values: dict[str, Any] = {"slot": 0, "subject_id": 100, "size": 10, "received_us": 1, "stored_us": 2}
    return Letter(position=position, **{**values, **fields})


def refusal_of(number: int) -> Refusal:
    return Refusal(received_us=number, provider_id=7, protocol="drivetech", reason="missing", body=b"{%d}" % number)


def said(batches: list[Batch]) -> list[bytes]:
    """Every item of ``batches``, in order."""
    return [item for batch in batches for item in batch.items()]


async def read_all(log: ShardLog) -> list[Batch]:
    batches: list[Batch] = []
    while more := await log.read(batches[-1].end if batches else 0):
        batches += more
    return batches

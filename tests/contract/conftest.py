"""What contract suites share: log engines, whose code is in ``log_harness/``, and registries on each database."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "log_harness"))  # tests are no package: this names its modules

from log_jetstream import Nats, NatsStartError
from log_members import JetStreamMember, Member, MemoryMember, SqliteMember

from fixtures.clock import VirtualClock
from postroad.db.engine import sqlite_url
from postroad.registry.store import RegistryStore


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    server = Nats(tmp_path_factory.mktemp("nats"))
    try:
        server.start()
    except NatsStartError as exc:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have a NATS server: {exc}")
        pytest.skip(f"no NATS server: {exc}")
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "memory", pytest.param("jetstream", marks=pytest.mark.service)])
async def member(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Member]:
    """A log engine under contract; ``await member.open()`` gives its shard, each time as it was left."""
    if request.param == "jetstream":
        server: Nats = request.getfixturevalue("nats_server")
        member: Member = JetStreamMember(clock, server.url, tmp_path.name, server.store)
    else:
        member = {"sqlite": SqliteMember, "memory": MemoryMember}[request.param](clock, tmp_path)
    yield member
    await member.finish()


@pytest.fixture
async def sqlite_member(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[SqliteMember]:
    member = SqliteMember(clock, tmp_path)
    yield member
    await member.finish()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database for a registry."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "registry.db")
    value: str = request.getfixturevalue("postgres_url")
    return value


@pytest.fixture
def store(url: str, step_clock: Any) -> Iterator[RegistryStore]:
    store = RegistryStore.open(url, clock=step_clock)
    yield store
    store.close()

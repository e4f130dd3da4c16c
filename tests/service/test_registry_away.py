"""A registry that cannot be asked: what other processes take away meanwhile is not sent, and all goes on afterwards."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from fixtures.followed import Followed
from fixtures.pipeline import quiet
from fixtures.until import until
from postroad.db import engine
from postroad.errors import StoreUnavailable
from postroad.registry.store import RegistryStore
from postroad.service import relay
from postroad.service.declarable import catalogue

WITHIN_S = 5.0
ORDERS = ("bulk", "subject", "none")
DECLARED = """
organizations:
  - name: Andes
    vehicles: [{plate: A}, {plate: B}]
    integrations:
      - name: insurer
        destinations:
          - {name: bulk, transport: https, config: {url: "https://customer.example/bulk"}}
          - {name: subject, transport: https, config: {url: "https://customer.example/subject"}}
          - {name: none, transport: https, config: {url: "https://customer.example/none"}}
        subscriptions:
          - {name: bulk, protocol: connected_cars, destination: bulk, types: [gps_position], vehicles: all,
             options: {admin_events: false}, delivery: {linger_ms: 0}}
          - {name: subject, protocol: connected_cars, destination: subject, types: [gps_position], vehicles: all,
             options: {admin_events: false}, delivery: {order: subject, max_items: 1}}
          - {name: none, protocol: connected_cars, destination: none, types: [gps_position], vehicles: all,
             options: {admin_events: false}, delivery: {order: none, max_items: 1}}
"""

REVOKER = """
import sys
from postroad.registry.store import RegistryStore
from pathlib import Path

url, streams = sys.argv[1], [int(id_) for id_ in sys.argv[2:]]
store = RegistryStore.open(Path(url) if url.startswith("/") else url)
if url.startswith("/"):  # a real lock: who asks now finds the database locked
    with store._database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA locking_mode = EXCLUSIVE")
for id_ in streams:
    store.end_stream(id_, None)
print("revoked", flush=True)
sys.stdin.read()
store.close()
"""
"""Another process: it takes streams away, and where it can it keeps the database to itself until it is let go."""


class Cut:
    """A way to a server that can be cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, onward = await asyncio.open_connection("127.0.0.1", self._to)
        self._open |= {writer, onward}
        for source, target in ((reader, onward), (behind, writer)):
            task = asyncio.create_task(_pass(source, target))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


class Away:
    """A hub's parts on a registry, and another process that can take it away from them."""

    def __init__(self, url: Path | str, store: RegistryStore, clock: Any, way: Cut | None) -> None:
        self._url, self._way = url, way
        self.hub = Followed(store, clock, within_s=WITHIN_S)
        self._other: subprocess.Popen[str] | None = None

    async def revoke_and_cut(self, subject_id: int) -> None:
        """Another process takes a vehicle away, and the registry cannot be asked from before that is known here."""
        streams = await asyncio.to_thread(lambda: [str(self.hub.stream(name, subject_id)) for name in ORDERS])
        if self._way is not None:
            await self._way.cut()
        self.hub.store.close()  # connections that nobody uses are let go
        command = [sys.executable, "-c", REVOKER, str(self._url), *streams]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._other = await asyncio.to_thread(subprocess.Popen, command, text=True, **pipes)  # type: ignore[call-overload]  # by name
        assert self._other is not None
        assert self._other.stdout is not None
        assert await asyncio.to_thread(self._other.stdout.readline) == "revoked\n"

    async def mend(self) -> None:
        if self._other is not None:
            await asyncio.to_thread(self._other.communicate)
            self._other = None
            if self._way is not None:
                await self._way.mend()

    def sent(self) -> dict[str, int]:
        return {name: len(self.hub.sent(name)) for name in ORDERS}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
async def away(
    request: pytest.FixtureRequest, tmp_path: Path, declare: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Away]:
    monkeypatch.setattr(engine, "_BUSY_TIMEOUT_MS", 20)
    monkeypatch.setattr(engine, "_WAL_TRIES", 2)
    url: Path | str = tmp_path / "registry.db"
    way, through = None, url
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        parsed = make_url(url)
        way = Cut(parsed.port or 0)
        await way.mend()
        through = parsed.set(port=way.port).render_as_string(hide_password=False)
    store = await asyncio.to_thread(RegistryStore.open, through, clock=clock)
    await asyncio.to_thread(declare, store, DECLARED, catalogue=catalogue())
    away = Away(url, store, clock, way)
    yield away
    await away.mend()
    await away.hub.stop()
    await asyncio.to_thread(store.close)
    if way is not None:
        await way.cut()


async def test_what_is_revoked_while_the_registry_cannot_be_asked_is_not_sent_and_then_skipped(away: Away) -> None:
    hub = away.hub
    a, b = await asyncio.to_thread(lambda: (hub.vehicle("A"), hub.vehicle("B")))
    await hub.start()
    await hub.say(a, b)
    assert set(away.sent().values()) == {2}
    await away.revoke_and_cut(a)
    with pytest.raises(StoreUnavailable):
        await hub.refresh()
    await hub.pass_time(WITHIN_S + 0.001)
    await hub.say(a, b, a)
    for _ in range(10):
        with pytest.raises(StoreUnavailable):
            await hub.refresh()
        await hub.pass_time(60)
    assert set(away.sent().values()) == {2}, "nothing goes out"
    counts = await hub.log.delivery.letter_counts()
    assert not counts, "nothing is parked or given up"
    assert hub.overseer.alerts == {}

    await away.mend()
    await hub.refresh()
    await quiet(300)
    assert set(away.sent().values()) == {3}, "what may still be had goes on by itself"
    for name in ORDERS:
        assert await hub.skipped(name) == [("access_ended", 1), ("access_ended", 1)], name


async def test_for_as_long_as_the_last_answer_counts_delivery_goes_on(away: Away) -> None:
    hub = away.hub
    b = await asyncio.to_thread(hub.vehicle, "B")
    await hub.start()
    await away.revoke_and_cut(await asyncio.to_thread(hub.vehicle, "A"))
    await hub.pass_time(WITHIN_S - 0.001)
    await hub.say(b)
    assert set(away.sent().values()) == {1}
    await hub.pass_time(0.002)
    await hub.say(b)
    assert set(away.sent().values()) == {1}


@pytest.fixture
async def hub(tmp_path: Path, declare: Callable[..., Any], clock: Any) -> AsyncIterator[Followed]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=clock)
    declare(store, DECLARED, catalogue=catalogue())
    hub = Followed(store, clock, within_s=WITHIN_S)
    yield hub
    await hub.stop()
    store.close()


async def test_a_newer_version_that_was_seen_and_not_taken_over_confirms_nothing(
    hub: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.start()
    vehicle = hub.vehicle("A")
    hub.store.end_stream(hub.stream("bulk", vehicle), None)

    def failing() -> Any:
        raise StoreUnavailable("io", "the version can be read, the rest cannot")

    with monkeypatch.context() as broken:
        broken.setattr(hub.store, "view", failing)
        for _ in range(6):
            await hub.pass_time(1)
            with pytest.raises(StoreUnavailable):
                await hub.refresh()
        assert not hub.follower.confirmed.holds
        await hub.say(vehicle)
        assert hub.sent("bulk") == []
    await hub.refresh()
    assert hub.follower.confirmed.holds
    assert hub.sent("bulk") == []
    assert len(hub.sent("subject")) == 1


@pytest.mark.parametrize("changed", [False, True])
async def test_an_answer_counts_from_when_it_was_asked_for(
    hub: Followed, changed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.start()
    if changed:
        hub.store.end_stream(hub.stream("bulk", hub.vehicle("A")), None)
    slow = "view" if changed else "version"
    answer = getattr(hub.store, slow)

    def slowly() -> Any:
        hub.clock.us += 3_000_000  # nobody sleeps: to move on needs no waking
        return answer()

    monkeypatch.setattr(hub.store, slow, slowly)
    await hub.refresh()
    assert hub.follower.confirmed.age_s == pytest.approx(3)


async def test_a_long_interval_between_looks_stops_nothing(hub: Followed) -> None:
    hub.follower = type(hub.follower)(
        hub.store, {0: hub.router}, logs={0: hub.log}, clock=hub.clock, poll_s=3600, within_s=WITHIN_S
    )
    hub.manager._confirmed = hub.follower.confirmed
    await hub.start()
    looking = asyncio.create_task(hub.follower.run())
    await quiet()
    vehicle = hub.vehicle("B")
    for second in range(1, 31):
        await hub.pass_time(1)
        await until(lambda: hub.follower.confirmed.age_s < WITHIN_S / 2)
        await quiet()
        await hub.say(vehicle)
        assert len(hub.sent("bulk")) == second
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


async def test_to_tell_much_stops_nothing(hub: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "ROWS_AT_ONCE", 1)
    await hub.start()
    for name in ORDERS:
        hub.store.end_stream(hub.stream(name, hub.vehicle("A")), None)
    relayed, lapsed = hub.store.relayed, []

    def slowly(*arguments: Any) -> None:
        lapsed.append(not hub.follower.confirmed.holds)
        hub.clock.us += 3_000_000
        relayed(*arguments)

    monkeypatch.setattr(hub.store, "relayed", slowly)
    await hub.refresh()
    assert lapsed == [False] * 3
    assert hub.follower.confirmed.holds

"""Each cloud receiver's promises: the vendor's SDK on our side, over real sockets, against a server of its protocol.

A member is a fixture module ``tests/fixtures/cloud_<name>.py`` with a class that says how to break its service
(``fixtures.cloud.InMember``), and a line in ``MEMBERS``.
"""

import asyncio
import importlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from fixtures.cloud import HastyClock, InMember, require
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.transports import RECEIVERS
from postroad.transports.receiving import Received, ReceiverMeans, Take, Verdict

MEMBERS = {
    "event_hubs": ("cloud_azure", "EventHubsIn", "azure.eventhub"),
    "pubsub": ("cloud_pubsub", "PubSubIn", "google.pubsub_v1"),
    "service_bus": ("cloud_azure", "ServiceBusIn", "azure.servicebus"),
    "sqs": ("cloud_aws", "SqsIn", "aiobotocore"),
}
"""Name -> fixture module, class, and the SDK's module."""
WITHIN_S = 60.0
"""Nothing takes nearly so long; what never comes must not hang the suite."""


def test_every_receiver_is_a_member() -> None:
    assert MEMBERS.keys() == RECEIVERS.keys()


class Marks:
    """``Checkpoints`` in memory."""

    def __init__(self) -> None:
        self.marks: dict[tuple[str, str], str] = {}

    async def load(self, source: str, partition: str) -> str | None:
        return self.marks.get((source, partition))

    async def save(self, source: str, partition: str, mark: str) -> None:
        self.marks[source, partition] = mark


class Taker:
    """Takes messages in, and answers as it is told to."""

    def __init__(self) -> None:
        self.taken: list[Received] = []
        self.verdicts: dict[bytes, list[Verdict]] = {}
        """Of a body: what it is answered first; then ``stored``."""
        self.open = asyncio.Event()
        self.open.set()
        self.came = asyncio.Condition()

    async def take(self, received: Received) -> Verdict:
        self.taken.append(received)
        async with self.came:
            self.came.notify_all()
        await self.open.wait()
        script = self.verdicts.get(received.body)
        return script.pop(0) if script else "stored"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what was taken is so."""
        async with self.came, asyncio.timeout(WITHIN_S):
            await self.came.wait_for(condition)

    @property
    def bodies(self) -> list[bytes]:
        return [one.body for one in self.taken]


class Bench:
    """A member, and receivers of it."""

    def __init__(self, member: InMember, egress: EgressClient) -> None:
        self.member = member
        self.spec = RECEIVERS[member.transport]
        self.marks = Marks()
        member.marks = self.marks.marks
        self.told: list[str | None] = []
        self.heard = asyncio.Condition()
        self._egress = egress
        self._tasks: list[asyncio.Task[None]] = []
        self._hearing: set[asyncio.Task[None]] = set()

    def tell(self, wrong: str | None) -> None:
        self.told.append(wrong)

        async def notify() -> None:
            async with self.heard:
                self.heard.notify_all()

        task = asyncio.create_task(notify())
        self._hearing.add(task)
        task.add_done_callback(self._hearing.discard)

    async def until_told(self, condition: Callable[[], bool]) -> None:
        async with self.heard, asyncio.timeout(WITHIN_S):
            await self.heard.wait_for(condition)

    def receive(self, take: Take, config: dict[str, Any] | None = None) -> asyncio.Task[None]:
        """A receiver begins, as the hub runs it."""
        given = msgspec.convert(self.member.config() if config is None else config, self.spec.config_type)
        means = ReceiverMeans(
            clock=HastyClock(), random=lambda: 0.0, egress=self._egress, checkpoints=self.marks, tell=self.tell
        )
        task = asyncio.create_task(self.spec.open(given, means).run(take))
        self._tasks.append(task)
        return task

    async def acknowledged(self, count: int) -> list[bytes]:
        """What is acknowledged once it is so many."""
        async with asyncio.timeout(WITHIN_S):
            while len(found := await self.member.acknowledged()) < count:  # noqa: ASYNC110 - no service tells of it
                await asyncio.sleep(0.01)
        return found

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._hearing, return_exceptions=True)


@pytest.fixture(params=sorted(MEMBERS))
async def bench(
    request: pytest.FixtureRequest, egress: EgressClient, authority: Any, ca_file: str
) -> AsyncIterator[Bench]:
    module, name, sdk = MEMBERS[request.param]
    require(sdk)
    member = getattr(importlib.import_module(f"fixtures.{module}"), name)(authority, ca_file)
    await member.start()
    bench = Bench(member, egress)
    yield bench
    await bench.close()
    await member.close()


@pytest.fixture
def taker() -> Taker:
    return Taker()


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_put_is_taken_in_as_it_is_and_then_acknowledged(bench: Bench, taker: Taker) -> None:
    bodies = [b'[{"id":%d}]' % number for number in range(30)]
    for body in bodies:
        await bench.member.put(body)
    bench.receive(taker.take)
    assert sorted(await bench.acknowledged(30)) == sorted(bodies)
    assert sorted(taker.bodies) == sorted(bodies)
    assert len({one.request_id for one in taker.taken}) == 30


async def test_what_comes_later_is_taken_in_too(bench: Bench, taker: Taker) -> None:
    bench.receive(taker.take)
    await bench.member.put(b"[1]")
    await bench.acknowledged(1)
    await bench.member.put(b"[2]")
    assert await bench.acknowledged(2) == [b"[1]", b"[2]"]


async def test_nothing_is_acknowledged_before_it_is_durable(bench: Bench, taker: Taker) -> None:
    taker.open.clear()
    await bench.member.put(b"[1]")
    bench.receive(taker.take)
    await taker.until(lambda: bool(taker.taken))
    await HastyClock().sleep(20)
    assert await bench.member.acknowledged() == []
    taker.open.set()
    assert await bench.acknowledged(1) == [b"[1]"]


async def test_what_could_not_be_kept_comes_again_under_the_same_id(bench: Bench, taker: Taker) -> None:
    taker.verdicts[b"[1]"] = ["later", "later"]
    await bench.member.put(b"[1]")
    bench.receive(taker.take)
    assert await bench.acknowledged(1) == [b"[1]"]
    assert taker.bodies == [b"[1]"] * 3
    assert len({one.request_id for one in taker.taken}) == 1


async def test_what_can_never_be_read_does_not_come_again(bench: Bench, taker: Taker) -> None:
    taker.verdicts[b"nonsense"] = ["unreadable"]
    await bench.member.put(b"nonsense")
    await bench.member.put(b"[2]")
    bench.receive(taker.take)
    assert sorted(await bench.acknowledged(2)) == [b"[2]", b"nonsense"]
    assert sorted(taker.bodies) == [b"[2]", b"nonsense"]


async def test_what_is_being_taken_in_when_it_stops_comes_to_the_next_one(bench: Bench, taker: Taker) -> None:
    taker.open.clear()
    await bench.member.put(b"[1]")
    first = bench.receive(taker.take)
    await taker.until(lambda: bool(taker.taken))
    await stopped(first)
    assert await bench.member.acknowledged() == []
    taker.open.set()
    await bench.member.cut()  # whatever the service still holds for the first one
    bench.receive(taker.take)
    assert await bench.acknowledged(1) == [b"[1]"]
    assert taker.bodies == [b"[1]", b"[1]"]


async def test_messages_of_one_key_are_taken_in_in_order_also_if_one_could_not_be_kept(
    bench: Bench, taker: Taker
) -> None:
    for number in range(5):
        for key in ("a", "b"):
            await bench.member.put(b"[%s%d]" % (key.encode(), number), key=key)
    taker.verdicts[b"[a2]"] = ["later"]
    bench.receive(taker.take)
    await bench.acknowledged(10)
    kept: dict[bytes, list[bytes]] = defaultdict(list)
    for body in taker.bodies:
        kept[body[1:2]].append(body)
    assert kept[b"b"] == [b"[b%d]" % number for number in range(5)]
    assert kept[b"a"] == [b"[a0]", b"[a1]", b"[a2]", b"[a2]", b"[a3]", b"[a4]"]


@pytest.mark.parametrize("fault", ["throttled", "credentials", "missing", "server_error"])
async def test_a_service_that_fails_is_told_of_and_asked_again(bench: Bench, taker: Taker, fault: Any) -> None:
    bench.member.fail_next(fault)
    bench.receive(taker.take)
    await bench.until_told(lambda: any(wrong is not None for wrong in bench.told))
    await bench.member.put(b"[1]")
    assert await bench.acknowledged(1) == [b"[1]"]
    await bench.until_told(lambda: bench.told[-1] is None)


async def test_a_connection_that_is_cut_is_made_again(bench: Bench, taker: Taker) -> None:
    bench.receive(taker.take)
    await bench.member.put(b"[1]")
    await bench.acknowledged(1)
    await bench.member.cut()
    await bench.member.put(b"[2]")
    assert sorted(set(await bench.acknowledged(2))) == [b"[1]", b"[2]"]


async def test_credentials_that_are_not_taken_are_told_and_not_shown(bench: Bench, taker: Taker) -> None:
    await bench.member.put(b"[1]")
    bench.receive(taker.take, bench.member.wrong_credentials())
    await bench.until_told(lambda: bool(bench.told))
    assert taker.taken == []
    assert bench.told[0]
    assert not [secret for secret in bench.member.secrets if secret in str(bench.told)]


async def test_it_stops_while_it_waits_for_messages(bench: Bench, taker: Taker) -> None:
    task = bench.receive(taker.take)
    await bench.member.put(b"[1]")
    await bench.acknowledged(1)
    await stopped(task)
    assert task.cancelled()


async def test_a_config_does_not_show_its_secrets(bench: Bench) -> None:
    shown = repr(msgspec.convert(bench.member.config(), bench.spec.config_type))
    assert not [secret for secret in bench.member.secrets if secret in shown]


async def test_without_its_sdk_a_single_line_names_the_extra(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroad.transports.spec.find_spec", lambda _name: None)
    given = msgspec.convert(bench.member.config(), bench.spec.config_type)
    means = ReceiverMeans(clock=HastyClock(), random=lambda: 0.0, egress=None, checkpoints=bench.marks, tell=bench.tell)  # type: ignore[arg-type]  # it is not reached
    with pytest.raises(ConfigError, match=rf"^its SDK is not installed: pip install 'postroad\[{bench.spec.extra}\]'$"):
        bench.spec.open(given, means)

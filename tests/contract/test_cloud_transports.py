"""Each cloud transport's promises: the vendor's SDK on our side, over real sockets, against a server of its protocol.

A member is a fixture module ``tests/fixtures/cloud_<name>.py`` with a class that says how to break its service
(``fixtures.cloud.OutMember``), and a line in ``MEMBERS``. What the server is: docs/how-to/queues.md.
"""

import asyncio
import importlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from fixtures.cloud import OutMember, require
from postroad.clock import SystemClock
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.protocols.contract import Contract
from postroad.transports import TRANSPORTS
from postroad.transports.base import Delivered, Failed, Message, Outcome, Transport
from postroad.transports.bounded import BoundedTransport
from postroad.transports.headers import WEBHOOK_SIGNATURE

MEMBERS = {
    "event_grid": ("cloud_azure", "EventGridOut", "azure.eventgrid"),
    "event_hubs": ("cloud_azure", "EventHubsOut", "azure.eventhub"),
    "pubsub": ("cloud_pubsub", "PubSubOut", "google.pubsub_v1"),
    "service_bus": ("cloud_azure", "ServiceBusOut", "azure.servicebus"),
    "sns": ("cloud_aws", "SnsOut", "aiobotocore"),
    "sqs": ("cloud_aws", "SqsOut", "aiobotocore"),
}
"""Name -> fixture module, class, and the SDK's module."""


def test_every_transport_that_needs_an_sdk_is_a_member() -> None:
    assert MEMBERS.keys() == {name for name, spec in TRANSPORTS.items() if spec.extra is not None}


class Bench:
    """A member, and what is opened to it."""

    def __init__(self, member: OutMember, egress: EgressClient) -> None:
        self.member = member
        self.spec = TRANSPORTS[member.transport]
        self._egress = egress
        self._opened: list[Transport] = []

    def open(self, config: dict[str, Any] | None = None, *, keyed: bool = False) -> Transport:
        """As the hub opens a destination."""
        given = msgspec.convert(self.member.config(keyed=keyed) if config is None else config, self.spec.config_type)
        transport = self.spec.open(given, self._egress, SystemClock())
        limit = self.spec.max_message_bytes(given)
        opened = transport if limit is None else BoundedTransport(transport, limit)
        self._opened.append(opened)
        return opened

    async def bodies(self) -> list[bytes]:
        return [one.body for one in await self.member.arrived()]

    async def close(self) -> None:
        for transport in self._opened:
            await transport.close()


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


def message(number: int, *, key: str | None = None, size: int = 0) -> Message:
    body = b'[{"id":%d%s}]' % (number, b',"pad":"%s"' % (b"x" * size) if size else b"")
    return Message(body=body, content_type="application/json", request_id=f"bulk-{number}", key=key)


async def until_delivered(transport: Transport, sent: Message, *, attempts: int = 100) -> Outcome:
    """As delivery tries a message again."""
    for _ in range(attempts):
        outcome = await transport.send(sent)
        if isinstance(outcome, Delivered):
            return outcome
        await asyncio.sleep(0.05)
    return outcome


async def test_delivered_means_that_the_service_has_the_very_bytes(bench: Bench) -> None:
    outcome = await bench.open().send(message(1))
    assert isinstance(outcome, Delivered), outcome
    [arrived] = await bench.member.arrived()
    assert arrived.body == message(1).body
    assert arrived.key is None
    assert arrived.attributes["x-request-id"] == "bulk-1"
    assert arrived.attributes["content-type"] == "application/json"


async def test_nothing_arrives_without_the_signature_that_it_was_given(bench: Bench) -> None:
    signature = "v1," * 1000  # longer than some services let an attribute be
    outcome = await bench.open().send(msgspec.structs.replace(message(1), headers={WEBHOOK_SIGNATURE: signature}))
    if isinstance(outcome, Failed):
        assert (outcome.reason, outcome.status) == ("refused_address", None)
        assert bench.member.calls == 0
    arrived = await bench.member.arrived()
    assert [one.attributes[WEBHOOK_SIGNATURE] for one in arrived] == [signature] * isinstance(outcome, Delivered)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("rejected", "rejected"),
        ("throttled", "throttled"),
        ("credentials", "credentials"),
        ("server_error", "server_error"),
    ],
)
async def test_an_answer_that_is_no_confirmation_is_a_failure_and_the_next_attempt_goes_through(
    bench: Bench, fault: Any, reason: str
) -> None:
    transport = bench.open()
    bench.member.fail_next(fault)
    outcome = await transport.send(message(1))
    assert isinstance(outcome, Failed)
    assert outcome.reason == reason
    assert await bench.bodies() == []
    assert isinstance(await transport.send(message(1)), Delivered)
    assert await bench.bodies() == [message(1).body]


async def test_a_topic_that_is_not_there_is_no_fault_of_the_message(bench: Bench) -> None:
    """Which would be parked, or become a dead letter, where it should wait until somebody has mended the topic."""
    transport = bench.open()
    bench.member.fail_next("missing")
    outcome = await transport.send(message(1))
    assert isinstance(outcome, Failed)
    assert Contract(name="any", order="none").action(outcome.status, outcome.reason) == "retry"
    assert isinstance(await transport.send(message(1)), Delivered)


async def test_credentials_that_are_not_taken_are_told_and_not_shown(bench: Bench) -> None:
    outcome = await bench.open(bench.member.wrong_credentials()).send(message(1))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "credentials"
    assert await bench.bodies() == []
    assert not [secret for secret in bench.member.secrets if secret in outcome.detail]


async def test_a_config_does_not_show_its_secrets(bench: Bench) -> None:
    for given in (bench.member.config(), bench.member.wrong_credentials()):
        shown = repr(msgspec.convert(given, bench.spec.config_type))
        assert not [secret for secret in bench.member.secrets if secret in shown]


async def test_a_connection_that_is_cut_is_no_confirmation_and_is_made_again(bench: Bench) -> None:
    transport = bench.open()
    assert isinstance(await transport.send(message(1)), Delivered)
    bench.member.cut_next()
    outcome = await transport.send(message(2))
    assert isinstance(outcome, Failed)
    assert outcome.reason in ("connect", "broken", "timeout", "server_error")
    assert isinstance(await until_delivered(transport, message(2)), Delivered)
    first, *others = await bench.bodies()
    assert first == message(1).body
    assert set(others) == {message(2).body}
    assert len(others) >= 2, "taken before the cut as well"


async def test_many_messages_at_once_share_requests_and_arrive_once_each(bench: Bench) -> None:
    transport = bench.open()
    sent = [message(number) for number in range(50)]
    outcomes = await asyncio.gather(*map(transport.send, sent))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes), outcomes
    assert sorted(await bench.bodies()) == sorted(one.body for one in sent)
    assert bench.member.calls <= 25


async def test_of_many_messages_only_the_one_that_is_refused_fails(bench: Bench) -> None:
    transport = bench.open()
    bench.member.refuse_whatever_holds(b'"id":7,')
    sent = [message(number, size=10) for number in range(12)]
    outcomes = await asyncio.gather(*map(transport.send, sent))
    assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Failed)] == [7]
    assert sorted(await bench.bodies()) == sorted(one.body for one in sent if one is not sent[7])


async def test_a_message_as_large_as_may_be_arrives_and_a_larger_one_fails_for_good(bench: Bench) -> None:
    transport = bench.open()
    limit = bench.spec.max_message_bytes(msgspec.convert(bench.member.config(), bench.spec.config_type))
    assert limit is not None
    around = len(message(1, size=1).body) - 1
    outcome = await transport.send(message(1, size=limit - around))
    assert isinstance(outcome, Delivered), outcome
    outcome = await transport.send(message(2, size=limit - around + 1))
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("too_large", None)
    assert str(limit) in outcome.detail
    assert [len(body) for body in await bench.bodies()] == [limit]


async def test_large_messages_do_not_exceed_what_one_request_may_hold(bench: Bench) -> None:
    transport = bench.open()
    limit = bench.spec.max_message_bytes(msgspec.convert(bench.member.config(), bench.spec.config_type))
    assert limit is not None
    await transport.send(message(9))  # so that all that follow wait together
    sent = [message(number, size=limit * 2 // 5) for number in range(4)]
    outcomes = await asyncio.gather(*map(transport.send, sent))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes), outcomes
    assert sorted(await bench.bodies()) == sorted(one.body for one in (message(9), *sent))
    assert bench.member.calls <= 1 + len(sent), "none was refused as too large and sent again in pieces"


@pytest.mark.parametrize("seed", range(3))
async def test_messages_of_one_key_keep_their_order_over_failures_and_cuts(bench: Bench, seed: int) -> None:
    """As delivery sends them: of each key one after another, keys at once."""
    if not bench.spec.keyed(msgspec.convert(bench.member.config(keyed=True), bench.spec.config_type)):
        pytest.skip(f"{bench.member.transport} knows no order")
    transport, chance = bench.open(keyed=True), random.Random(seed)
    keys = {f"subject-{n}": [message(10 * n + i, key=f"subject-{n}") for i in range(8)] for n in range(6)}
    faults: list[Callable[[], None]] = [
        bench.member.cut_next,
        *(lambda fault=fault: bench.member.fail_next(fault) for fault in ("throttled", "server_error")),
    ]

    async def lane(sent: list[Message]) -> None:
        for one in sent:
            if chance.random() < 0.15:
                chance.choice(faults)()
            assert isinstance(await until_delivered(transport, one, attempts=100), Delivered)

    await asyncio.gather(*map(lane, keys.values()))
    first_time: dict[str | None, list[bytes]] = defaultdict(list)
    for arrived in await bench.member.arrived():
        if arrived.body not in first_time[arrived.key]:
            first_time[arrived.key].append(arrived.body)
    assert first_time == {key: [one.body for one in sent] for key, sent in keys.items()}


async def test_a_message_that_is_cancelled_takes_no_other_with_it(bench: Bench) -> None:
    transport = bench.open()
    await transport.send(message(0))
    tasks = [asyncio.ensure_future(transport.send(message(number))) for number in range(1, 4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], Delivered)
    assert isinstance(results[1], asyncio.CancelledError)
    assert isinstance(results[2], Delivered)


async def test_trying_it_out_sends_the_message_or_says_at_which_step_it_failed(
    bench: Bench, egress: EgressClient
) -> None:
    good = msgspec.convert(bench.member.config(), bench.spec.config_type)
    steps = await bench.spec.probe(good, egress, SystemClock(), message(1))
    assert all(step.ok for step in steps), steps
    assert await bench.bodies() == [message(1).body]
    wrong = msgspec.convert(bench.member.wrong_credentials(), bench.spec.config_type)
    steps = await bench.spec.probe(wrong, egress, SystemClock(), message(2))
    assert not steps[-1].ok
    assert not [secret for secret in bench.member.secrets if any(secret in step.detail for step in steps)]


async def test_without_its_sdk_a_single_line_names_the_extra(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroad.transports.spec.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=rf"^its SDK is not installed: pip install 'postroad\[{bench.spec.extra}\]'$"):
        bench.open()

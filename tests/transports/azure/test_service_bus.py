"""What only Service Bus has: sessions, topics, ids and properties, dead-letter queues, batches that are one message."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fixtures.cloud_azure import ServiceBusIn, StartAzure
from postroad.transports.base import Delivered, Failed, Message

MESSAGE = Message(body=b"[1]", content_type="application/json", request_id="bulk-17")


@pytest.fixture
async def server(start_azure: StartAzure) -> Any:
    return await start_azure(ServiceBusIn)


@pytest.fixture
async def site(server: Any, make_site: Any) -> AsyncIterator[Any]:
    site = make_site(server)
    yield site
    await site.close()


async def test_a_message_carries_its_id_its_type_and_its_headers(site: Any) -> None:
    await site.send(
        b"{}", request_id="bulk-9", wire_type="trip", headers={"webhook-id": "bulk-9", "traceparent": "00-a"}
    )
    (incoming,) = site.server.plain.arrived
    message = incoming.message
    assert (message.id, message.subject, message.content_type) == ("bulk-9", "trip", "application/json")
    assert message.properties == {"webhook-id": "bulk-9", "traceparent": "00-a"}
    assert message.group_id is None


async def test_each_subject_has_a_session_and_keeps_its_order(site: Any) -> None:
    site.open(keyed=True)
    sent = [(f"{number % 7}", b"[%d]" % number) for number in range(70)]
    outcomes = await asyncio.gather(*(site.send(body, key=key) for key, body in sent))
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    arrived = [(one.key, one.body) for one in await site.server.arrived()]
    for session in "0123456":
        assert [body for key, body in arrived if key == session] == [body for key, body in sent if key == session]


async def test_what_waits_goes_as_one_batch(site: Any) -> None:
    await site.send(b"[0]")
    transfers = []
    take = site.server.server.incoming
    site.server.server.incoming = lambda *args: (transfers.append(len(args[2])), take(*args))
    await asyncio.gather(*(site.send(b"[%d]" % number) for number in range(100)))
    assert transfers == [100]


async def test_a_batch_that_is_refused_goes_once_more_message_by_message(site: Any) -> None:
    from servers.amqp import TOO_LARGE

    await site.send(b"[0]")
    site.server.server.faults.append(TOO_LARGE)
    outcomes = await asyncio.gather(*(site.send(b"[%d]" % number) for number in range(1, 6)))
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    site.server.server.faults.extend([TOO_LARGE, TOO_LARGE])  # the batch, and the first of it alone
    outcomes = await asyncio.gather(*(site.send(b"[%d]" % number) for number in range(6, 11)))
    assert [type(outcome) for outcome in outcomes] == [Failed, *[Delivered] * 4]
    assert await site.bodies() == [b"[%d]" % number for number in (*range(6), *range(7, 11))]


async def test_a_topic_is_sent_to_and_each_subscription_has_it(site: Any) -> None:
    site.open(queue=None, topic="news")
    assert isinstance(await site.send(b"[1]"), Delivered)
    assert [bytes(each.message.body) for each in site.server.copy.arrived] == [b"[1]"]


async def test_an_entity_that_is_not_there_is_said_and_says_nothing_of_the_event(site: Any) -> None:
    site.open(queue="nowhere")
    outcome = await site.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("unexpected", None)
    assert "could not be found" in outcome.detail


async def test_an_emulator_is_spoken_to_without_tls_in_a_network_that_is_allowed(
    site: Any, open_to_the_world: Any
) -> None:
    from servers.service_bus import Queue, ServiceBusServer

    server = ServiceBusServer(Queue("telematics"))
    server.start()
    try:
        fields = {"connection_string": server.connection_string(plain=True), "custom_endpoint": None, "ca_file": None}
        site.open(**fields)
        assert isinstance(await site.send(b"[1]"), Delivered)
        stranger = site.spec.open(site.config(**fields), open_to_the_world, site.clock)
        outcome = await stranger.send(MESSAGE)
        assert isinstance(outcome, Failed)
        assert outcome.reason == "refused_address"
        await stranger.close()
    finally:
        await asyncio.to_thread(server.stop)


# --- in


async def test_what_can_never_be_read_moves_to_the_entity_s_dead_letters(site: Any, make_inbox: Any) -> None:
    inbox = make_inbox(site)
    inbox.log.verdict = lambda _body: "unreadable"
    await site.send(b"?")
    inbox.start()
    dead = site.server.plain.dead
    await site.server.server.until(lambda: bool(dead.items))
    (item,) = dead.items.values()
    assert item.body == b"?"
    assert item.why_dead["DeadLetterReason"] == "unreadable"
    await inbox.stop()


async def test_sessions_are_read_at_once_and_each_in_its_order(site: Any, make_inbox: Any) -> None:
    site.open(keyed=True)
    sent = [(f"{number % 3}", b"[%d]" % number) for number in range(30)]
    await asyncio.gather(*(site.send(body, key=key) for key, body in sent))
    inbox = make_inbox(site)
    inbox.start(queue="in-sessions", sessions=True, sessions_at_once=3)
    await site.server.server.until(lambda: not site.server.sessions.items)
    for session in "012":
        expected = [body for key, body in sent if key == session]
        assert [body for body in inbox.log.bodies if body in expected] == expected
    await inbox.stop()


async def test_a_subscription_of_a_topic_is_read(site: Any, make_inbox: Any) -> None:
    site.open(queue=None, topic="news")
    await site.send(b"[1]")
    inbox = make_inbox(site)
    inbox.start(queue=None, topic="news", subscription="all")
    await site.server.server.until(lambda: bool(site.server.copy.settled))
    assert (inbox.log.bodies, site.server.copy.settled) == ([b"[1]"], ["complete"])
    await inbox.stop()


async def test_a_message_whose_lock_was_lost_comes_again(site: Any, make_inbox: Any) -> None:
    await site.send(b"[1]")
    inbox = make_inbox(site)
    inbox.log.free.clear()
    inbox.start()
    await inbox.log.until(lambda: inbox.log.asked == 1)
    site.server.end_locks()
    await site.server.server.until(lambda: site.server.plain.settled == ["abandon"])
    inbox.log.free.set()
    await site.server.server.until(lambda: not site.server.plain.items)
    assert inbox.log.bodies == [b"[1]", b"[1]"]
    await inbox.stop()

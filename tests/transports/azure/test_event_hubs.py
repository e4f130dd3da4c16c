"""What only Event Hubs has: partition keys, and readers that keep their own place."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fixtures.cloud_azure import EventHubsIn, StartAzure
from postroad.errors import StoreUnavailable
from postroad.transports.base import Delivered


@pytest.fixture
async def site(start_azure: StartAzure, make_site: Any) -> AsyncIterator[Any]:
    site = make_site(await start_azure(EventHubsIn))
    yield site
    await site.close()


async def test_each_subject_keeps_to_one_partition_and_its_order(site: Any) -> None:
    site.open(partition_keys=True)
    sent = [(f"{number % 5}", b"[%d]" % number) for number in range(50)]
    outcomes = await asyncio.gather(*(site.send(body, key=key) for key, body in sent))
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    partitions = site.server.server.hubs["telematics"]
    for subject in "01234":
        (found,) = [
            [event.body for event in part if event.key == subject]
            for part in partitions
            if any(event.key == subject for event in part)
        ]
        assert found == [body for key, body in sent if key == subject]


async def test_an_event_carries_its_id_its_type_and_its_headers(site: Any) -> None:
    await site.send(b"{}", request_id="bulk-9", wire_type="trip", headers={"traceparent": "00-a"})
    (event,) = [event for partition in site.server.server.hubs["telematics"] for event in partition]
    message = event.incoming.message
    assert (message.id, message.content_type) == ("bulk-9", "application/json")
    assert message.properties == {"traceparent": "00-a", "type": "trip"}
    assert event.key is None


async def test_a_reader_may_begin_now(site: Any, make_inbox: Any) -> None:
    await site.send(b"[1]")
    inbox = make_inbox(site)
    inbox.start(start="now")
    server = site.server.server
    await server.until(lambda: len(server._readers) == 2)
    for number in range(2, 6):
        await site.send(b"[%d]" % number)
    await inbox.log.until(lambda: len(inbox.log.bodies) == 4)
    assert sorted(inbox.log.bodies) == [b"[2]", b"[3]", b"[4]", b"[5]"]
    await inbox.stop()


async def test_no_checkpoint_lies_beyond_what_is_stored(site: Any, make_inbox: Any) -> None:
    """A batch of which the second event cannot be taken: the reader begins again before it."""
    site.open(partition_keys=True)
    for number in range(3):
        await site.send(b"[%d]" % number, key="one")
    inbox = make_inbox(site)
    inbox.log.verdict = lambda body: "later" if body == b"[1]" else "stored"
    inbox.start()
    await inbox.log.until(lambda: inbox.log.asked == 2)
    await inbox.stop()
    assert all(int(mark) < 1 for mark in inbox.notes.marks.values())
    inbox.log.verdict = lambda _body: "stored"
    inbox.start()
    await inbox.log.until(lambda: b"[2]" in inbox.log.bodies)
    assert inbox.log.bodies[-2:] == [b"[1]", b"[2]"]
    await inbox.stop()


async def test_a_registry_that_is_away_is_waited_for(site: Any, make_inbox: Any, clock: Any) -> None:
    await site.send(b"[1]")
    inbox = make_inbox(site)
    load = inbox.notes.load

    async def unavailable(_source: str, _partition: str) -> str | None:
        raise StoreUnavailable("locked", "the database is locked")

    inbox.notes.load = unavailable
    inbox.start()
    await asyncio.wait_for(inbox.trouble.wait(), 30)
    assert inbox.told[-1] == "the registry is not available: locked"
    inbox.notes.load = load
    await clock.until_somebody_sleeps()
    clock.advance(1)
    await inbox.log.until(lambda: inbox.log.bodies == [b"[1]"])
    await inbox.stop()

"""What the receivers of Service Bus and Event Hubs promise alike, each by Microsoft's SDK over real sockets."""

import asyncio
from typing import Any

import pytest


def acknowledged(inbox: Any) -> int:
    """How many messages the service need not keep for us any more."""
    server = inbox.server
    if server.transport == "service_bus":
        return int(server.server.ask(lambda: len(server.plain.arrived) - len(server.plain.items)))
    return sum(int(mark) + 1 for mark in inbox.notes.marks.values())


async def until_acknowledged(inbox: Any, count: int) -> None:
    server = inbox.server
    if server.transport == "service_bus":
        await server.server.until(lambda: len(server.plain.arrived) - len(server.plain.items) == count)
        return
    while acknowledged(inbox) != count:
        inbox.notes.changed.clear()
        await asyncio.wait_for(inbox.notes.changed.wait(), 20)


async def send(inbox: Any, *bodies: bytes) -> None:
    for number, body in enumerate(bodies):
        await inbox.site.send(body, request_id=f"m-{number}")


async def test_a_message_is_stored_and_then_acknowledged(inbox: Any) -> None:
    await send(inbox, b'{"id":1}')
    inbox.start()
    await until_acknowledged(inbox, 1)
    assert (inbox.log.bodies, inbox.log.ids) == ([b'{"id":1}'], ["m-0"])
    assert inbox.told[-1] is None


async def test_nothing_is_acknowledged_before_it_is_stored(inbox: Any) -> None:
    await send(inbox, b"[1]")
    inbox.log.free.clear()
    inbox.start()
    await inbox.log.until(lambda: inbox.log.asked == 1)
    await inbox.stop()
    assert acknowledged(inbox) == 0
    inbox.log.free.set()
    if inbox.server.transport == "service_bus":  # it is locked for us until its lock ends
        inbox.server.end_locks()
    inbox.start()
    await until_acknowledged(inbox, 1)
    assert inbox.log.bodies == [b"[1]"]


async def test_what_can_never_be_read_is_acknowledged_and_does_not_come_again(inbox: Any) -> None:
    inbox.log.verdict = lambda body: "unreadable" if body == b"?" else "stored"
    await send(inbox, b"?", b"[2]")
    inbox.start()
    await until_acknowledged(inbox, 2)
    assert sorted(inbox.log.bodies) == [b"?", b"[2]"]


async def test_what_cannot_be_taken_now_is_held_and_tried_again(inbox: Any, clock: Any) -> None:
    await send(inbox, b"[1]")
    verdicts = iter(("later", "later", "stored"))
    inbox.log.verdict = lambda _body: next(verdicts)
    inbox.start()
    for asked in (1, 2):
        await inbox.log.until(lambda asked=asked: inbox.log.asked == asked)
        await clock.until_somebody_sleeps()
        assert acknowledged(inbox) == 0
        clock.advance(60)
    await until_acknowledged(inbox, 1)
    assert inbox.log.bodies == [b"[1]"]
    if inbox.server.transport == "service_bus":
        assert inbox.server.plain.settled == ["complete"]


async def test_all_messages_come_in_their_order(inbox: Any) -> None:
    inbox.site.open(**({"partition_keys": True} if inbox.server.transport == "event_hubs" else {}))
    bodies = [b"[%d]" % number for number in range(60)]
    for body in bodies:
        await inbox.site.send(body, key="one subject" if inbox.server.transport == "event_hubs" else None)
    inbox.start()
    await until_acknowledged(inbox, 60)
    assert inbox.log.bodies == bodies


async def test_a_receiver_that_was_stopped_goes_on_where_it_was(inbox: Any) -> None:
    await send(inbox, b"[1]", b"[2]")
    inbox.start()
    await until_acknowledged(inbox, 2)
    await inbox.stop()
    await send(inbox, b"[3]", b"[4]")
    inbox.start()
    await until_acknowledged(inbox, 4)
    assert sorted(inbox.log.bodies) == [b"[1]", b"[2]", b"[3]", b"[4]"]


async def test_a_connection_that_is_cut_is_made_anew_and_nothing_is_lost(inbox: Any, clock: Any) -> None:
    await send(inbox, b"[1]")
    inbox.start()
    await until_acknowledged(inbox, 1)
    inbox.server.server.hang_up()
    await asyncio.wait_for(inbox.trouble.wait(), 30)
    await send(inbox, b"[2]")
    await clock.until_somebody_sleeps()
    clock.advance(1)
    await until_acknowledged(inbox, 2)
    assert sorted(inbox.log.bodies) == [b"[1]", b"[2]"]
    assert inbox.told[-1] is None


async def test_a_key_that_is_refused_is_told_and_tried_again(inbox: Any, clock: Any) -> None:
    await send(inbox, b"[1]")
    inbox.server.change_key()
    inbox.start()
    await asyncio.wait_for(inbox.trouble.wait(), 30)
    assert inbox.told[-1].startswith("credentials: ")
    assert "s3cr3t" not in inbox.told[-1]
    inbox.server.restore_key()
    await clock.until_somebody_sleeps()
    clock.advance(1)
    await until_acknowledged(inbox, 1)


async def test_an_address_that_is_not_allowed_is_not_connected_to(inbox: Any) -> None:
    inbox.start(custom_endpoint="sb://10.0.0.1:5671")
    await asyncio.wait_for(inbox.trouble.wait(), 30)
    assert inbox.told[-1].startswith("refused_address: ")


@pytest.fixture(autouse=True)
def _silence(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", logger="azure")

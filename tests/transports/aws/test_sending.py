"""What SNS and SQS alone do: deduplication, attributes, texts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from postroad.clock import SystemClock
from postroad.egress.client import EgressClient
from postroad.transports import TRANSPORTS
from postroad.transports.base import Copy, Delivered, Failed, Message, Transport
from postroad.transports.headers import SIGNED

MESSAGE = Message(body=b'[{"id":1}]', content_type="application/json", request_id="bulk-1")

Open = Callable[..., Transport]


def message(**fields: Any) -> Message:
    return msgspec.structs.replace(MESSAGE, **fields)


@pytest.fixture
async def opened(out: Any, egress: EgressClient) -> AsyncIterator[Open]:
    transports: list[Transport] = []

    def open_(config: dict[str, Any] | None = None, **fields: Any) -> Transport:
        spec = TRANSPORTS[out.transport]
        given = msgspec.convert(out.config(**fields) if config is None else config, spec.config_type)
        transports.append(spec.open(given, egress, SystemClock()))
        return transports[-1]

    yield open_
    for transport in transports:
        await transport.close()


async def test_what_is_sent_again_after_a_cut_is_not_there_twice_in_fifo(out: Any, opened: Open) -> None:
    transport = opened(keyed=True)
    out.cut_next()
    assert isinstance(await transport.send(message(key="7")), Failed)
    assert isinstance(await transport.send(message(key="7")), Delivered)
    assert isinstance(await transport.send(message(key="7", body=b"[2]", request_id="bulk-2")), Delivered)
    assert [(one.body, one.key) for one in await out.arrived()] == [(MESSAGE.body, "7"), (b"[2]", "7")]


async def test_a_fifo_message_without_a_key_is_in_a_group_of_its_own_kind(out: Any, opened: Open) -> None:
    assert isinstance(await opened(keyed=True).send(message()), Delivered)
    assert [one.key for one in await out.arrived()] == ["postroad"]


async def test_attributes_are_ten_at_most_and_ours_come_first(out: Any, opened: Open) -> None:
    headers = {f"X-Sign-{number}": str(number) for number in range(12)}
    transport = opened(attributes={"source": "postroad"})
    assert isinstance(await transport.send(message(headers=headers)), Delivered)
    [arrived] = await out.arrived()
    assert len(arrived.attributes) == 10
    assert (
        arrived.attributes.items()
        >= {
            "content-type": "application/json",
            "x-request-id": "bulk-1",
            "source": "postroad",
            "x-sign-0": "0",
        }.items()
    )


async def test_an_attribute_that_is_empty_or_too_long_is_left_out(out: Any, opened: Open) -> None:
    headers = {"X-Long": "x" * 1025, "X-Empty": "", "X-Good": "x" * 1024}
    assert isinstance(await opened().send(message(headers=headers)), Delivered)
    [arrived] = await out.arrived()
    assert set(arrived.attributes) == {"content-type", "x-request-id", "x-good"}


async def test_signatures_go_before_all_that_is_not_ours(out: Any, opened: Open) -> None:
    headers = {f"X-Other-{number}": str(number) for number in range(12)}
    signed = dict.fromkeys(SIGNED, "v")
    transport = opened(attributes={str(number): "1" for number in range(4)})
    assert isinstance(await transport.send(message(headers=headers | signed)), Delivered)
    [arrived] = await out.arrived()
    assert arrived.attributes.items() >= signed.items()


async def test_a_message_with_every_attribute_there_may_be_still_fits(out: Any, opened: Open) -> None:
    limit = TRANSPORTS[out.transport].max_message_bytes(None)
    assert limit is not None
    headers = {f"{'X' * 100}-{number}": "y" * 1024 for number in range(20)}
    attributes = {f"{'z' * 120}{number}": "w" * 512 for number in range(4)}
    whole = message(body=b"1" * limit, headers=headers, key="k" * 100)
    outcome = await opened(keyed=True, attributes=attributes).send(whole)
    assert isinstance(outcome, Delivered), outcome


async def test_letters_beyond_ascii_arrive_as_the_bytes_they_were(out: Any, opened: Open) -> None:
    body = '[{"name":"\u00c5se \U0001f697"}]'.encode()
    assert isinstance(await opened().send(message(body=body)), Delivered)
    assert [one.body for one in await out.arrived()] == [body]


async def test_what_is_no_text_is_rejected_and_takes_no_other_with_it(opened: Open) -> None:
    transport = opened()
    bad, good = await asyncio.gather(transport.send(message(body=b"\xff")), transport.send(MESSAGE))
    assert isinstance(bad, Failed)
    assert bad.reason == "rejected"
    assert isinstance(good, Delivered)


async def test_a_message_with_a_copy_is_rejected(opened: Open) -> None:
    outcome = await opened().send(message(copy=Copy(key="k", edition=1, body=b"{}")))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "rejected"


async def test_a_request_that_is_refused_as_a_whole_is_tried_message_by_message(out: Any, opened: Open) -> None:
    transport = opened()
    out.fail_next("rejected")
    sent = [message(body=b"[%d]" % number, request_id=f"bulk-{number}") for number in range(5)]
    outcomes = await asyncio.gather(*map(transport.send, sent))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes), outcomes
    assert sorted(one.body for one in await out.arrived()) == [one.body for one in sent]

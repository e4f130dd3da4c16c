"""What Service Bus, Event Hubs and Event Grid promise alike, each by Microsoft's SDK over real sockets."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest

from postroad.transports.base import Copy, Delivered, Failed, Message, Outcome
from postroad.transports.spec import Step


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


async def test_what_is_said_arrives_whole(site: Any) -> None:
    """JSON of every kind; a service that carries bytes carries these very ones."""
    body = '{"ü": [null, true, 1.5e-7, -0.0, 12345678901234567890, "\\u0000 \U0001f697"], "empty": {}}'.encode()
    assert isinstance(await site.send(body), Delivered)
    (got,) = await site.bodies()
    if site.server.transport != "event_grid":
        assert got == body
    assert msgspec.json.decode(got) == msgspec.json.decode(body)


async def test_a_service_that_never_answers_is_given_up_in_time(site: Any) -> None:
    site.open(timeout_s=1.5)
    site.server.be_silent()
    assert failed(await site.send()).reason == "timeout"
    site.server.restore_key()
    assert isinstance(await site.send(), Delivered)


async def test_a_key_that_is_good_no_more_is_said_and_a_good_one_is_taken_up(site: Any) -> None:
    await site.send()
    site.server.change_key()
    assert failed(await site.send()).reason == "credentials"
    assert failed(await site.send()).reason == "credentials"
    site.server.restore_key()
    assert isinstance(await site.send(), Delivered)


async def test_what_is_larger_than_a_message_may_be_never_goes_and_holds_up_nothing(site: Any) -> None:
    large = b'["' + b"x" * site.server.largest_bytes + b'"]'
    outcomes = await asyncio.gather(site.send(b"[1]"), site.send(large), site.send(b"[2]"))
    assert [type(outcome) for outcome in outcomes] == [Delivered, Failed, Delivered]
    assert (failed(outcomes[1]).reason, failed(outcomes[1]).status) == ("too_large", None)
    assert sorted(await site.bodies()) == [b"[1]", b"[2]"]


async def test_the_largest_message_that_its_spec_allows_is_taken(site: Any) -> None:
    config = site.config()
    most = site.spec.max_message_bytes(config)
    body = b'["' + b"x" * (most - 4) + b'"]'
    headers = {} if site.server.transport == "event_grid" else {"webhook-signature": "v1," + "s" * 88}
    outcome = await site.send(body, headers=headers, request_id="r" * 100)
    assert isinstance(outcome, Delivered), outcome


async def test_a_send_that_is_cancelled_leaves_a_transport_that_sends(site: Any) -> None:
    await site.send()
    site.server.be_silent()
    sending = asyncio.ensure_future(site.send(b"[2]"))
    await site.server.until_asked()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await site.opened[0].close()
    site.opened.clear()
    assert isinstance(await site.send(b"[3]"), Delivered)


async def test_a_host_that_is_not_there_is_said(site: Any) -> None:
    place = {"endpoint": "https://127.0.0.1:1/api/events"}
    if site.server.transport != "event_grid":
        place = {"custom_endpoint": "sb://127.0.0.1:1"}
    site.open(**place)
    assert failed(await site.send()).reason == "connect"


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(site: Any) -> None:
    site.open(ca_file=None)
    assert failed(await site.send()).reason == "tls"
    assert await site.bodies() == []


async def test_an_address_that_is_not_allowed_is_not_connected_to(site: Any) -> None:
    place = {"endpoint": "https://10.0.0.1/api/events"}
    if site.server.transport != "event_grid":
        place = {"custom_endpoint": "sb://10.0.0.1:5671"}
    site.open(**place)
    assert failed(await site.send()).reason == "refused_address"


async def test_a_copy_is_refused(site: Any) -> None:
    outcome = await site.send(copy=Copy(key="a", edition=1, body=b"{}"))
    assert failed(outcome).reason == "rejected"
    assert await site.bodies() == []


async def test_one_endpoint_takes_any_type(site: Any) -> None:
    assert site.open().endpoint("anything") == ""


async def test_a_probe_goes_step_by_step(site: Any) -> None:
    message = Message(body=b"[1]", content_type="application/json", request_id="probe")
    steps = await site.spec.probe(site.config(), site.egress, site.clock, message)
    assert all(step.ok for step in steps), steps
    assert [step.name for step in steps][-1] == "answer"
    assert await site.bodies() == [b"[1]"]
    site.server.change_key()
    steps = await site.spec.probe(site.config(), site.egress, site.clock, message)
    assert not steps[-1].ok
    assert isinstance(steps[-1], Step)
    assert "credentials" in steps[-1].detail


async def test_no_secret_leaves_by_outcome_step_log_or_repr(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    config = site.config()
    secrets = site.server.secrets
    said = [repr(config), repr(await site.send())]
    site.server.change_key()
    said += [repr(await site.send()), repr(site.opened[0])]
    said += [repr(step) for step in await site.spec.probe(config, site.egress, site.clock, None)]
    everything = "\n".join(said) + caplog.text
    assert [secret for secret in secrets if secret in everything] == []

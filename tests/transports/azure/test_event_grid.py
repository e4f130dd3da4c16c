"""What only Event Grid has: two schemas, HTTP answers, and a webhook that it delivers to."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from fixtures.cloud_azure import EventGridOut, StartAzure
from postroad.transports import PUSHES
from postroad.transports.base import Delivered, Failed
from postroad.transports.receiving import PushAnswer, PushRequest

SECRET = "a-secret-of-16-or-more"


@pytest.fixture
async def site(start_azure: StartAzure, make_site: Any) -> AsyncIterator[Any]:
    site = make_site(await start_azure(EventGridOut))
    yield site
    await site.close()


async def test_an_event_says_what_event_grid_s_schema_asks_for(site: Any) -> None:
    await site.send(b'{"Event":"TrackProcessed"}', wire_type="TrackProcessed", request_id="n-1")
    (event,) = site.server.topic.received
    assert {name: event[name] for name in ("id", "subject", "eventType", "dataVersion", "data", "eventTime")} == {
        "id": "n-1",
        "subject": "postroad",
        "eventType": "TrackProcessed",
        "dataVersion": "1.0",
        "data": {"Event": "TrackProcessed"},
        "eventTime": "2023-11-14T22:13:20.000Z",
    }


async def test_an_event_says_what_cloud_events_ask_for(site: Any) -> None:
    site.server.topic.schema = "cloud_events"
    site.open(schema="cloud_events", event_type="dev.example.bulk", source="urn:example", subject="fleet")
    outcome = await site.send(b"[{}]", request_id="n-2")
    assert isinstance(outcome, Delivered), outcome
    (event,) = site.server.topic.received
    assert event == {
        "specversion": "1.0",
        "id": "n-2",
        "source": "urn:example",
        "type": "dev.example.bulk",
        "subject": "fleet",
        "time": "2023-11-14T22:13:20.000Z",
        "datacontenttype": "application/json",
        "data": [{}],
    }


async def test_throttled_carries_the_wait_that_was_asked_for_and_is_not_tried_again_by_the_sdk(site: Any) -> None:
    site.server.fail_next("throttled")
    outcome = await site.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status, outcome.retry_after_s) == ("throttled", 429, 7.0)
    assert len(site.server.remote.requests) == 1


async def test_a_fault_is_not_tried_again_by_the_sdk(site: Any) -> None:
    site.server.fail_next("server_error")
    outcome = await site.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("server_error", 503)
    assert "as the test wants it" in outcome.detail
    assert len(site.server.remote.requests) == 1


async def test_of_several_events_only_the_one_at_fault_fails(site: Any) -> None:
    await site.send(b"[0]")  # so that all that follow wait together
    site.server.refuse_whatever_holds(b"refuse me")
    outcomes = await asyncio.gather(*(site.send(body) for body in (b"[1]", b'"refuse me"', b"[3]")))
    assert [type(outcome) for outcome in outcomes] == [Delivered, Failed, Delivered]
    assert [event["data"] for event in site.server.topic.received] == [[0], [1], [3]]


async def test_what_waits_goes_in_requests_of_a_megabyte(site: Any) -> None:
    await site.send(b"[0]")
    body = b'["' + b"x" * 300_000 + b'"]'
    outcomes = await asyncio.gather(*(site.send(body) for _ in range(7)))
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    assert site.server.topic.requests == 1 + 3


async def test_what_grows_beyond_a_megabyte_as_ascii_is_known_before_it_is_sent(site: Any) -> None:
    outcome = await site.send(('"' + "ü" * 400_000 + '"').encode())
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("too_large", None)
    assert site.server.remote.requests == []


async def test_what_is_no_json_or_is_signed_is_not_sent(site: Any) -> None:
    outcome = await site.send(b"<xml/>")
    assert isinstance(outcome, Failed)
    assert outcome.reason == "rejected"
    outcome = await site.send(headers={"webhook-signature": "v1,x"})
    assert isinstance(outcome, Failed)
    assert "signature" in outcome.detail
    assert site.server.remote.requests == []


async def test_a_redirect_is_not_followed(site: Any) -> None:
    from fixtures.remote import Reply

    site.server.topic.faults.append(Reply(308, b"", {"Location": f"{site.server.remote.url}/elsewhere"}))
    outcome = await site.send()
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("redirected", 308)
    assert len(site.server.remote.requests) == 1


# --- in


class Webhook:
    """A push of ours, asked as the service asks."""

    def __init__(self, log: Any) -> None:
        spec = PUSHES["event_grid"]
        self.log = log
        self.push = spec.open(msgspec.convert({"secret": SECRET}, spec.config_type), None)

    async def post(self, body: Any, **headers: str) -> PushAnswer:
        return await self.ask("POST", body if isinstance(body, bytes) else msgspec.json.encode(body), **headers)

    async def ask(self, method: str, body: bytes = b"", code: str = SECRET, **headers: str) -> PushAnswer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = PushRequest(method=method, headers=named, query={"code": code} if code else {}, body=body)
        return await self.push.refuses(request) or await self.push.answer(request, self.log.take)


@pytest.fixture
def webhook(make_log: Any) -> Webhook:
    return Webhook(make_log())


def event(data: Any, event_type: str = "TrackProcessed") -> dict[str, Any]:
    return {
        "id": "e-1",
        "topic": "/subscriptions/0",
        "subject": "s",
        "eventType": event_type,
        "eventTime": "2024-05-02T15:22:47.5502266Z",
        "data": data,
        "dataVersion": "1.0",
        "metadataVersion": "1",
    }


async def test_the_code_of_a_new_subscription_is_said_back(webhook: Webhook) -> None:
    data = {"validationCode": "512d38b6", "validationUrl": "https://rp.example/validate"}
    answer = await webhook.post(
        [event(data, "Microsoft.EventGrid.SubscriptionValidationEvent")], aeg_event_type="SubscriptionValidation"
    )
    assert (answer.status, answer.body) == (200, b'{"validationResponse":"512d38b6"}')
    assert webhook.log.bodies == []


async def test_cloud_events_ask_first_and_are_allowed(webhook: Webhook) -> None:
    answer = await webhook.ask("OPTIONS", webhook_request_origin="eventgrid.azure.net")
    assert answer.status == 200
    assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
    assert (await webhook.ask("OPTIONS")).status == 400


async def test_an_event_s_data_is_taken_in_as_it_stands_there(webhook: Webhook) -> None:
    raw = b'[{"id":"e-1","eventType":"T","data":{"Event" : "TrackProcessed", "n":1.50}}]'
    assert (await webhook.post(raw, aeg_event_type="Notification")).status == 200
    assert (webhook.log.bodies, webhook.log.ids) == ([b'{"Event" : "TrackProcessed", "n":1.50}'], ["e-1"])


@pytest.mark.parametrize(
    "sent",
    [
        {"specversion": "1.0", "id": "c-1", "source": "/s", "type": "T", "data": {"a": 1}},
        {"specversion": "1.0", "id": "c-1", "source": "/s", "type": "T", "data_base64": "eyJhIjoxfQ=="},
        [{"specversion": "1.0", "id": "c-1", "source": "/s", "type": "T", "data": '{"a":1}'}],
    ],
    ids=["an object", "bytes", "a batch, JSON in a string"],
)
async def test_cloud_events_are_taken_in(webhook: Webhook, sent: Any) -> None:
    assert (await webhook.post(sent)).status == 200
    assert (webhook.log.bodies, webhook.log.ids) == ([b'{"a":1}'], ["c-1"])


@pytest.mark.parametrize("code", ["", "another-secret-of-16"])
async def test_a_stranger_is_answered_401_whatever_he_asks(webhook: Webhook, code: str) -> None:
    assert (await webhook.ask("POST", b"[]", code=code)).status == 401
    assert (await webhook.ask("OPTIONS", code=code, webhook_request_origin="eventgrid.azure.net")).status == 401
    assert (await webhook.ask("POST", b"[]", code=code, authorization=f"Basic {SECRET}")).status == 401
    assert webhook.log.asked == 0


async def test_the_secret_may_be_a_delivery_header(webhook: Webhook) -> None:
    body = msgspec.json.encode([event([1])])
    assert (await webhook.ask("POST", body, code="", authorization=f"Bearer {SECRET}")).status == 200
    assert webhook.log.bodies == [b"[1]"]


async def test_what_cannot_be_taken_now_is_asked_for_again(webhook: Webhook) -> None:
    webhook.log.verdict = lambda body: "later" if body == b"[2]" else "stored"
    answer = await webhook.post([event([1]), event([2]), event([3])])
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert webhook.log.bodies == [b"[1]"]


async def test_what_is_no_envelope_is_kept_whole_and_acknowledged(webhook: Webhook) -> None:
    webhook.log.verdict = lambda _body: "unreadable"
    for body in (b"no json", b'[{"data":1}]', b"7", b"\xff", b'[{"id":"\xff"}]', b"[" * 9999):
        assert (await webhook.post(body)).status == 200
        assert webhook.log.bodies.pop() == body


async def test_a_text_that_is_no_utf_8_is_handed_over_as_it_is(webhook: Webhook) -> None:
    assert (await webhook.post(b'[{"id":"1","data":"\xff"}]')).status == 200
    assert webhook.log.bodies == [b'"\xff"']


async def test_word_of_a_subscription_that_is_gone_is_no_event(webhook: Webhook) -> None:
    answer = await webhook.post([event({})], aeg_event_type="SubscriptionDeletion")
    assert (answer.status, webhook.log.asked) == (200, 0)


def test_the_secret_is_not_shown() -> None:
    spec = PUSHES["event_grid"]
    assert SECRET not in repr(msgspec.convert({"secret": SECRET}, spec.config_type))

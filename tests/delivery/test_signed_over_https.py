"""Signed deliveries over a real socket, checked as a receiver does it, by a verifier that is not ours."""

import asyncio
import base64
import time
from typing import Any

import pytest
from msgspec import structs
from standardwebhooks import Webhook, WebhookVerificationError

from fixtures.lane import Lane
from postroad.clock import SystemClock
from postroad.delivery.signing import Secret, SigningTransport, signer_of
from postroad.egress.client import EgressClient
from postroad.transports.base import Delivered, Failed, Message, Outcome
from postroad.transports.https import Https, HttpsConfig

NEW = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(100, 124))).decode()
MESSAGE = Message(body=b'[{"id": 1}]', content_type="application/json", request_id="bulk-17")


class Receiver:
    """A customer that answers 401 to what it cannot verify with the one secret it knows."""

    def __init__(self, remote: Any, secret: str) -> None:
        self.reply = type(remote.answer(None))
        self.webhook = Webhook(secret)
        self.said: list[str] = []
        remote.answer = self.answer

    def answer(self, request: Any) -> Any:
        try:
            self.webhook.verify(request.body, request.headers)
        except WebhookVerificationError as exc:
            self.said.append(str(exc))
            return self.reply(401, str(exc).encode())
        self.said.append("verified")
        return self.reply(200)


@pytest.fixture
async def https(remote: Any, ca_file: str, egress: EgressClient) -> Https:
    return Https(HttpsConfig(url=f"{remote.url}/events", ca_file=ca_file), egress, SystemClock())


ROTATING = signer_of([Secret(value=NEW), Secret(value=OLD, expires_us=(time.time_ns() // 1000) + 10**10)])
ROTATED = signer_of([Secret(value=NEW), Secret(value=OLD, expires_us=time.time_ns() // 1000)])


@pytest.mark.parametrize(
    ("signer", "known", "said"),
    [
        (ROTATING, OLD, "verified"),
        (ROTATING, NEW, "verified"),
        (ROTATED, NEW, "verified"),
        (ROTATED, OLD, "No matching signature found"),
    ],
    ids=["overlap, old", "overlap, new", "over, new", "over, old"],
)
async def test_a_receiver_verifies_by_the_old_and_the_new_secret_until_the_overlap_is_over(
    https: Https, remote: Any, signer: Any, known: str, said: str
) -> None:
    receiver = Receiver(remote, known)
    outcome = await SigningTransport(https, signer, SystemClock()).send(MESSAGE)
    assert receiver.said == [said]
    assert isinstance(outcome, Delivered if said == "verified" else Failed)


async def test_a_body_that_was_tampered_with_is_refused(https: Https, remote: Any) -> None:
    class Tampering:
        """Somebody between the signature and the receiver."""

        async def send(self, message: Message) -> Outcome:
            return await https.send(structs.replace(message, body=message.body.replace(b"1", b"2")))

        def endpoint(self, wire_type: str) -> str:
            return https.endpoint(wire_type)

        async def close(self) -> None:
            await https.close()

    receiver = Receiver(remote, NEW)
    await SigningTransport(Tampering(), ROTATING, SystemClock()).send(MESSAGE)
    await SigningTransport(https, ROTATING, SystemClock()).send(MESSAGE)
    assert receiver.said == ["No matching signature found", "verified"]


async def test_a_request_that_is_repeated_later_is_refused(https: Https, remote: Any, clock: Any) -> None:
    clock.us = time.time_ns() // 1000 - 6 * 60 * 10**6
    receiver = Receiver(remote, NEW)
    await SigningTransport(https, ROTATING, clock).send(MESSAGE)
    assert receiver.said == ["Message timestamp too old"]


async def test_each_attempt_has_its_own_time_and_all_the_same_id(https: Https, remote: Any, clock: Any) -> None:
    clock.us = time.time_ns() // 1000
    receiver = Receiver(remote, NEW)
    verified = remote.answer

    def once_away(request: Any) -> Any:
        answer = verified(request)
        return receiver.reply(503, headers={"Retry-After": "45"}) if len(remote.requests) == 1 else answer

    remote.answer = once_away
    lane = Lane(clock)
    lane.transport = SigningTransport(https, ROTATING, clock)
    await lane.start()

    async def attempts(count: int) -> None:
        async with asyncio.timeout(10):
            while len(lane.attempts) < count:  # noqa: ASYNC110 - the answer's way back is the socket's
                await asyncio.sleep(0.005)

    await lane.road.append(1)
    await attempts(1)
    await lane.pass_time(45)
    await attempts(2)
    first, again = (request.headers for request in remote.requests)
    assert first["webhook-id"] == again["webhook-id"] == first["x-request-id"]
    assert int(again["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 45
    assert first["webhook-signature"] != again["webhook-signature"]
    assert receiver.said == ["verified", "verified"]
    assert [outcome.status for _, _, outcome in lane.attempts] == [503, 200]
    await lane.close()

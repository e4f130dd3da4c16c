"""Signatures by Standard Webhooks, checked by a verifier that is not ours."""

import base64
import time
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from postroad.delivery.signing import Secret, SigningTransport, opened, signer_of
from postroad.errors import ConfigError
from postroad.transports.base import Delivered, Failed, Message, Outcome

NEW = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(100, 124))).decode()
BODY = '[{"plate":"Ñandú 1"}]'.encode()
MESSAGE = Message(body=BODY, content_type="application/json", request_id="bulk-17")
HOUR_US = 3600 * 1_000_000


@pytest.fixture
def now_us() -> int:
    """The receiver's verifier goes by the wall clock, and takes nothing older than minutes."""
    return time.time_ns() // 1000


def verify(secret: str, headers: Any, body: bytes = BODY) -> None:
    Webhook(secret).verify(body, dict(headers), json_parse=False)


class Inner:
    """A transport that keeps what it was given."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.outcome = outcome or Delivered(status=200, elapsed_s=0.1)
        self.sent: list[Message] = []
        self.closed = False

    async def send(self, message: Message) -> Outcome:
        self.sent.append(message)
        return self.outcome

    def endpoint(self, wire_type: str) -> str:
        return f"that of {wire_type}"

    async def close(self) -> None:
        self.closed = True


def test_the_signature_of_the_standard_s_own_example_is_the_same() -> None:
    secret = Secret(value="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signer_of([secret]).headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330 * 10**6)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_secrets_change_the_receiver_may_have_either(now_us: int) -> None:
    signer = signer_of([Secret(value=NEW), Secret(value=OLD, expires_us=now_us + HOUR_US)])
    headers = signer.headers("bulk-17", BODY, now_us)
    assert headers is not None
    verify(NEW, headers)
    verify(OLD, headers)
    only_new = signer_of([Secret(value=NEW)]).headers("bulk-17", BODY, now_us)
    assert only_new is not None
    first, second = headers["webhook-signature"].split(" ")
    assert only_new["webhook-signature"] == first != second, "the newest first"


@pytest.mark.parametrize(("left_us", "signatures"), [(1, 2), (0, 1), (-1, 1)])
def test_an_expired_secret_signs_no_more(left_us: int, signatures: int, now_us: int) -> None:
    signer = signer_of([Secret(value=NEW), Secret(value=OLD, expires_us=now_us + left_us)])
    headers = signer.headers("bulk-17", BODY, now_us)
    assert headers is not None
    assert len(headers["webhook-signature"].split(" ")) == signatures
    verify(NEW, headers)


@pytest.mark.parametrize("part", ["body", "webhook-id", "webhook-timestamp"])
def test_nothing_that_is_signed_can_be_altered(part: str, now_us: int) -> None:
    headers = dict(signer_of([Secret(value=NEW)]).headers("bulk-17", BODY, now_us) or {})
    verify(NEW, headers)
    altered = headers | {"webhook-id": "bulk-18"} if part == "webhook-id" else headers
    if part == "webhook-timestamp":
        altered = headers | {part: str(int(headers[part]) + 1)}
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        verify(NEW, altered, BODY + b" " if part == "body" else BODY)


@pytest.mark.parametrize("body", [b"", b" [1] \n", b"\r\n", "Ñ.1.ñ".encode(), b"x" * 3_000_000])
def test_the_very_bytes_of_the_body_are_signed(body: bytes, now_us: int) -> None:
    headers = signer_of([Secret(value=NEW)]).headers("bulk-17", body, now_us)
    assert headers is not None
    verify(NEW, headers, body)


def test_an_id_that_could_end_early_is_not_signed(now_us: int) -> None:
    with pytest.raises(ValueError, match="full stop"):
        signer_of([Secret(value=NEW)]).headers("bulk.17", BODY, now_us)


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "whsec_",
        NEW.removeprefix("whsec_"),
        NEW.upper(),
        "whsec_not base64 at all, not even nearly so",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        NEW + "\n",
        "whsec_" + "ñ" * 40,
    ],
)
def test_a_malformed_secret_is_named_by_its_place_and_not_echoed(malformed: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        signer_of([Secret(value=NEW), Secret(value=malformed)])
    assert wrong.value.field == "signing.secrets[1]"
    assert wrong.value.__cause__ is None
    rest = malformed.removeprefix("whsec_").strip()
    assert not rest or rest not in str(wrong.value)


def test_a_secret_is_in_no_repr() -> None:
    secret = Secret(value=NEW, expires_us=5)
    assert repr(secret) == "Secret(value=<hidden>, expires_us=5)"
    assert NEW.removeprefix("whsec_") not in repr(signer_of([secret]))


def test_sealed_secrets_are_opened_in_their_order_with_their_ends() -> None:
    sealed = [Secret(value="b"), Secret(value="a", expires_us=5)]
    assert opened(sealed, lambda one: one.value * 2) == (Secret(value="bb"), Secret(value="aa", expires_us=5))


async def test_what_is_sent_is_the_message_and_three_headers(clock: Any) -> None:
    inner = Inner()
    transport = SigningTransport(inner, signer_of([Secret(value=NEW)]), clock)
    message = Message(body=BODY, content_type="application/json", request_id="bulk-17", headers={"X-A": "b"})
    assert await transport.send(message) is inner.outcome
    (sent,) = inner.sent
    assert (sent.body, sent.content_type, sent.request_id) == (BODY, "application/json", "bulk-17")
    assert sent.headers.keys() == {"X-A", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert sent.headers["webhook-timestamp"] == str(clock.us // 10**6)
    await transport.close()
    assert inner.closed


async def test_with_every_secret_expired_nothing_is_sent(clock: Any) -> None:
    inner = Inner()
    transport = SigningTransport(inner, signer_of([Secret(value=NEW, expires_us=clock.us)]), clock)
    outcome = await transport.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("credentials", None)
    assert "signing secret" in outcome.detail
    assert inner.sent == []


@pytest.mark.parametrize("cut", range(5, len(NEW)))
async def test_a_secret_that_the_receiver_echoes_is_hidden_even_if_cut(clock: Any, cut: int) -> None:
    inner = Inner(Failed(reason="rejected", status=400, detail="expected " + NEW[: len("whsec_") + cut]))
    outcome = await SigningTransport(inner, signer_of([Secret(value=NEW)]), clock).send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert outcome.detail == "expected whsec_[hidden]"

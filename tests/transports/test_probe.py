"""What ``postroad subscriptions test`` shows of an HTTPS destination."""

import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import trustme

from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.transports import TRANSPORTS, Step
from postroad.transports.base import Message

HTTPS = TRANSPORTS["https"]
MESSAGE = Message(body=b"[]", content_type="application/json", request_id="probe-1")


@pytest.fixture
def probe(egress: EgressClient, clock: Any, remote: Any, ca_file: str) -> Any:
    async def run(message: Message | None = MESSAGE, **fields: Any) -> tuple[Step, ...]:
        config = {"url": f"{remote.url}/events", "ca_file": ca_file, **fields}
        return await HTTPS.probe(msgspec.convert(config, HTTPS.config_type), egress, clock, message)

    return run


def oauth(token_url: str) -> dict[str, str]:
    return {"type": "oauth2_client_credentials", "token_url": token_url, "client_id": "a", "client_secret": "b"}


async def test_every_step_says_what_it_found(probe: Any, remote: Any) -> None:
    steps = {step.name: step for step in await probe()}
    assert list(steps) == ["url", "addresses", "tls", "answer"]
    assert all(step.ok for step in steps.values())
    assert steps["url"].detail == f"127.0.0.1:{remote.port}"
    assert steps["addresses"].detail == "127.0.0.1"
    assert steps["tls"].detail.startswith("TLSv1.3; certificate for ")
    assert "expires" in steps["tls"].detail
    assert steps["answer"].detail.startswith("200 in ")
    assert remote.requests[-1].body == b"[]"


async def test_without_a_message_nothing_is_sent(probe: Any, remote: Any) -> None:
    assert [step.name for step in await probe(message=None)] == ["url", "addresses", "tls"]
    assert remote.requests == []


async def test_each_url_is_tried_as_far_as_it_goes_and_named(probe: Any, remote: Any) -> None:
    urls = {"trip": "https://127.0.0.1:1/trip", "crash": f"{remote.url}/crash", "diagnosis": f"{remote.url}/crash"}
    steps = await probe(message=None, url=None, urls=urls, auth=oauth(f"{remote.url}/token"))
    reached = ["url of crash,diagnosis", "addresses of crash,diagnosis", "tls of crash,diagnosis"]
    assert [step.name for step in steps] == ["url of trip", "addresses of trip", "tls of trip", *reached]
    assert [step.name for step in steps if not step.ok] == ["tls of trip"]
    assert remote.requests == [], "no token is asked for while something is wrong"


async def test_a_certificate_that_ends_soon_is_said_so(
    probe: Any, clock: Any, authority: Any, start_remote: Any
) -> None:
    clock.us = int(datetime.now(UTC).timestamp() * 1e6)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) + timedelta(days=3, hours=1)).configure_cert(context)
    brief = await start_remote(context)
    steps = await probe(url=brief.url)
    assert "have it renewed" in steps[2].warning


@pytest.mark.parametrize(
    ("fields", "last", "detail"),
    [
        ({"url": "http://127.0.0.1/"}, "url", "only https is allowed"),
        ({"url": "https://localhost.invalid/"}, "addresses", "dns: localhost.invalid could not be resolved"),
        ({"ca_file": None}, "tls", "local issuer certificate"),
    ],
)
async def test_the_first_step_that_fails_is_the_last(probe: Any, fields: Any, last: str, detail: str) -> None:
    steps = await probe(**fields)
    assert (steps[-1].name, steps[-1].ok) == (last, False)
    assert detail in steps[-1].detail
    assert all(step.ok for step in steps[:-1])


async def test_a_token_that_cannot_be_had_is_a_step_of_its_own(probe: Any, remote: Any) -> None:
    steps = await probe(auth=oauth(f"{remote.url}/token"))
    assert steps[-1] == Step(name="token", ok=False, detail="the token endpoint's answer holds no access_token in JSON")


async def test_an_answer_that_refuses_is_shown(probe: Any, remote: Any) -> None:
    reply = type(remote.answer(None))
    remote.answer = lambda _request: reply(404, b"no such page")
    steps = await probe()
    assert steps[-1] == Step(name="answer", ok=False, detail="rejected 404: no such page")


async def test_the_client_certificate_is_a_step_of_its_own(probe: Any, doorkeeper: Any, pair: Any, clock: Any) -> None:
    clock.us = int(datetime.now(UTC).timestamp() * 1e6)
    steps = await probe(url=doorkeeper.url, **pair.fields)
    assert [step.name for step in steps] == ["url", "addresses", "client certificate", "tls", "answer"]
    assert all(step.ok and not step.warning for step in steps)
    assert steps[2].detail.startswith("hub.example by trustme")
    assert "expires" in steps[2].detail


async def test_without_a_client_certificate_that_is_asked_for_tls_fails(probe: Any, doorkeeper: Any) -> None:
    steps = await probe(message=None, url=doorkeeper.url)
    assert steps[-1] == Step(name="tls", ok=False, detail="tls: the other end asks for a client certificate")


@pytest.mark.parametrize(
    ("left", "ok", "warning", "told"),
    [
        (timedelta(days=15), True, "", "hub.example"),
        (timedelta(days=13), True, "our client certificate expires on", "hub.example"),
        (timedelta(hours=-1), False, "", "our client certificate hub.example has expired on"),
    ],
)
async def test_a_client_certificate_that_ends_soon_is_said_so(
    probe: Any, doorkeeper: Any, pair: Any, client_authority: Any, clock: Any,
    left: timedelta, ok: bool, warning: str, told: str,
) -> None:  # fmt: skip
    clock.us = int(datetime.now(UTC).timestamp() * 1e6)
    pair.issue(client_authority, not_after=datetime.now(UTC) + left)
    step = {step.name: step for step in await probe(message=None, url=doorkeeper.url, **pair.fields)}[
        "client certificate"
    ]
    assert step.ok is ok
    assert step.warning.startswith(warning)
    assert bool(step.warning) is bool(warning)
    assert told in step.detail


async def test_a_client_certificate_that_does_not_fit_its_key_is_named(probe: Any, pair: Any) -> None:
    key = pair.key.read_bytes()
    pair.issue(trustme.CA())
    pair.key.write_bytes(key)
    with pytest.raises(ConfigError, match=r"client_key_file: .*not the key of the certificate in .*client\.pem"):
        await probe(**pair.fields)

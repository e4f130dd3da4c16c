"""The token endpoint over a real socket: who gets a token, for how long it is good, and every documented error."""

import base64
import json
from typing import Any

import pytest

from fixtures.clock import VirtualClock
from fixtures.drivequant_hub import DriveQuantHub, trip
from fixtures.site import soon
from postroad.clock import SystemClock
from postroad.ingest.access_tokens import AccessTokens, client_of
from postroad.registry.secrets import KeyRing
from postroad.simulate.drivequant_platform import Basic, OAuth


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Asking:
    def __init__(self, dq: DriveQuantHub) -> None:
        self.dq = dq

    async def token(
        self, *, headers: dict[str, str] | None = None, query: str = "", data: Any = None
    ) -> tuple[int, dict[str, Any], Any]:
        given = basic(self.dq.token_id, self.dq.token) if headers is None else headers
        url = self.dq.url("/oauth/token") + query
        async with self.dq.session.post(url, data=data, headers=given) as response:
            return response.status, dict(response.headers), json.loads(await response.read())

    async def push(self, authorization: str, itin_id: str = "t1") -> int:
        async with self.dq.session.post(
            self.dq.url("/in/drivequant/trip"), json=trip(itin_id), headers={"Authorization": authorization}
        ) as response:
            await response.read()
            return response.status


@pytest.fixture
def asking(dq: DriveQuantHub) -> Asking:
    return Asking(dq)


WAYS: dict[str, dict[str, Any]] = {
    "nothing but the header": {},
    "a form": {"data": {"grant_type": "client_credentials", "audience": "postroad"}},
    "query parameters": {"query": "?scope=push&grant_type=client_credentials"},
    "an empty object": {"data": b"{}"},
}


async def test_a_client_gets_a_token_that_opens_the_entrances(asking: Asking) -> None:
    form = {"client_id": asking.dq.token_id, "client_secret": asking.dq.token, "grant_type": "client_credentials"}
    for way in (*WAYS.values(), {"headers": {}, "data": form}):
        status, headers, body = await asking.token(**way)
        assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 3600)
        assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")
        assert await asking.push(f"Bearer {body['access_token']}") == 200


async def test_who_is_no_client_is_401_invalid_client(asking: Asking) -> None:
    dq = asking.dq
    other_id, _ = dq.registry.issue_token("dq", "another")
    secret_in_query = f"?client_id={dq.token_id}&client_secret={dq.token}"
    asked: dict[str, dict[str, Any]] = {
        "nobody": {"headers": {}},
        "wrong secret": {"headers": basic(dq.token_id, dq.token + "x")},
        "wrong id": {"headers": basic(other_id, dq.token)},
        "no basic": {"headers": {"Authorization": "Basic !!"}},
        "in the query": {"headers": {}, "query": secret_in_query},
        "other scheme": {"headers": {"Authorization": f"Bearer {dq.token}"}},
    }
    await dq.hub.parts.following.refresh()
    for who, request in asked.items():
        status, headers, body = await asking.token(**request)
        assert (status, body, headers["WWW-Authenticate"]) == (401, {"error": "invalid_client"}, "Basic"), who
        assert headers["Cache-Control"] == "no-store"


async def test_what_is_asked_wrongly_is_400_by_its_name(asking: Asking) -> None:
    dq = asking.dq
    both = {"client_id": dq.token_id, "client_secret": dq.token}
    for data, error in (
        ({"grant_type": "password"}, "unsupported_grant_type"),
        (both, "invalid_request"),
        (b"grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        (b"\xff\xfe", "invalid_request"),
        (b'{"grant_type": "client_credentials"}', "invalid_request"),
    ):
        status, _, body = await asking.token(data=data)
        assert (status, body) == (400, {"error": error})
    assert (await asking.token(data=b"a=" + b"x" * 9000))[0] == 413


async def test_a_client_of_another_protocol_is_not_authorised(asking: Asking) -> None:
    id_, token = asking.dq.registry.issue_token("gps", "test")

    async def known() -> bool:
        return (await asking.token(headers=basic(id_, token)))[0] != 401

    await soon(known)
    assert (await asking.token(headers=basic(id_, token)))[2] == {"error": "unauthorized_client"}


async def test_a_token_is_good_after_a_restart_and_beside_others(asking: Asking) -> None:
    first, second = [(await asking.token())[2]["access_token"] for _ in range(2)]
    assert first != second
    await asking.dq.stop()
    await asking.dq.start()
    assert await asking.push(f"Bearer {first}") == 200
    assert await asking.push(f"Bearer {second}") == 200


async def test_a_token_is_worth_nothing_once_the_clients_own_is_revoked(asking: Asking) -> None:
    token = (await asking.token())[2]["access_token"]
    assert await asking.push(f"Bearer {token}") == 200
    asking.dq.registry.revoke_token(asking.dq.token_id)

    async def refused() -> bool:
        return await asking.push(f"Bearer {token}") == 401

    await soon(refused)
    assert (await asking.token())[0] == 401


async def test_a_token_expires_on_the_second(dq_hub: DriveQuantHub, clock: VirtualClock) -> None:
    keys = KeyRing({b"0001": bytes(32)}, b"0001")
    tokens = AccessTokens(keys, lifetime_s=60, clock=clock)
    view = dq_hub.registry.view()
    header = f"Bearer {tokens.issue(dq_hub.token_id)}".encode()
    provider = tokens.provider_of(header, view)
    assert provider is not None
    assert provider.name == "dq"
    end_us = clock.now_us() + 60_000_000

    class At(SystemClock):
        us = end_us - 1

        def now_us(self) -> int:
            return self.us

    at = At()
    later = AccessTokens(keys, lifetime_s=60, clock=at)
    assert later.provider_of(header, view) == provider
    at.us = end_us
    assert later.provider_of(header, view) is None


async def test_an_expired_token_is_401_at_the_entrance_and_the_platform_gets_another(dq_hub: DriveQuantHub) -> None:
    class Ahead(SystemClock):
        by_us = 0

        def now_us(self) -> int:
            return super().now_us() + self.by_us

    dq_hub.clock = ahead = Ahead()
    await dq_hub.start(access_token_s=60)
    asking = Asking(dq_hub)
    token = (await asking.token())[2]["access_token"]
    assert await asking.push(f"Bearer {token}") == 200
    client = Basic(dq_hub.token_id, dq_hub.token)
    platform = dq_hub.platform(OAuth(token_url=dq_hub.url("/oauth/token"), client=client, params={"scope": "push"}))
    assert (await platform.push("trip", trip("t2"))).statuses == [200]
    ahead.by_us = 61_000_000
    assert await asking.push(f"Bearer {token}") == 401
    assert (await platform.push("trip", trip("t3"))).statuses == [401, 200]
    assert await asking.push(f"Bearer {dq_hub.token}") == 200
    await dq_hub.stop()


def test_a_token_of_another_folder_or_changed_by_one_bit_is_worth_nothing(
    dq_hub: DriveQuantHub, clock: VirtualClock
) -> None:
    view = dq_hub.registry.view()
    ours = AccessTokens(KeyRing({b"0001": bytes(32)}, b"0001"), lifetime_s=60, clock=clock)
    theirs = AccessTokens(KeyRing({b"0001": b"\1" * 32}, b"0001"), lifetime_s=60, clock=clock)
    token = ours.issue(dq_hub.token_id)
    assert theirs.provider_of(f"Bearer {token}".encode(), view) is None
    for at in range(4, len(token) - 1):  # the last character has bits that stand for nothing
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert ours.provider_of(f"Bearer {changed}".encode(), view) is None
    for text in ("", "pat_", "pat_AA", "pat_" + "A" * 600, "prt_x"):
        assert ours.provider_of(f"Bearer {text}".encode(), view) is None
    assert ours.provider_of(f"Basic {token}".encode(), view) is None


def test_secrets_are_compared_whole_and_by_digest(dq_hub: DriveQuantHub) -> None:
    view = dq_hub.registry.view()
    assert client_of(dq_hub.token_id, dq_hub.token, view) is not None
    for secret in ("", dq_hub.token[:-1], dq_hub.token + " ", "\ud800"):
        assert client_of(dq_hub.token_id, secret, view) is None
    assert client_of("unknown1", dq_hub.token, view) is None
    sealed = [value for value in view.clients.values() if dq_hub.token.encode() in value]
    assert sealed == [], "no view holds a secret"

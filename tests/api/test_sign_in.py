"""Service accounts sign in over a real socket, at a real hub; and what they then have opens nothing else."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from fixtures.drivetech import sample
from fixtures.remote import LOOPBACK
from fixtures.site import Site, soon
from postroad import layout, service
from postroad.access.policy import Operation, Target, allowed
from postroad.access.principals import Principal, Role
from postroad.access.service_keys import SIGN_IN_PATH, issuer, key_id, new_key_pair
from postroad.api import sign_in
from postroad.clock import SystemClock
from postroad.egress.client import EgressClient
from postroad.ingest.http import token_endpoint
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.service import Hub
from postroad.settings import HubSettings, LimitsSettings
from postroad.simulate.certificates import SERVER_FILE
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream, ServiceAccount
from postroad.upstream.connected_cars.service_account import SignInFailed, shared_token

PAIR = new_key_pair()
PRIVATE = RSAKey.import_key(PAIR.private_pem)
KID = key_id(PAIR.public_key)
AUDIENCE = "https://hub.example" + SIGN_IN_PATH


class Ahead(SystemClock):
    by_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.by_us


class Machine:
    """Somebody with a service account, and the hub that knows it."""

    def __init__(self, site: Site, session: aiohttp.ClientSession) -> None:
        self.site = site
        self.session = session
        self.clock = Ahead()
        self.id = self.account()

    def account(self, role: Any = "integration", owner: str | None = "insurer") -> str:
        return self.site.registry.create_service_account(
            role, owner, audience=AUDIENCE, key_id=KID, public_key=PAIR.public_key
        )

    async def start(self, **changes: Any) -> None:
        made = self.site.make(**{"limits": LimitsSettings(sign_ins_per_s=0)} | changes)
        self.site.hub = Hub(self.site.folder, made._settings, clock=self.clock)
        await self.site.hub.start()

    def assertion(self, account_id: str | None = None, key: RSAKey = PRIVATE, **claims: Any) -> str:
        now_s = self.clock.now_us() // 1_000_000
        said = {"iss": issuer(account_id or self.id), "aud": AUDIENCE, "iat": now_s, "exp": now_s + 3600}
        return jwt.encode({"alg": "RS256", "kid": KID}, said | claims, key)

    async def ask(self, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
        url = f"http://127.0.0.1:{self.site.hub.port}{SIGN_IN_PATH}"
        async with self.session.post(url, data=body, headers=headers) as response:
            return response.status, dict(response.headers), await response.read()

    async def show(self, assertion: str, **headers: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        status, got, body = await self.ask(json.dumps({"token": assertion}).encode(), **headers)
        return status, got, json.loads(body)

    async def token(self, account_id: str | None = None) -> str:
        status, _, body = await self.show(self.assertion(account_id))
        assert status == 200
        token = body["token"]
        assert isinstance(token, str)
        return token

    def principal(self, token: str) -> Principal | None:
        parts = self.site.hub.parts
        return parts.authenticator.principal(f"Bearer {token}", parts.following.view)


@pytest.fixture
async def machine(site: Site, session: aiohttp.ClientSession) -> Machine:
    machine = Machine(site, session)
    await machine.start()
    return machine


async def test_an_assertion_becomes_a_token_that_stands_for_the_account(machine: Machine) -> None:
    status, headers, body = await machine.show(machine.assertion())
    assert (status, body["level"], body["expires"]) == (200, "AM1", 3600)
    assert body.keys() == {"token", "level", "expires"}
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("application/json", "no-store")
    found = machine.principal(body["token"])
    assert found is not None
    assert (found.role, found.name) == (Role.INTEGRATION, f"service account {machine.id}")
    target = Target(organization_id=found.organization_id, integration_id=found.integration_id)
    assert allowed(found, Operation.LIST_STREAMS, target)


async def test_the_namespace_may_be_anything(machine: Machine) -> None:
    for headers in ({}, *({"X-Organization-Namespace": named} for named in ("market:default", "other:x", "", "*"))):
        assert (await machine.show(machine.assertion(), **headers))[0] == 200


async def test_unknown_revoked_and_badly_signed_are_answered_by_the_same_bytes(machine: Machine) -> None:
    revoked = machine.account()
    machine.site.registry.revoke_service_account(revoked)
    await machine.site.hub.parts.following.refresh()
    other_key = RSAKey.generate_key(2048)
    good = machine.assertion()
    shown = {
        "unknown": machine.assertion("aaaaaaaa"),
        "revoked": machine.assertion(revoked),
        "badly signed": machine.assertion(key=other_key),
        "cut off": good[:-4],
        "expired": machine.assertion(iat=1, exp=3601),
        "for another hub": machine.assertion(aud="https://elsewhere.example"),
        "no JWT": "x",
        "nothing": "",
    }
    answers = {}
    for why, assertion in shown.items():
        status, headers, body = await machine.ask(json.dumps({"token": assertion}).encode())
        headers.pop("Date", None)
        answers[why] = (status, tuple(sorted(headers.items())), body)
    assert set(answers.values()) == {answers["unknown"]}
    assert answers["unknown"][0] == 401
    assert json.loads(answers["unknown"][2])["type"] == "jwt_verify_error"
    assert (await machine.show(good))[0] == 200


async def test_what_is_no_such_body_is_a_bad_request(machine: Machine) -> None:
    bodies = [
        b"", b"{}", b"[]", b"x", b"\xff", b'{"token": 5}', b'{"token": null}', b'{"jwt": "x"}', b"[" * 8000,
        b'{"token": "\\ud800"}',
    ]  # fmt: skip
    for body in bodies:
        status, _, answer = await machine.ask(body)
        assert (status, json.loads(answer)["type"]) == (400, "bad_request"), body[:20]
        assert json.loads(answer).keys() == {"message", "type"}


async def test_a_body_that_is_too_long_and_another_method_are_refused(machine: Machine) -> None:
    status, _, answer = await machine.ask(json.dumps({"token": "x" * sign_in.BODY_LIMIT_BYTES}).encode())
    assert (status, json.loads(answer)["type"]) == (413, "request_too_large")
    url = f"http://127.0.0.1:{machine.site.hub.port}{SIGN_IN_PATH}"
    async with machine.session.get(url) as response:
        assert response.status == 405


async def test_an_address_that_asks_too_often_is_told_when_to_come_back(machine: Machine) -> None:
    await machine.site.hub.stop()
    await machine.start(limits=LimitsSettings(sign_ins_per_s=0.01, burst_s=300))
    statuses = [(await machine.show(machine.assertion()))[0] for _ in range(3)]
    status, headers, body = await machine.show(machine.assertion())
    assert statuses == [200] * 3
    assert (status, body["type"]) == (429, "too_many_requests")
    assert 90 <= int(headers["Retry-After"]) <= 100
    assert (await machine.show("x"))[0] == 429, "whatever is shown"


async def test_a_revoked_account_s_token_dies_with_it(machine: Machine) -> None:
    token = await machine.token()
    assert machine.principal(token) is not None
    machine.site.registry.revoke_service_account(machine.id)
    await soon(lambda: machine.principal(token) is None)
    assert (await machine.show(machine.assertion()))[0] == 401


async def test_a_removed_integration_s_accounts_sign_in_no_more(machine: Machine) -> None:
    token = await machine.token()
    file = machine.site.folder / "declared.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("    integrations:")])
    keys = KeyRing.load(machine.site.folder / layout.KEY_FILE)
    apply_file(machine.site.registry, file, catalogue=service.catalogue(), keys=keys, environment={}, prune=True)
    await soon(lambda: machine.principal(token) is None)
    assert (await machine.show(machine.assertion()))[0] == 401
    [account] = machine.site.registry.list_service_accounts()
    assert account.revoked_us is not None


async def test_a_token_is_good_as_long_as_was_said_and_over_a_restart(machine: Machine) -> None:
    await machine.site.hub.stop()
    await machine.start(hub=HubSettings(port=0, stop_within_s=1.0, access_token_s=120))
    status, _, body = await machine.show(machine.assertion())
    assert (status, body["expires"]) == (200, 120)
    await machine.site.hub.stop()
    await machine.start()
    assert machine.principal(body["token"]) is not None
    machine.clock.by_us = 121_000_000
    assert machine.principal(body["token"]) is None


async def test_an_assertion_may_be_shown_again_within_its_life(machine: Machine) -> None:
    """Two processes of one account that sign in within a second show the same bytes."""
    assertion = machine.assertion()
    first, second = [(await machine.show(assertion))[2]["token"] for _ in range(2)]
    assert first != second
    assert machine.principal(first) == machine.principal(second) is not None


async def test_no_entrance_lets_in_whom_the_policy_does_not(machine: Machine) -> None:
    """Entrances know providers by tokens of their own, without asking the policy: they are never more generous."""
    registry, hub = machine.site.registry, machine.site.hub
    accounts: list[tuple[Any, str | None]] = [
        ("operator", None), ("auditor", None), ("auditor", "Andes"), ("fleet_owner", "Andes"), ("provider", "gps"),
        ("integration", "insurer"),
    ]  # fmt: skip
    keys = {registry.issue_key(role, owner, "")[1] for role, owner in accounts}
    ids = [machine.account(role, owner) for role, owner in accounts]
    await hub.parts.following.refresh()
    shown = keys | {await machine.token(id_) for id_ in ids}
    [provider] = hub.parts.following.view.providers.values()
    target = Target(organization_id=provider.organization_id, provider_id=provider.id)
    let_in = {}
    for number, key in enumerate(sorted(shown)):
        principal = machine.principal(key)
        assert principal is not None
        pushed = {"json": sample(plate=f"NEW{number}"), "headers": {"Authorization": f"Bearer {key}"}}
        async with machine.session.post(machine.site.url, **pushed) as response:
            let_in[key] = response.status == 200
        basic = base64.b64encode(f"x:{key}".encode()).decode()
        url = f"http://127.0.0.1:{hub.port}{token_endpoint.PATH}"
        async with machine.session.post(url, headers={"Authorization": f"Basic {basic}"}) as response:
            assert response.status == 401
        assert not let_in[key] or allowed(principal, Operation.PUSH_EVENTS, target)
    assert {key[:4] for key, is_in in let_in.items() if is_in} == {"prt_"}


@pytest.fixture
async def egress(site: Site) -> AsyncIterator[EgressClient]:
    egress = EgressClient(allowed=LOOPBACK, clock=SystemClock(), ca_file=str(site.folder / "demo-ca.pem"))
    yield egress
    await egress.close()


async def test_the_hub_s_own_client_of_connected_cars_signs_in(machine: Machine, egress: EgressClient) -> None:
    """Over TLS, as it does at the vendor's."""
    await machine.site.hub.stop()
    await machine.start(hub=HubSettings(port=0, stop_within_s=1.0, tls_cert_file=SERVER_FILE))
    base = f"https://127.0.0.1:{machine.site.hub.port}"
    account = ServiceAccount(issuer=issuer(machine.id), audience=AUDIENCE, key_id=KID, private_key=PAIR.private_pem)
    config = ConnectedCarsUpstream(
        graphql_url=f"{base}/graphql",
        auth_url=base + SIGN_IN_PATH,
        namespace="market:default",
        service_account=account,
        topic=1,
    )
    pool = egress.pool()
    token = shared_token(config, pool.post, SystemClock())
    principal = machine.principal(await token.get())
    assert principal is not None
    assert principal.role is Role.INTEGRATION
    await token.close()

    machine.site.registry.revoke_service_account(machine.id)
    await soon(lambda: machine.id not in machine.site.hub.parts.following.view.service_accounts)
    again = shared_token(config, pool.post, SystemClock())
    with pytest.raises(SignInFailed) as refused:
        await again.get()
    assert refused.value.problem.kind == "credentials"
    await again.close()
    await pool.close()

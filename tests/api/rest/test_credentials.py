"""Tokens and service accounts by REST."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from fixtures.rest_site import RestSite
from postroad.access.service_keys import key_id, new_key_pair, read_public_key
from postroad.registry.records import RoleName


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    rest_site.apply(
        {
            "organizations": [
                {
                    "name": "Andes",
                    "providers": [{"name": "gps", "protocol": "drivetech"}],
                    "integrations": [{"name": "insurer"}],
                }
            ]
        }
    )
    await rest_site.start()
    return rest_site


async def test_a_token_is_shown_once_works_at_once_and_not_once_it_is_revoked(site: RestSite) -> None:
    issued = await site.post("/tokens", {"role": "auditor", "owner_id": 1, "label": "of the night shift"})
    assert (issued.status, issued.json["owner"], issued.json["organization_id"]) == (201, "Andes", 1)
    path, token = f"/tokens/{issued.json['id']}", issued.json["token"]
    assert issued.headers["Location"] == f"/api/v1{path}"
    assert (await site.get("/organizations/Andes", by=token)).status == 200
    got = await site.get(path)
    assert got.json == {name: value for name, value in issued.json.items() if name != "token"}
    assert token.encode() not in (await site.get("/tokens")).body
    assert (await site.delete(path, If_Match=got.etag)).status == 204
    assert (await site.get("/organizations/Andes", by=token)).status == 401
    assert (await site.get(path)).json["revoked_at"] is not None
    head = site.store.audit_log.head()
    assert (await site.delete(path)).status == 204, "again, which changes nothing"
    assert site.store.audit_log.head() == head


@pytest.mark.parametrize(
    ("role", "owner_id"), [("operator", None), ("auditor", None), ("auditor", 1), ("fleet_owner", 1)]
)
async def test_every_role_has_tokens(site: RestSite, role: str, owner_id: int | None) -> None:
    issued = await site.post("/tokens", {"role": role, "owner_id": owner_id})
    assert (issued.json["role"], issued.json["owner_id"]) == (role, owner_id)
    listed = await site.get(f"/tokens?role={role}")
    assert issued.json["id"] in [one["id"] for one in listed.json["items"]]


@pytest.mark.parametrize(
    "body",
    [
        {"role": "operator", "owner_id": 1},
        {"role": "fleet_owner"},
        {"role": "provider", "owner_id": 99},
        {"role": "integration"},
    ],
)
async def test_an_owner_that_does_not_go_with_the_role_is_refused(site: RestSite, body: dict[str, Any]) -> None:
    for path, more in (("/tokens", {}), ("/service-accounts", {"url": "https://hub.example"})):
        refused = await site.post(path, body | more)
        assert (refused.status, refused.pointers) == (422, ["/owner_id"])


async def test_the_same_request_again_shows_the_same_token_and_makes_no_other(site: RestSite) -> None:
    body = {"role": "provider", "owner_id": 1}
    first = await site.post("/tokens", body, Idempotency_Key="once")
    head = site.store.audit_log.head()
    again = await site.post("/tokens", body, Idempotency_Key="once")
    assert (again.status, again.body) == (201, first.body)
    assert site.store.audit_log.head() == head
    assert len((await site.get("/tokens?role=provider")).json["items"]) == 1


async def test_tokens_are_listed_page_by_page_whatever_is_made_meanwhile(site: RestSite) -> None:
    ids = [(await site.post("/tokens", {"role": "auditor"})).json["id"] for _ in range(4)]
    first = (await site.get("/tokens?role=auditor&limit=2")).json
    await site.delete(f"/tokens/{ids[0]}")
    await site.post("/tokens", {"role": "auditor"})
    second = (await site.get(f"/tokens?role=auditor&limit=2&cursor={first['next_cursor']}")).json
    assert [one["id"] for one in first["items"] + second["items"]] == ids
    revoked = (await site.get("/tokens?role=auditor&revoked=true")).json["items"]
    assert [one["id"] for one in revoked] == [ids[0]]


@pytest.mark.parametrize("role", ["provider", "integration"])
async def test_a_service_account_is_made_with_a_pair_or_a_key_that_is_brought(site: RestSite, role: RoleName) -> None:
    body = {"role": role, "owner_id": 1, "url": "https://hub.example/"}
    made = await site.post("/service-accounts", body)
    assert made.status == 201
    assert made.json["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert made.json["aud"] == "https://hub.example/auth/login/serviceAccountConverter"
    assert made.json["iss"].startswith(made.json["id"])
    pair = new_key_pair()
    pem = load_der_public_key(pair.public_key).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert read_public_key(pem) == pair.public_key
    brought = await site.post("/service-accounts", body | {"public_key": pem.decode()})
    assert (brought.json["private_key"], brought.json["kid"]) == (None, key_id(pair.public_key))
    refused = await site.post("/service-accounts", body | {"public_key": pair.private_pem})
    assert (refused.status, refused.pointers) == (422, ["/public_key"])
    assert (await site.delete(f"/service-accounts/{made.json['id']}")).status == 204
    listed = (await site.get("/service-accounts")).json["items"]
    assert [one["revoked_at"] is None for one in listed] == [False, True]
    assert (await site.get(f"/service-accounts/{brought.json['id']}")).json == listed[1]

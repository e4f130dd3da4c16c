"""Secrets of destinations and subscriptions: given in plain text, never shown, kept unless said otherwise."""

from typing import Any

import pytest

from fixtures.rest_site import RestSite
from postroad.registry.secrets import opened_config

INSURER = "/organizations/Andes/integrations/insurer"
HOOK = INSURER + "/destinations/hook"
POSITIONS = INSURER + "/subscriptions/positions"
SIGNING = "whsec_" + "A" * 44


def config(secret: Any) -> dict[str, Any]:
    auth = {"type": "oauth2_client_credentials", "token_url": "https://127.0.0.1:1/t", "client_id": "hub"}
    return {"transport": "https", "config": {"url": "https://127.0.0.1:1/", "auth": {**auth, "client_secret": secret}}}


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    rest_site.apply({"organizations": [{"name": "Andes", "integrations": [{"name": "insurer"}]}]})
    await rest_site.start()
    assert (await rest_site.put(HOOK, config("s3cret"))).status == 201
    return rest_site


def stored(site: RestSite) -> Any:
    """The config as the transport gets it."""
    (destination,) = site.store.view().destinations.values()
    return opened_config(destination, site.keys)


async def test_a_secret_is_taken_in_plain_and_never_shown(site: RestSite) -> None:
    assert stored(site)["auth"]["client_secret"] == "s3cret"
    for answer in (
        await site.get(HOOK),
        await site.put(HOOK, config("an0ther")),
        await site.get(INSURER + "/destinations"),
    ):
        assert answer.status == 200
        assert b"s3cret" not in answer.body
        assert b"an0ther" not in answer.body
    shown = (await site.get(HOOK)).json
    assert (shown["config"]["auth"]["client_secret"], shown["secrets"]) == (None, ["config.auth.client_secret"])
    assert stored(site)["auth"]["client_secret"] == "an0ther"


async def test_null_keeps_the_secret_that_is_set_and_what_else_is_said_is_done(site: RestSite) -> None:
    body = config(None)
    body["config"]["url"] = "https://127.0.0.1:1/elsewhere"
    assert (await site.put(HOOK, body)).status == 200
    assert stored(site) == {**config("s3cret")["config"], "url": "https://127.0.0.1:1/elsewhere"}


async def test_null_is_no_secret_where_none_is_set(site: RestSite) -> None:
    answer = await site.put(INSURER + "/destinations/other", config(None))
    assert (answer.status, answer.pointers) == (422, ["/config/auth/client_secret"])


async def test_a_secret_that_is_left_out_goes(site: RestSite) -> None:
    body = config(None)
    del body["config"]["auth"]["client_secret"]
    answer = await site.put(HOOK, body)
    assert (answer.status, answer.pointers) == (422, ["/config/auth"])
    assert (await site.put(HOOK, {"transport": "https", "config": {"url": "https://127.0.0.1:1/"}})).json[
        "secrets"
    ] == []
    assert "auth" not in stored(site)


@pytest.mark.parametrize("secret", ["", 7, ["s3cret"], {"env": "HOME"}, {"file": "/etc/passwd"}, {"file": "x", "y": 1}])
async def test_what_is_no_secret_is_refused_and_nothing_of_the_hub_is_read(site: RestSite, secret: Any) -> None:
    answer = await site.put(HOOK, config(secret))
    assert (answer.status, answer.pointers) == (422, ["/config/auth/client_secret"])
    assert b"root:" not in answer.body
    assert stored(site)["auth"]["client_secret"] == "s3cret"


async def test_signing_secrets_are_kept_unless_they_are_said_anew(site: RestSite) -> None:
    body: dict[str, Any] = {"protocol": "connected_cars", "destination": "hook", "types": ["gps_position"]}
    made = await site.put(POSITIONS, body | {"signing": {"secrets": [SIGNING]}})
    assert (made.status, made.json["secrets"]) == (201, ["signing.secrets"])
    assert SIGNING.encode() not in made.body
    assert (await site.put(POSITIONS, made.json)).json["secrets"] == ["signing.secrets"]
    assert (await site.put(POSITIONS, body)).json["secrets"] == ["signing.secrets"]
    assert (await site.put(POSITIONS, body | {"signing": {"secrets": []}})).json["secrets"] == []
    refused = await site.put(POSITIONS, body | {"signing": {"secrets": [{"env": "HOME"}]}})
    assert (refused.status, refused.pointers) == (422, ["/signing/secrets/0"])


async def test_secrets_that_a_file_declares_are_not_rotated_here(site: RestSite) -> None:
    body = {"protocol": "connected_cars", "destination": "hook", "types": ["gps_position"]}
    await site.put(POSITIONS, body | {"signing": {"secrets": [SIGNING]}})
    refused = await site.post(POSITIONS + "/rotate-secret", {})
    assert (refused.status, refused.kind) == (409, "conflict")

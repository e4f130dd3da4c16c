"""``postroad apply``, by a request: the same function, less what would read the hub's own environment and files."""

from typing import Any

import pytest

from fixtures.rest_site import RestSite

DOCUMENT: dict[str, Any] = {
    "organizations": [
        {
            "name": "Andes",
            "providers": [{"name": "gps", "protocol": "drivetech"}],
            "integrations": [
                {
                    "name": "insurer",
                    "destinations": [
                        {
                            "name": "hook",
                            "transport": "https",
                            "config": {
                                "url": "https://127.0.0.1:1/",
                                "auth": {
                                    "type": "oauth2_client_credentials",
                                    "token_url": "https://127.0.0.1:1/",
                                    "client_id": "hub",
                                    "client_secret": "s3cret",
                                },
                            },
                        }
                    ],
                }
            ],
        }
    ]
}


def auth(document: Any) -> Any:
    return document["organizations"][0]["integrations"][0]["destinations"][0]["config"]["auth"]


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    rest_site.apply({"organizations": [{"name": "Nord"}]})
    await rest_site.start()
    return rest_site


async def test_a_document_is_applied_and_again_changes_nothing(site: RestSite) -> None:
    applied = await site.post("/apply", DOCUMENT)
    assert (applied.status, applied.json["dry_run"]) == (200, False)
    assert [(one["action"], one["kind"], one["name"]) for one in applied.json["changes"]][:2] == [
        ("create", "organization", "Andes"),
        ("create", "provider", "Andes/gps"),
    ]
    assert b"s3cret" not in applied.body
    version = site.store.version()
    assert (await site.post("/apply", DOCUMENT)).json["changes"] == []
    assert site.store.version() == version
    auth(DOCUMENT)["client_secret"] = None
    assert (await site.post("/apply", DOCUMENT)).json["changes"] == []
    auth(DOCUMENT)["client_secret"] = "s3cret"


async def test_the_command_finds_nothing_to_change_in_what_a_request_applied(site: RestSite) -> None:
    await site.post("/apply?prune=true", DOCUMENT)
    auth(DOCUMENT)["client_secret"] = {"env": "SECRET"}
    assert site.apply(DOCUMENT, environment={"SECRET": "s3cret"}, prune=True) == []
    auth(DOCUMENT)["client_secret"] = "s3cret"
    assert await site.names("/organizations") == ["Andes"]


async def test_a_dry_run_tells_the_same_and_changes_nothing(site: RestSite) -> None:
    version = site.store.version()
    dry = await site.post("/apply?dry_run=true&prune=true", DOCUMENT, Idempotency_Key="k1")
    assert (dry.json["dry_run"], await site.names("/organizations"), site.store.version()) == (True, ["Nord"], version)
    assert dry.json["changes"] == (await site.post("/apply?prune=true", DOCUMENT)).json["changes"]


async def test_yaml_is_taken_and_an_error_names_line_and_field(site: RestSite) -> None:
    yaml = b"organizations:\n  - name: Andes\n    providers:\n      - {name: gps, protocol: drivetek}\n"
    refused = await site.ask("POST", "/apply", raw=yaml, Content_Type="application/yaml")
    assert (refused.status, refused.pointers) == (422, ["/organizations/0/providers/0/protocol"])
    assert refused.json["detail"].startswith("line 4: organizations[0].providers[0].protocol: ")
    applied = await site.ask("POST", "/apply", raw=yaml.replace(b"tek", b"tech"), Content_Type="application/yaml")
    assert applied.status == 200


@pytest.mark.parametrize("reference", [{"env": "HOME"}, {"file": "/etc/hostname"}, {"file": "postroad.key"}])
async def test_references_are_refused_and_nothing_of_the_hub_is_read(site: RestSite, reference: Any) -> None:
    auth(DOCUMENT)["client_secret"] = reference
    refused = await site.post("/apply", DOCUMENT)
    auth(DOCUMENT)["client_secret"] = "s3cret"
    assert (refused.status, len(refused.pointers)) == (422, 1)
    assert refused.pointers[0].endswith("/config/auth/client_secret")
    assert await site.names("/organizations") == ["Nord"]


@pytest.mark.parametrize("raw", [b"", b"- 1", b"a: b: c", b"\xff", b"organizations: &a [*a]", b"organizations: 1"])
async def test_what_is_no_document_is_refused(site: RestSite, raw: bytes) -> None:
    assert (await site.ask("POST", "/apply", raw=raw, Content_Type="application/yaml")).status in (400, 422)

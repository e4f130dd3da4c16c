"""What REST and ``postroad apply`` make of the same words: one thing."""

import json
from typing import Any

import pytest

from fixtures.rest_site import RestSite

SIGNING = "whsec_" + "A" * 44
CONFIG = {
    "url": "https://127.0.0.1:1/",
    "auth": {
        "type": "oauth2_client_credentials",
        "token_url": "https://127.0.0.1:1/token",
        "client_id": "hub",
        "client_secret": {"env": "SECRET"},
    },
}
UPSTREAM = {
    "service_account": {"private_key": {"env": "SECRET"}},
}
RECEIVE = {
    "transport": "pubsub",
    "config": {"subscription": "projects/proj-1/subscriptions/hub", "service_account_key": {"env": "SECRET"}},
}
DOCUMENT: dict[str, Any] = {
    "organizations": [
        {
            "name": "Andes",
            "providers": [
                {"name": "gps", "protocol": "drivetech", "unknown_vehicles": "unassigned"},
                {"name": "cars", "protocol": "connected_cars", "receive": RECEIVE},
            ],
            "fleets": [{"name": "Trucks"}, {"name": "Vans"}],
            "vehicles": [{"plate": "AA 11", "fleet": "Trucks"}, {"vin": "WVWZZZ1JZXW000001", "plate": "BB22"}],
            "integrations": [
                {
                    "name": "insurer",
                    "destinations": [
                        {"name": "hook", "transport": "https", "config": CONFIG, "limits": {"concurrency": 3}},
                        {"name": "other", "transport": "https", "config": {"url": "https://127.0.0.1:1/"}},
                    ],
                    "subscriptions": [
                        {
                            "name": "positions",
                            "protocol": "connected_cars",
                            "destination": "hook",
                            "types": ["gps_position"],
                            "vehicles": {"fleets": ["Trucks"], "plates": ["BB 22"]},
                            "options": {"admin_events": False},
                            "delivery": {"linger_ms": 50},
                            "signing": {"secrets": [{"env": "SIGNING"}]},
                            "state": "paused",
                        },
                        {
                            "name": "chosen",
                            "protocol": "connected_cars",
                            "destination": "other",
                            "types": ["car_ignition", "gps_position"],
                            "vehicles": "chosen",
                        },
                    ],
                }
            ],
        },
        {"name": "Nord"},
    ]
}
GARAGE = "/organizations/Andes/integrations/garage"
SHARED: dict[str, Any] = {
    "name": "garage",
    "service": {"title": "Garage", "url": "https://garage.example/connect"},
    "destinations": [{"name": "hook", "transport": "https", "config": {"url": "https://127.0.0.1:1/"}}],
    "subscriptions": [
        {
            "name": "car",
            "protocol": "connected_cars_legacy",
            "destination": "hook",
            "types": ["position"],
            "vehicles": "granted",
            "options": {"scopes": ["vehicle_position"], "feed": "car"},
        }
    ],
}
DOCUMENT["organizations"][0]["integrations"].append(SHARED)
ENVIRONMENT = {"SECRET": "s3cret", "SIGNING": SIGNING}
INSURER = "/organizations/Andes/integrations/insurer"
PATHS = [
    "/organizations/Andes",
    "/organizations/Andes/providers/gps",
    "/organizations/Andes/providers/cars",
    "/organizations/Andes/fleets/Trucks",
    "/organizations/Andes/vehicles/3",
    "/organizations/Andes/vehicles/4",
    INSURER,
    GARAGE,
    GARAGE + "/destinations/hook",
    GARAGE + "/subscriptions/car",
    INSURER + "/destinations/hook",
    INSURER + "/destinations/other",
    INSURER + "/subscriptions/positions",
    INSURER + "/subscriptions/chosen",
]


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    rest_site.apply(DOCUMENT, environment=ENVIRONMENT)
    await rest_site.start()
    return rest_site


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_got_can_be_put_and_changes_nothing(site: RestSite, path: str) -> None:
    got = await site.get(path)
    assert got.status == 200, got
    version = site.store.version()
    put = await site.put(path, got.json)
    assert (put.status, put.body, put.etag) == (200, got.body, got.etag)
    assert site.store.version() == version


async def test_what_rest_puts_apply_finds_as_its_file_has_it(site: RestSite) -> None:
    """Everything of one organization, made by REST in another order than a file has."""
    andes = DOCUMENT["organizations"][0]
    assert (await site.delete("/organizations/Andes")).status == 204
    await site.put("/organizations/Andes", {})
    parts = [(f"/organizations/Andes/fleets/{one['name']}", {}) for one in andes["fleets"]]
    for of in andes["integrations"]:
        path = f"/organizations/Andes/integrations/{of['name']}"
        parts.append((path, {}))
        parts += [(f"{path}/destinations/{one['name']}", revealed(one)) for one in of["destinations"]]
        parts += [(f"{path}/subscriptions/{one['name']}", revealed(one)) for one in of["subscriptions"]]
    parts += [(f"/organizations/Andes/providers/{one['name']}", revealed(one)) for one in andes["providers"]]
    made = [await site.put(path, body) for path, body in parts]
    made += [await site.post("/organizations/Andes/vehicles", one) for one in andes["vehicles"]]
    assert [answer.status for answer in made] == [201] * len(made), made
    assert (await site.put(GARAGE, {"service": SHARED["service"]})).status == 200
    assert site.apply(DOCUMENT, environment=ENVIRONMENT, prune=True) == []


def revealed(part: dict[str, Any]) -> Any:
    """As a request has it: with the secrets that a file refers to."""
    text = json.dumps(part)
    for name, value in ENVIRONMENT.items():
        text = text.replace(json.dumps({"env": name}), json.dumps(value))
    return json.loads(text)


async def test_what_is_applied_is_got_in_its_own_words(site: RestSite) -> None:
    subscription = (await site.get(INSURER + "/subscriptions/positions")).json
    declared = DOCUMENT["organizations"][0]["integrations"][0]["subscriptions"][0]
    assert subscription == {
        **{key: value for key, value in declared.items() if key != "signing"},
        "vehicles": {"fleets": ["Trucks"], "plates": ["BB22"]},
        "drivers": "none",
        "id": 1,
        "paused_reason": None,
        "secrets": ["signing.secrets"],
    }
    destination = (await site.get(INSURER + "/destinations/hook")).json
    assert destination["config"] == {**CONFIG, "auth": {**CONFIG["auth"], "client_secret": None}}  # type: ignore[dict-item]
    assert (destination["secrets"], destination["limits"]) == (["config.auth.client_secret"], {"concurrency": 3})
    provider = (await site.get("/organizations/Andes/providers/cars")).json
    assert provider["receive"] == {**RECEIVE, "config": {**RECEIVE["config"], "service_account_key": None}}  # type: ignore[dict-item]
    assert provider["secrets"] == ["receive.config.service_account_key"]
    vehicle = (await site.get("/organizations/Andes/vehicles/3")).json
    assert (vehicle["plate"], vehicle["fleet"], vehicle["declared"]) == ("AA11", "Trucks", True)


async def test_what_a_service_stands_on_cannot_be_taken_from_under_it(site: RestSite) -> None:
    for refused in (
        await site.delete(GARAGE + "/subscriptions/car"),
        await site.put(GARAGE + "/subscriptions/car", {**SHARED["subscriptions"][0], "vehicles": "none"}),
    ):
        assert (refused.status in (409, 422), b"owners can share nothing" in refused.body) == (True, True)
    assert (await site.put(GARAGE, {"service": None})).json["service"] is None
    assert (await site.delete(GARAGE + "/subscriptions/car")).status == 204


async def test_a_service_is_put_once_it_can_be(site: RestSite) -> None:
    path = "/organizations/Andes/integrations/new"
    refused = await site.put(path, {"service": SHARED["service"]})
    assert (refused.status, refused.pointers) == (422, ["/service"])
    refused = await site.put(GARAGE, {"service": {"title": "Garage", "url": "http://garage.example/"}})
    assert (refused.status, refused.pointers) == (422, ["/service/url"])
    assert (await site.get(GARAGE)).json["service"] == SHARED["service"]

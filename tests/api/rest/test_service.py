"""What an integration is to owners of vehicles, by REST."""

import json
from typing import Any

import pytest

from fixtures.consent_page import declared, service_of
from fixtures.rest_site import RestSite
from postroad.registry import sharing

INSURER = "/organizations/shop/integrations/insurer"


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    rest_site.apply(declared(service_of("insurer", "Nordic Insurance")))
    await rest_site.start()
    return rest_site


def offered(site: RestSite) -> list[Any]:
    with site.store.reading() as connection:
        return [offer.service.title for offer in sharing.offers(connection).values()]


async def test_a_service_is_shown_put_and_taken_back(site: RestSite) -> None:
    shown = (await site.get(INSURER)).json
    assert shown["service"] == {"title": "Nordic Insurance", "url": "https://insurer.example/welcome?from=hub"}
    other = {"title": "Other", "url": "https://other.example/"}
    assert (await site.put(INSURER, {"service": other})).json["service"] == other
    assert offered(site) == ["Other"]
    assert (await site.put(INSURER, {"service": None})).json["service"] is None
    assert offered(site) == []
    refused = await site.put(INSURER, {"service": {**other, "url": "http://other.example/"}})
    assert (refused.status, "https" in json.dumps(refused.json)) == (422, True)


async def test_a_service_stays_when_something_else_of_its_integration_is_put(site: RestSite) -> None:
    for path in (INSURER + "/destinations/car", INSURER + "/subscriptions/car"):
        assert (await site.put(path, (await site.get(path)).json)).status == 200
    assert (await site.put(INSURER, {})).status == 200
    assert offered(site) == ["Nordic Insurance"]

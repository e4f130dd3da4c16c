"""Every GraphQL text of the source's page, unchanged, by an independent client, over a real socket.

Ids are what they are in the texts. Where the page shows an answer, it is that answer, but under the name of the field:
the page's lists stand under ``vehicles``, where no server that follows GraphQL could put them.
"""

from pathlib import Path
from typing import Any

import pytest
from gql import gql

from fixtures.graphql_site import GraphQLSite

TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in (Path(__file__).parent / "source").iterdir()}
OF_F, OF_G, ALONE = (51848, 51879, 51900), (1, 2, 3, 4, 5), 123
"""Numbers of the vehicles of fleet 1, of fleet 2, and of one that is in neither."""


def plate(number: int) -> str:
    return f"PL{number}"


@pytest.fixture
async def page(graphql_site: GraphQLSite) -> GraphQLSite:
    """What the texts speak of: integration 787, its topic 87, and vehicles that gave it access."""
    graphql_site.count_from(integrations=787, subscriptions=87)
    fleets = {plate(number): "F" for number in OF_F} | {plate(number): "G" for number in OF_G}
    graphql_site.declare(fleets | {plate(ALONE): None})
    for offset in (100_000, 0):  # past the numbers that others have still
        graphql_site.number({plate(number): number + offset for number in (*OF_F, *OF_G, ALONE)})
    for name in ("F", "G", plate(ALONE)):
        graphql_site.give(name)
    return graphql_site


async def run(page: GraphQLSite, name: str) -> Any:
    await page.start()
    async with page.client() as client:
        return await client.execute(gql(TEXTS[name]))


def streaming(page: GraphQLSite) -> set[int]:
    return {int(plate[2:]) for plate in page.streaming()}


def test_these_are_all_the_texts() -> None:
    assert sorted(TEXTS) == [
        "addVehicleDataStreams",
        "consentedIntegrationVehicles",
        "consentedIntegrationVehicles_2",
        "deleteAllVehicleDataStreams",
        "deleteVehicleDataStreams",
        "revokeIntegrationAccess",
        "revokeIntegrationAccess_2",
        "updateVehicleDataStream",
        "vehicleDataStreams",
        "vehicleDataStreams_2",
    ]


async def test_the_vehicles_that_consented_are_the_pages_own_down_to_its_cursors(page: GraphQLSite) -> None:
    answer = await run(page, "consentedIntegrationVehicles")
    unknown = {"vin": None, "unitSerial": None, "unitProvider": None}
    assert answer == {
        "consentedIntegrationVehicles": {
            "items": [{"id": "51848", "fleetId": 1, **unknown}, {"id": "51879", "fleetId": 1, **unknown}],
            "pageInfo": {
                "hasNextPage": True,
                "hasPreviousPage": False,
                "startCursor": "bz01MTg0OCUyMzUxODQ4",
                "endCursor": "bz01MTg3OSUyMzUxODc5",
            },
        }
    }


async def test_the_pages_own_cursor_leads_to_the_next_page(page: GraphQLSite) -> None:
    answer = (await run(page, "consentedIntegrationVehicles_2"))["consentedIntegrationVehicles"]
    assert [item["id"] for item in answer["items"]] == ["51900"]
    assert (answer["pageInfo"]["hasNextPage"], answer["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_streams_are_added(page: GraphQLSite) -> None:
    page.count_from(streams=787)
    assert await run(page, "addVehicleDataStreams") == {
        "addVehicleDataStreams": [
            {"id": 787, "vehicleId": 1, "integrationTopicId": 87, "referenceUrl": "test.com/1"},
            {"id": 788, "vehicleId": 2, "integrationTopicId": 87, "referenceUrl": "test.com/2"},
        ]
    }
    assert streaming(page) == {1, 2}


@pytest.mark.parametrize("name", ["vehicleDataStreams", "vehicleDataStreams_2"])
async def test_streams_are_listed(page: GraphQLSite, name: str) -> None:
    page.count_from(streams=787)
    page.add(plate(1), reference="test.com/1")
    page.add(plate(2), reference="test.com/2")
    if name == "vehicleDataStreams":
        page.add(plate(3))
    answer = (await run(page, name))["vehicleDataStreams"]
    assert answer["items"][:2] == [
        {"id": 787, "vehicleId": 1, "integrationTopicId": 87, "referenceUrl": "test.com/1"},
        {"id": 788, "vehicleId": 2, "integrationTopicId": 87, "referenceUrl": "test.com/2"},
    ]
    assert [item["vehicleId"] for item in answer["items"][2:]] == ([3] if name == "vehicleDataStreams" else [])
    assert (answer["pageInfo"]["hasNextPage"], answer["pageInfo"]["hasPreviousPage"]) == (False, False)


async def test_certain_streams_are_deleted(page: GraphQLSite) -> None:
    page.count_from(streams=1)
    page.add(*(plate(number) for number in OF_G), plate(ALONE))
    assert await run(page, "deleteVehicleDataStreams") == {"deleteVehicleDataStreams": True}
    assert streaming(page) == {ALONE}


async def test_all_streams_of_some_vehicles_are_deleted(page: GraphQLSite) -> None:
    page.add(*(plate(number) for number in OF_G), plate(ALONE))
    assert await run(page, "deleteAllVehicleDataStreams") == {"deleteAllVehicleDataStreams": True}
    assert streaming(page) == {ALONE}


async def test_a_stream_is_modified(page: GraphQLSite) -> None:
    page.count_from(streams=787)
    page.add(plate(1), reference="test.com/1")
    assert await run(page, "updateVehicleDataStream") == {
        "updateVehicleDataStream": {
            "id": 787,
            "vehicleId": 1,
            "integrationTopicId": 87,
            "referenceUrl": "newurl.com/1",
        }
    }


async def test_access_to_a_fleet_is_revoked_with_the_streams_of_its_vehicles(page: GraphQLSite) -> None:
    page.add(*(plate(number) for number in (*OF_F, 1, ALONE)))
    assert await run(page, "revokeIntegrationAccess") == {"revokeIntegrationAccess": True}
    assert streaming(page) == {1, ALONE}


async def test_access_to_a_vehicle_is_revoked_with_its_streams(page: GraphQLSite) -> None:
    page.add(*(plate(number) for number in (1, ALONE)))
    assert await run(page, "revokeIntegrationAccess_2") == {"revokeIntegrationAccess": True}
    assert streaming(page) == {1}

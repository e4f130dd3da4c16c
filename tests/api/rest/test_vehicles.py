"""Vehicles, the fleets they are in, and subjects of every kind."""

from typing import Any

import pytest

from fixtures.rest_site import RestSite

VEHICLES = "/organizations/Andes/vehicles"
FLEETS = "/organizations/Andes/fleets"
VIN = "WVWZZZ1JZXW000001"


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    hook = {"name": "hook", "transport": "https", "config": {"url": "https://127.0.0.1:1/"}}
    trucks = {"name": "trucks", "protocol": "connected_cars", "destination": "hook", "types": ["gps_position"]}
    insurer = {
        "name": "insurer",
        "destinations": [hook],
        "subscriptions": [trucks | {"vehicles": {"fleets": ["Trucks"]}}],
    }
    andes = {
        "name": "Andes",
        "providers": [{"name": "gps", "protocol": "drivetech"}],
        "fleets": [{"name": "Trucks"}, {"name": "Vans"}],
        "vehicles": [{"plate": "AA11", "fleet": "Trucks"}, {"plate": "BB22", "vin": VIN}],
        "integrations": [insurer],
    }
    rest_site.apply({"organizations": [andes, {"name": "Nord"}]})
    await rest_site.start()
    return rest_site


async def plates(site: RestSite, query: str = "") -> list[str]:
    return [item["plate"] for item in (await site.get(VEHICLES + query)).json["items"]]


def streaming(site: RestSite) -> set[str]:
    """The plates of the vehicles that have a stream."""
    view = site.store.view()
    subjects = [view.subjects[stream.subject_id] for stream in view.streams.values() if not stream.ended]
    return {str(one.plate) for one in subjects if one.kind == "vehicle"}


async def test_vehicles_are_found_by_fleet_and_by_what_they_are_known_by(site: RestSite) -> None:
    assert await plates(site) == ["AA11", "BB22"]
    assert await plates(site, "?fleet=Trucks") == ["AA11"]
    assert await plates(site, "?identifier=aa-11") == ["AA11"]
    assert await plates(site, f"?identifier={VIN.lower()}") == ["BB22"]
    assert await plates(site, f"?namespace=vin&identifier={VIN.lower()}") == ["BB22"]
    assert await plates(site, f"?namespace=plate&identifier={VIN}") == []
    assert await plates(site, "?namespace=vin") == ["BB22"]
    assert (await site.get(VEHICLES + "?fleet=Nothing")).status == 404


async def test_a_vehicle_is_created_once_and_then_found(site: RestSite) -> None:
    made = await site.post(VEHICLES, {"plate": "cc 33", "fleet": "Trucks"})
    assert (made.status, made.json["plate"], made.json["fleet"]) == (201, "CC33", "Trucks")
    assert (await site.ask("GET", made.headers["Location"].removeprefix("/api/v1"))).body == made.body
    assert streaming(site) == {"AA11", "CC33"}
    again = await site.post(VEHICLES, {"plate": "CC33", "vin": "WVWZZZ1JZXW000009"})
    assert (again.status, again.json["id"], again.json["vin"]) == (200, made.json["id"], "WVWZZZ1JZXW000009")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, [""]),
        ({"plate": ""}, ["/plate"]),
        ({"plate": "X" * 65}, ["/plate"]),
        ({"plate": "DD", "fleet": "Nothing"}, ["/fleet"]),
        ({"identifiers": {"nothing.here": "1"}}, ["/identifiers/nothing.here"]),
    ],
)
async def test_a_vehicle_is_checked_as_apply_checks_it(site: RestSite, body: Any, pointers: list[str]) -> None:
    for answer in (await site.post(VEHICLES, body), await site.put(VEHICLES + "/4", body)):
        assert (answer.status, answer.pointers or [""]) == (422, pointers)


async def test_what_a_vehicle_is_known_by_is_replaced_and_it_stays_the_same(site: RestSite) -> None:
    id_ = (await site.get(VEHICLES + "?identifier=BB22")).json["items"][0]["id"]
    moved = await site.put(f"{VEHICLES}/{id_}", {"plate": "NEW1", "fleet": "Trucks"})
    assert (moved.status, moved.json["id"]) == (200, id_)
    assert (moved.json["plate"], moved.json["vin"], moved.json["fleet"]) == ("NEW1", None, "Trucks")
    assert streaming(site) == {"AA11", "NEW1"}


async def test_what_another_vehicle_is_known_by_is_not_taken_from_it(site: RestSite) -> None:
    id_ = (await site.get(VEHICLES + "?identifier=BB22")).json["items"][0]["id"]
    refused = await site.put(f"{VEHICLES}/{id_}", {"plate": "AA11"})
    assert (refused.status, refused.pointers) == (422, ["/plate"])
    assert await plates(site) == ["AA11", "BB22"]


async def test_a_vehicle_that_is_retired_has_no_stream_and_its_plate_is_free(site: RestSite) -> None:
    id_ = (await site.get(VEHICLES + "?identifier=AA11")).json["items"][0]["id"]
    assert (await site.delete(f"{VEHICLES}/{id_}")).status == 204
    assert (await plates(site), streaming(site)) == (["BB22"], set())
    assert (await site.get(f"{VEHICLES}/{id_}")).status == 404
    assert (await site.get(f"/subjects/{id_}")).status == 404
    again = await site.post(VEHICLES, {"plate": "AA11"})
    assert (again.status, again.json["id"] != id_) == (201, True)


async def test_a_vehicle_moves_between_fleets(site: RestSite) -> None:
    id_ = (await site.get(VEHICLES + "?identifier=AA11")).json["items"][0]["id"]
    assert (await site.post(f"{FLEETS}/Vans/vehicles/{id_}")).status == 204
    assert (await plates(site, "?fleet=Vans"), streaming(site)) == (["AA11"], set())
    assert (await site.delete(f"{FLEETS}/Trucks/vehicles/{id_}")).status == 404  # it is not in that one
    assert (await site.delete(f"{FLEETS}/Vans/vehicles/{id_}")).status == 204
    assert await plates(site, "?fleet=Vans") == []
    assert (await site.post(f"{FLEETS}/Trucks/vehicles/{id_}")).status == 204
    assert streaming(site) == {"AA11"}


async def test_a_fleet_that_is_deleted_leaves_its_vehicles_in_none(site: RestSite) -> None:
    assert (await site.delete(FLEETS + "/Trucks")).status == 204
    assert (await site.names(FLEETS), streaming(site)) == (["Vans"], set())
    assert [item["fleet"] for item in (await site.get(VEHICLES)).json["items"]] == [None, None]


async def test_subjects_of_every_kind_are_listed(site: RestSite) -> None:
    site.store.create_vehicle(2, {"plate": "NN99"}, shard=0, issue=())
    items = (await site.get("/subjects")).json["items"]
    assert [item["kind"] for item in items] == ["fleet", "fleet", "vehicle", "vehicle", "vehicle"]
    assert items[0]["name"] == "Trucks"
    assert items[3]["identifiers"] == {"plate": ["BB22"], "vin": [VIN]}
    assert items[2]["fleet_id"] == items[0]["id"]
    assert items[2]["issued"].keys() >= {"connected_cars.vehicle_id"}
    (learnt,) = (await site.get("/subjects?organization=Nord&kind=vehicle")).json["items"]
    assert (learnt["declared"], learnt["created_at"].endswith("Z")) == (False, True)
    assert (await site.get(f"/subjects/{learnt['id']}")).json == learnt
    assert (await site.get("/organizations/Andes/drivers")).json == {"items": [], "next_cursor": None}


async def test_an_identifier_that_a_provider_uses_twice_is_shown_apart_and_put_back_untouched(site: RestSite) -> None:
    id_ = (await site.get(VEHICLES + "?identifier=AA11")).json["items"][0]["id"]
    for value in ("1", "2"):
        with site.store.transaction() as transaction:
            transaction.connection.exec_driver_sql(
                "INSERT INTO identifiers (organization_id, namespace, value, subject_id) "
                f"VALUES (1, 'connected_cars.vehicle', '{value}', {id_})"
            )
    shown = await site.get(f"{VEHICLES}/{id_}")
    assert (shown.json["identifiers"], shown.json["other_identifiers"]) == ({}, {"connected_cars.vehicle": ["1", "2"]})
    assert (await site.put(f"{VEHICLES}/{id_}", shown.json)).body == shown.body

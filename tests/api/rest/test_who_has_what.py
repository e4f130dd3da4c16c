"""Grants and streams by REST."""

import pytest

from fixtures.rest_site import RestSite

HOOK = {"name": "hook", "transport": "https", "config": {"url": "https://127.0.0.1:1/"}}
CHOSEN = {
    "name": "chosen",
    "protocol": "connected_cars",
    "destination": "hook",
    "types": ["gps_position"],
    "vehicles": "chosen",
}
GRANTED = CHOSEN | {"name": "granted", "vehicles": "granted"}


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    """Andes has a fleet with AA11, and BB22; Nord has an integration, the first, with two subscriptions."""
    nord = {
        "name": "Nord",
        "integrations": [{"name": "insurer", "destinations": [HOOK], "subscriptions": [CHOSEN, GRANTED]}],
    }
    andes = {
        "name": "Andes",
        "fleets": [{"name": "Trucks"}],
        "vehicles": [{"plate": "AA11", "fleet": "Trucks"}, {"plate": "BB22"}],
    }
    rest_site.apply({"organizations": [andes, nord]})
    rest_site.tokens |= {
        "andes": rest_site.key("fleet_owner", "Andes"),
        "insurer": rest_site.key("integration", "Nord/insurer"),
    }
    await rest_site.start()
    return rest_site


def vehicle(site: RestSite, plate: str) -> int:
    return next(one.id for one in site.store.view().subjects.values() if one.plate == plate)


def fleet(site: RestSite) -> int:
    return next(one.id for one in site.store.view().subjects.values() if one.kind == "fleet")


def streaming(site: RestSite, name: str = "granted") -> set[int]:
    view = site.hub.parts.following.view
    [mine] = [one.id for one in view.subscriptions.values() if one.name == name]
    return {one.subject_id for one in view.streams.values() if one.subscription_id == mine and not one.ended}


async def test_a_grant_that_is_given_opens_streams_and_ends_them_when_either_end_withdraws_it(site: RestSite) -> None:
    body = {"integration_id": 1, "subject_id": fleet(site)}
    given = await site.post("/grants", body, by="andes")
    assert (given.status, given.json["kind"], given.json["subject"]) == (201, "fleet", "Andes/Trucks")
    assert streaming(site) == {vehicle(site, "AA11")}, "the hub works by it when it is answered"
    again = await site.post("/grants", body, by="andes")
    assert (again.status, again.json) == (200, given.json)
    path = f"/grants/{given.json['id']}"
    for who in ("andes", "insurer", "operator"):
        assert (await site.get("/grants", by=who)).json["items"] == [given.json]
        assert (await site.get(path, by=who)).json == given.json
    assert (await site.delete(path, by="insurer")).status == 204
    assert (streaming(site), (await site.get(path)).status) == (set(), 404)
    assert (await site.delete(path, by="andes")).status == 404
    entries = site.store.audit_log.listed(limit=2)
    assert [(entry.action, entry.role) for entry in entries] == [("revoke", "integration"), ("create", "fleet_owner")]


async def test_what_is_not_there_or_not_his_is_granted_by_nobody(site: RestSite) -> None:
    mine = vehicle(site, "BB22")
    refused = await site.post("/grants", {"integration_id": 99, "subject_id": mine}, by="andes")
    assert (refused.status, refused.pointers) == (422, ["/integration_id"])
    nord = site.key("fleet_owner", "Nord")
    await site.seen()
    others = await site.post("/grants", {"integration_id": 1, "subject_id": mine}, by=nord)
    nobodys = await site.post("/grants", {"integration_id": 1, "subject_id": 999}, by=nord)
    assert (others.status, others.body) == (404, nobodys.body)
    assert (await site.get("/grants")).json["items"] == []


async def test_grants_are_found_by_either_end(site: RestSite) -> None:
    ids = [vehicle(site, "AA11"), vehicle(site, "BB22")]
    for id_ in ids:
        await site.post("/grants", {"integration_id": 1, "subject_id": id_})
    assert [one["subject_id"] for one in (await site.get(f"/grants?subject_id={ids[1]}")).json["items"]] == [ids[1]]
    assert (await site.get("/grants?integration_id=2")).json["items"] == []
    first = (await site.get("/grants?limit=1")).json
    second = (await site.get(f"/grants?limit=1&cursor={first['next_cursor']}")).json
    assert [one["subject_id"] for one in first["items"] + second["items"]] == ids
    assert second["next_cursor"] is None


async def test_a_stream_is_chosen_changed_ended_and_still_says_who_had_what(site: RestSite) -> None:
    mine, chosen = vehicle(site, "BB22"), 1
    await site.post("/grants", {"integration_id": 1, "subject_id": mine})
    body = {"subscription_id": chosen, "vehicle_id": mine, "reference_url": "https://customer.example/7"}
    made = await site.post("/streams", body, by="insurer")
    assert (made.status, made.json["ended"], made.json["reference_url"]) == (201, False, body["reference_url"])
    again = await site.post("/streams", body, by="insurer")
    assert (again.status, again.json["id"]) == (200, made.json["id"])
    path = f"/streams/{made.json['id']}"
    assert (await site.get(path, by="insurer")).json["from_position"] is not None, "it has begun"
    changed = await site.ask("PATCH", path, {"reference_url": None}, by="insurer")
    assert (changed.status, changed.json["reference_url"]) == (200, None)
    assert (await site.delete(path)).status == 204
    assert streaming(site, "chosen") == set()
    gone = (await site.get(path)).json
    assert (gone["ended"], gone["ended_at"] is None) == (True, False)
    assert (await site.delete(path)).kind == "conflict"
    listed = (await site.get(f"/streams?subject_id={mine}&ended=true")).json["items"]
    assert [one["id"] for one in listed] == [made.json["id"]]
    listed = (await site.get(f"/streams?subject_id={mine}&ended=false", by="insurer")).json["items"]
    assert [one["subscription_id"] for one in listed] == [2]
    assert (await site.get("/streams?subscription_id=1&limit=1")).json["next_cursor"] is None


async def test_what_a_grant_governs_is_not_ended_stream_by_stream(site: RestSite) -> None:
    await site.post("/grants", {"integration_id": 1, "subject_id": vehicle(site, "BB22")})
    [stream] = (await site.get("/streams")).json["items"]
    refused = await site.delete(f"/streams/{stream['id']}")
    assert (refused.status, refused.kind) == (409, "conflict")
    body = {"subscription_id": 2, "vehicle_id": vehicle(site, "BB22")}
    assert (await site.post("/streams", body)).status == 404
    assert streaming(site) == {vehicle(site, "BB22")}

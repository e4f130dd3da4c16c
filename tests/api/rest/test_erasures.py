"""Erasures: the operator asks for one, after a look at what it would do; receipts name nobody."""

import pytest

from fixtures.ops_site import OpsSite, refused_alike
from fixtures.site import soon
from postroad.api.rest.resources import showing

VEHICLE = {"kind": "vehicle", "name": "aa 1111"}


async def test_a_preview_says_what_would_be_erased_and_changes_nothing(ops: OpsSite) -> None:
    await ops.report()
    await ops.report("NN9999", by="nord-gps")
    version = ops.store.version()
    found = await ops.post("/erasures/preview", VEHICLE)
    assert (found.status, found.json["kind"], found.json["complete"]) == (200, "vehicle", True)
    assert found.json["items"] == 3, "the report, and that two subscriptions have the vehicle"
    assert found.json["subscriptions"] == ["claims", "repairs"]
    assert (ops.store.version(), ops.store.erasures()) == (version, [])


async def test_a_preview_that_had_no_time_says_so(ops: OpsSite, monkeypatch: pytest.MonkeyPatch) -> None:
    await ops.report()
    monkeypatch.setattr(showing, "LOOK_S", -1.0)
    assert (await ops.post("/erasures/preview", VEHICLE)).json["complete"] is False


async def test_one_that_is_asked_for_is_carried_out_and_its_receipt_names_nobody(ops: OpsSite) -> None:
    position = await ops.report()
    made = await ops.post("/erasures", VEHICLE, Idempotency_Key="k")
    assert (made.status, made.json["state"], made.json["asked_by"]) == (201, "asked", "operator")
    place = made.headers["Location"].removeprefix("/api/v1")

    async def erased() -> bool:
        return (await ops.ok(place))["state"] != "asked"

    await soon(erased)
    receipt = await ops.get(place)
    assert receipt.json["items"] >= 1
    assert [one["subscription"].rpartition("/")[2] for one in receipt.json["receivers"]] == ["claims", "repairs"]
    assert b"AA1111" not in receipt.body + made.body
    story = await ops.ok(f"/events/0:{position}/explanation")
    assert (story["intake"]["kind"], story["intake"]["body"]["data"]) == ("erased", "")
    again = await ops.post("/erasures", VEHICLE, Idempotency_Key="k")
    assert (again.status, again.body) == (201, made.body)
    assert (await ops.post("/erasures", VEHICLE)).status == 404, "nobody is called so any more"
    assert len(await ops.pages("/erasures")) == 1


async def test_an_auditor_sees_the_receipts_of_its_organization_and_nobody_else_any(ops: OpsSite) -> None:
    first = (await ops.post("/erasures", VEHICLE)).json["id"]
    second = (await ops.post("/erasures", {"kind": "vehicle", "name": "NN9999"})).json["id"]
    for name, expected in (
        ("operator", [second, first]),
        ("auditor", [second, first]),
        ("auditor of Andes", [first]),
        ("auditor of Nord", [second]),
        *((name, []) for name in ("owner", "insurer", "rival", "andes-gps")),
    ):
        assert [one["id"] for one in await ops.pages("/erasures", by=name)] == expected, name
    assert refused_alike(*[await ops.get(f"/erasures/{id_}", by="auditor of Andes") for id_ in (second, 99)])
    seen = await ops.seen_by(f"/erasures/{first}")
    assert {name for name, status in seen.items() if status == 200} == {"operator", "auditor", "auditor of Andes"}


@pytest.mark.parametrize("path", ["/erasures", "/erasures/preview"])
async def test_the_operator_alone_erases(ops: OpsSite, path: str) -> None:
    for name in ("auditor", "auditor of Andes", "owner", "insurer", "andes-gps"):
        assert (await ops.post(path, VEHICLE, by=name)).status == 404
    assert ops.store.erasures() == []


async def test_a_trip_is_its_providers_and_a_driver_no_ones(ops: OpsSite) -> None:
    refused = await ops.post("/erasures", {"kind": "trip", "name": "t1"})
    assert (refused.status, refused.pointers) == (422, ["/provider_id"])
    refused = await ops.post("/erasures", VEHICLE | {"provider_id": 1})
    assert (refused.status, refused.pointers) == (422, ["/provider_id"])
    refused = await ops.post("/erasures", {"kind": "trip", "name": "t1", "provider_id": 1, "organization": "Andes"})
    assert (refused.status, refused.pointers) == (422, ["/organization"])
    assert (await ops.post("/erasures", {"kind": "trip", "name": "t1", "provider_id": 99})).status == 404
    assert (await ops.post("/erasures", {"kind": "driver", "name": "nobody"})).status == 404
    assert (await ops.post("/erasures", VEHICLE | {"organization": "Nord"})).status == 404
    made = await ops.post("/erasures", {"kind": "trip", "name": "t1", "provider_id": ops.provider("andes-gps")})
    assert (made.status, made.json["kind"]) == (201, "trip")
    assert (await ops.post("/erasures", {"kind": "person", "name": "x"})).status in (400, 422)

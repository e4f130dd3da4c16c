"""Each documented answer of the six entrances, over a real socket into a real hub."""

import gzip
import itertools
import json
from typing import Any

import pytest

from fixtures.drivequant_hub import SERVICES, DriveQuantHub, crash, driver_deleted, trip, trip_deleted
from fixtures.site import soon
from postroad.errors import StoreUnavailable
from postroad.log.interface import MAX_PART_BYTES, UNASSIGNED, UNREADABLE
from postroad.protocols import drivequant
from postroad.simulate.drivequant_platform import Basic

BODIES: dict[str, dict[str, Any]] = {
    "trip": trip("t1", unknown={"kept": [1, 2.50]}),
    "trip_deleted": trip_deleted("t1"),
    "diagnosis": {"userInfo": {"userId": "ada"}, "permissions": {"location": False}},
    "crash": crash("c1"),
    "crash_report": {"crashId": "c1", "userId": "ada", "itinId": "t1", "anything": {"at": "all"}},
    "driver_deleted": driver_deleted(),
}


async def post(
    dq: DriveQuantHub, service: str, body: bytes, *, authorization: str | None = "", **headers: str
) -> tuple[int, dict[str, str], Any]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if authorization is not None:
        given["Authorization"] = authorization or Basic(dq.token_id, dq.token).header
    async with dq.session.post(dq.url(f"/in/drivequant/{service}"), data=body, headers=given) as response:
        return response.status, dict(response.headers), json.loads(await response.read())


async def test_each_service_is_answered_200_and_stored_as_it_was_sent(dq: DriveQuantHub) -> None:
    for number, service in enumerate(SERVICES):
        raw = json.dumps(BODIES[service], indent=1).encode()
        assert (await post(dq, service, raw))[::2] == (200, {})
        batch = (await dq.batches())[number]
        assert (list(batch.items()), batch.protocol) == ([raw], "drivequant")
        assert batch.kinds == bytes([drivequant.KINDS.index(service)])


async def test_without_good_credentials_it_is_401_never_403_and_nothing_is_read(dq: DriveQuantHub) -> None:
    wrong = (None, "Basic !!", "Bearer pat_AAAA", "Bearer prt_wrong", Basic(dq.token_id, "no").header)
    for service, authorization in itertools.product(SERVICES, wrong):
        status, headers, body = await post(dq, service, b"{", authorization=authorization)
        assert (status, body) == (401, {"error": "unauthorized"})
        assert "WWW-Authenticate" in headers
    assert await dq.batches() == []


async def test_the_token_itself_is_taken_as_a_password_and_as_a_bearer(dq: DriveQuantHub) -> None:
    for number, authorization in enumerate((Basic("any name", dq.token).header, f"Bearer {dq.token}")):
        assert (await post(dq, "trip", json.dumps(trip(f"t{number}")).encode(), authorization=authorization))[0] == 200


async def test_the_token_of_another_protocol_is_401(dq: DriveQuantHub) -> None:
    _, token = dq.registry.issue_token("gps", "test")
    await dq.hub.parts.following.refresh()
    assert (await post(dq, "trip", b"{}", authorization=f"Bearer {token}"))[0] == 401


async def test_json_that_can_be_no_item_is_stored_quarantined_and_answered_200(dq: DriveQuantHub) -> None:
    said = [
        ("trip", b"{}"),
        ("trip", b"[]"),
        ("trip", b"[" + b"1," * 200_000 + b"1]"),
        ("trip", b'"text"'),
        ("trip", b'{"itinId": {}}'),
        ("trip_deleted", b'{"event": "TRIP_DELETION"}'),
        ("trip_deleted", b'{"itinId": "t1", "event": "TRIP_EDITED"}'),
        ("crash", b"null"),
        ("driver_deleted", b'{"userId": "' + b"x" * 100 + b'"}'),
    ]
    for service, body in said * 2:
        assert (await post(dq, service, body))[::2] == (200, {})
    batches = await dq.batches()
    assert [list(batch.items()) for batch in batches] == [[body] for _, body in said], "the same again is known"
    assert {(batch.kinds, *batch.subjects) for batch in batches} == {(bytes([UNREADABLE]), UNASSIGNED)}
    assert len(await dq.hub.parts.logs[0].quarantined()) == len(said)


async def test_what_is_no_json_at_all_is_400_and_kept_for_viewing(dq: DriveQuantHub) -> None:
    bodies = [b"", b"{", b'{"itinId": "\xff"}', b"<html>", b"[" * 5000]
    for body in bodies:
        assert (await post(dq, "trip", body))[::2] == (400, {"error": "not_json"})
    assert await dq.batches() == []

    async def kept() -> bool:
        return [refusal.body for refusal in await dq.hub.parts.logs[0].refusals()] == bodies[::-1]

    await soon(kept)


async def test_an_empty_diagnosis_is_taken_each_time_it_comes(dq: DriveQuantHub) -> None:
    """It is a sign of life, and rightly the same every day; one that names nobody is survived too."""
    for body in (b"{}", b'{"userInfo": {"userId": "ada"}}', b"{}", b'{"userInfo": {"userId": "ada"}}'):
        assert (await post(dq, "diagnosis", body))[0] == 200
    assert [subject for _, subject in await dq.stored()] == [UNASSIGNED, dq.driver(), UNASSIGNED, dq.driver()]


async def test_a_resend_is_confirmed_and_stored_once_and_a_correction_is_stored(dq: DriveQuantHub) -> None:
    for said in (trip("t1"), trip("t1"), trip("t1", comments=[]), trip("t1")):
        assert await dq.say("trip", said) == 200
    assert [said for said, _ in await dq.stored()] == [trip("t1"), trip("t1", comments=[])]


async def test_a_trip_of_hours_is_kept_whole(dq: DriveQuantHub) -> None:
    route = {name: [1.25 + number for number in range(40_000)] for name in ("latitude", "longitude", "velocity")}
    raw = json.dumps(trip("t1", route=route)).encode()
    assert len(raw) > MAX_PART_BYTES
    assert (await post(dq, "trip", gzip.compress(raw), Content_Encoding="gzip"))[0] == 200
    [batch] = await dq.batches()
    assert list(batch.items()) == [raw]
    await dq.until(lambda: len(dq.received) == 1)
    assert dq.received[0]["route"] == route


async def test_a_body_over_the_limit_is_413(dq_hub: DriveQuantHub) -> None:
    await dq_hub.start(bulk_limit_bytes=1000)
    assert (await post(dq_hub, "trip", b" " * 1001))[::2] == (413, {"error": "too_large"})
    bomb = gzip.compress(b" " * 100_000)
    assert (await post(dq_hub, "trip", bomb, Content_Encoding="gzip"))[0] == 413
    await dq_hub.stop()


async def test_another_path_is_404_and_another_method_405(dq: DriveQuantHub) -> None:
    for path in ("", "/", "/trips", "/trip/", "/trip/x"):
        async with dq.session.post(dq.url("/in/drivequant" + path)) as response:
            assert response.status == 404
    async with dq.session.get(dq.url("/in/drivequant/trip")) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_a_store_that_cannot_take_it_is_503_and_the_same_is_taken_once_it_can(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = dq.hub.parts.logs[0]
    assert await dq.say("trip", trip("t0")) == 200
    monkeypatch.setattr(log, "submit", lambda _part, done: done(StoreUnavailable("disk_full", "no")))
    status, headers, body = await post(dq, "trip", json.dumps(trip("t1")).encode())
    assert (status, headers["Retry-After"], body) == (503, "5", {"error": "unavailable"})
    monkeypatch.undo()
    assert await dq.say("trip", trip("t1")) == 200
    assert [said["itinId"] for said, _ in await dq.stored()] == ["t0", "t1"]


async def test_a_driver_is_known_by_its_id_whatever_it_is_that_comes_first(dq: DriveQuantHub) -> None:
    for service in ("diagnosis", "trip", "crash"):
        assert await dq.say(service, BODIES[service]) == 200
    view = dq.registry.view()
    assert [subject.kind for subject in view.subjects.values()] == ["driver"]
    assert {subject for _, subject in await dq.stored()} == {dq.driver()}

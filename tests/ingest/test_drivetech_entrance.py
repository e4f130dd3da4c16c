"""The documented answers, over a real socket, by the short way and by the ordinary way through ASGI."""

import asyncio
import gzip
import json
from typing import Any

import msgspec
import pytest

from fixtures.drivetech import sample
from postroad.clock import from_us
from postroad.errors import StoreUnavailable
from postroad.log.interface import FLAG_AHEAD, FLAG_LATE

WAYS = {
    "short way": {},
    "ordinary way": {"headers": {"Expect": "100-continue"}},  # uvicorn serves this one through ASGI
    "chunked": {"chunked": True},
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    return WAYS[request.param]


async def test_a_legal_event_is_answered_as_documented_and_stored_as_sent(running: Any, client: Any, way: Any) -> None:
    raw = json.dumps(sample(extra="kept")).encode()
    assert (await client.post(raw, **way))[0::2] == (200, {"status": True, "description": "Successfully saved."})
    batch = (await running.hub.log.read(1))[0]
    assert list(batch.items()) == [raw]
    assert list(batch.subjects) == [7]


async def test_200_comes_only_after_the_log_has_it(running: Any, client: Any, way: Any) -> None:
    running.hub.log.held = []
    client.write(sample(), **way)
    await running.hub.log.holds.wait()
    assert client.reader._buffer in (b"", b"HTTP/1.1 100 Continue\r\n\r\n")
    running.hub.log.release()
    assert (await client.answer())[0] == 200


@pytest.mark.parametrize("token", [None, "wrong", ""])
async def test_a_missing_or_wrong_token_is_401_whatever_the_body(client: Any, way: Any, token: str | None) -> None:
    status, headers, body = await client.post(b"{}", token=token, **way)
    assert (status, body) == (401, {"status": False, "description": "Provider unauthorized"})
    assert headers["www-authenticate"] == "Bearer"


async def test_the_first_missing_field_is_named(client: Any, way: Any) -> None:
    incomplete = sample()
    del incomplete["plate"], incomplete["odometer"]
    status, _, body = await client.post(incomplete, **way)
    assert (status, body) == (400, {"status": False, "description": "Parameter plate is required"})


async def test_a_body_that_is_no_json_is_400(client: Any, way: Any) -> None:
    assert (await client.post(b"{", **way))[0::2] == (400, {"status": False, "description": "Invalid JSON body"})


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"\xff\xfe", b"[" * 5000])
async def test_any_other_body_is_400_and_never_500(client: Any, way: Any, body: bytes) -> None:
    status, _, told = await client.post(body[:4000], **way)
    assert status == 400
    assert told["status"] is False


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_405_and_says_which_is_allowed(client: Any, method: str) -> None:
    status, headers, body = await client.post(b"", method=method)
    assert (status, headers["allow"], body) == (405, "POST", {"status": False, "description": "Method not allowed"})


@pytest.mark.parametrize("path", ["/", "/provider/event/", "/provider/event/new/x", "/provider/event/new//"])
async def test_another_path_is_404(client: Any, path: str) -> None:
    assert (await client.post(sample(), path=path))[0::2] == (404, {"status": False, "description": "Not found"})


async def test_the_path_without_its_last_slash_is_served_without_a_redirect(client: Any, way: Any) -> None:
    assert (await client.post(sample(), path="/provider/event/new", **way))[0] == 200


async def test_a_body_over_the_limit_is_413(client: Any, way: Any) -> None:
    status, _, body = await client.post(sample(padding="x" * 5000), **way)
    assert (status, body["status"]) == (413, False)


async def test_gzip_is_inflated_and_what_was_meant_is_stored(running: Any, client: Any, way: Any) -> None:
    raw = json.dumps(sample()).encode()
    headers = way.get("headers", {}) | {"Content-Encoding": "gzip"}
    assert (await client.post(gzip.compress(raw), **way | {"headers": headers}))[0] == 200
    assert list((await running.hub.log.read(1))[0].items()) == [raw]


async def test_a_gzip_bomb_is_413(client: Any, way: Any) -> None:
    bomb = gzip.compress(b" " * 1_000_000)
    assert len(bomb) < 4096
    headers = way.get("headers", {}) | {"Content-Encoding": "gzip"}
    assert (await client.post(bomb, **way | {"headers": headers}))[0] == 413


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"{}" * 100, mtime=0)[:-4], b""])
async def test_broken_gzip_is_400(client: Any, body: bytes) -> None:
    assert (await client.post(body, headers={"Content-Encoding": "gzip"}))[0] == 400


async def test_an_unknown_content_encoding_is_400(client: Any) -> None:
    assert (await client.post(sample(), headers={"Content-Encoding": "br"}))[0] == 400


@pytest.mark.parametrize("reason", ["disk_reserve", "locked", "closed"])
async def test_a_store_that_cannot_take_it_is_503_with_retry_after(
    running: Any, client: Any, way: Any, reason: str
) -> None:
    running.hub.log.failure = StoreUnavailable(reason, "no")
    status, headers, body = await client.post(sample(), **way)
    assert (status, body) == (503, {"status": False, "description": "Service unavailable"})
    assert headers["retry-after"] == "5"
    running.hub.log.failure = None
    assert await running.hub.stored() == []
    assert (await client.post(sample(), **way))[0] == 200, "the same event is taken once the store can"
    assert len(await running.hub.stored()) == 1


async def test_more_waiting_than_the_limit_is_503(running: Any, client: Any) -> None:
    running.hub.log.held = []
    for number in range(60):
        client.write(
            sample(plate="KXRT41", odometer=number, datetime=f"2026-07-02T14:03:{number:02d}Z", pad="x" * 2000)
        )
    await asyncio.sleep(0.2)
    running.hub.log.release()
    statuses = [(await client.answer())[0] for _ in range(60)]
    assert set(statuses) == {200, 503}
    assert len(await running.hub.stored()) == statuses.count(200)


async def test_an_unforeseen_failure_is_500_and_the_next_request_works(running: Any, client: Any, way: Any) -> None:
    running.hub.settings_failure = RuntimeError("a defect")
    assert (await client.post(sample(), **way))[0::2] == (
        500,
        {"status": False, "description": "Internal server error"},
    )
    running.hub.settings_failure = None
    assert (await client.post(sample(), **way))[0] == 200


async def test_a_refused_event_is_kept_for_viewing_without_its_token(running: Any, client: Any) -> None:
    await client.post({"plate": "KXRT41", "note": "look at me"})
    (refusal,) = await running.hub.log.refusals()
    assert b"look at me" in refusal.body
    assert refusal.provider_id == 1
    assert b"prt_test-token" not in repr(refusal).encode()


async def test_a_resend_is_answered_200_and_stored_once_whatever_buff_says(running: Any, client: Any, way: Any) -> None:
    ignition = {"type": "IGN", "status": True, "duration": 5}
    assert (await client.post(sample(event=ignition), **way))[0] == 200
    assert (await client.post(sample(event=ignition, buff=True, plate="kx-rt 41"), **way))[0] == 200
    assert len(await running.hub.stored()) == 1
    assert (await client.post(sample(event=ignition | {"status": False}), **way))[0] == 200
    assert len(await running.hub.stored()) == 2, "another status is another event"


async def test_the_same_event_of_another_provider_is_no_resend(running: Any, client: Any) -> None:
    await client.post(sample())
    await client.post(sample(), token="prt_other-token")
    assert len(await running.hub.stored()) == 2


async def test_a_resend_that_overtakes_its_first_shares_its_fate(running: Any, client: Any) -> None:
    other = await running.connect()
    running.hub.log.held = []
    client.write(sample())
    await running.hub.log.holds.wait()
    other.write(sample(buff=True))
    await asyncio.sleep(0.05)
    assert other.reader._buffer == b"", "not answered while the first is not durable"
    (_, done) = running.hub.log.held[0]
    done(StoreUnavailable("io", "the disk went away"))
    assert (await client.answer())[0] == 503
    assert (await other.answer())[0] == 503


async def test_an_unknown_plate_becomes_a_vehicle_and_its_events_stay_in_order(running: Any, client: Any) -> None:
    for second in range(5):
        client.write(sample(plate="NEWW11", datetime=f"2026-07-02T14:03:0{second}Z"))
    assert [(await client.answer())[0] for _ in range(5)] == [200] * 5
    assert [vehicle.identifier for vehicle in running.hub.created] == ["NEWW11"]
    stored = await running.hub.stored()
    assert [item["datetime"][-3:-1] for item in stored] == ["00", "01", "02", "03", "04"]
    assert {item["subject"] for item in stored} == {101}


@pytest.mark.parametrize("failure", [StoreUnavailable("locked", "held by somebody"), RuntimeError("a defect")])
async def test_while_the_registry_fails_a_new_vehicle_is_503_and_later_it_is_made(
    running: Any, client: Any, failure: Exception
) -> None:
    running.hub.registry_failure = failure
    assert (await client.post(sample(plate="NEWW11")))[0] == 503
    assert (await client.post(sample()))[0] == 200, "known vehicles go on"
    running.hub.registry_failure = None
    assert (await client.post(sample(plate="NEWW11")))[0] == 200
    assert [item["subject"] for item in await running.hub.stored()] == [7, 101]


async def test_an_unknown_plate_stays_unassigned_where_the_provider_says_so(running: Any, client: Any) -> None:
    providers = running.hub.providers
    providers[1] = msgspec.structs.replace(providers[1], unknown_vehicles="unassigned")
    running.hub.use()
    assert (await client.post(sample(plate="NEWW11")))[0] == 200
    assert running.hub.created == []
    assert [item["subject"] for item in await running.hub.stored()] == [0]


async def test_late_and_ahead_are_marked(running: Any, client: Any, clock: Any) -> None:
    clock.us = 1_782_000_000_000_000
    for seconds, late in ((-10_000, True), (299, False), (301, False)):
        when = from_us(clock.us + seconds * 1_000_000).isoformat()
        assert (await client.post(sample(datetime=when, buff=late)))[0] == 200
    assert [item["flags"] for item in await running.hub.stored()] == [FLAG_LATE, 0, FLAG_AHEAD]

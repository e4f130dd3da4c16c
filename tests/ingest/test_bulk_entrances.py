"""Bulks over a real socket into a real hub: all of one is durable before its 200, and one bad item harms no other."""

import asyncio
import base64
import gc
import gzip
import json
import logging
import time
from typing import Any

import pytest

from fixtures.bulks import ACCOUNT, CAR, STREAMS, Bulks, event
from fixtures.site import soon
from postroad.errors import StoreUnavailable
from postroad.log.interface import MAX_PART_BYTES, MAX_PART_ITEMS, UNASSIGNED, UNREADABLE

SIGNUP = {"type": "user_signup", "userId": "U-1", "cars": [{"carId": "C-1", "vin": "WAUZZZ3GXJA123456"}]}
IGNITION = {"type": "ignition_on", "carId": "C-1", "time": "2026-01-01T12:30:10Z"}


def raws(items: list[Any]) -> list[bytes]:
    return [json.dumps(item).encode() for item in items]


async def test_a_full_bulk_is_stored_whole_and_in_order(bulks: Bulks) -> None:
    items = [event(number, vehicle=1 + number % 500) for number in range(10_000)]
    assert await bulks.post(items) == (200, {})
    assert await bulks.stored() == raws(items)
    batches = await bulks.batches()
    assert all(len(batch) <= MAX_PART_ITEMS and len(batch.body) <= MAX_PART_BYTES for batch in batches)
    view = bulks.hub.parts.following.view
    assert {view.subjects[subject].kind for batch in batches for subject in batch.subjects} == {"vehicle"}
    assert len({subject for batch in batches for subject in batch.subjects}) == 500
    assert view.version < 12, "new vehicles are made known in one change of the registry"


async def test_a_bulk_of_16_mib_is_taken_and_more_is_413(bulks: Bulks) -> None:
    limit = 16 * 1024 * 1024
    items = [event(number, note="x" * 8000) for number in range(2000)]
    body = json.dumps(items).encode()
    body += b" " * (limit - len(body))
    assert await bulks.post(body) == (200, {})
    assert await bulks.stored() == raws(items)
    assert await bulks.post(body + b" ") == (413, {"error": "too_large"})
    assert await bulks.post(gzip.compress(body + b" "), Content_Encoding="gzip") == (413, {"error": "too_large"})
    assert len(await bulks.stored()) == 2000


async def test_an_item_too_many_is_413_and_nothing_of_it_is_stored(bulks: Bulks) -> None:
    assert await bulks.post([event(number) for number in range(10_001)]) == (413, {"error": "too_many_items"})
    assert await bulks.post(b"[" + b"1," * 4_000_000 + b"1]") == (413, {"error": "too_many_items"})
    assert await bulks.stored() == []


async def test_the_limits_are_settings(bulks: Bulks) -> None:
    await bulks.hub.stop()
    await bulks.start(bulk_limit_items=2, bulk_limit_bytes=400)
    assert (await bulks.post([event(1), event(2)]))[0] == 200
    assert (await bulks.post([event(3), event(4), event(5)]))[1] == {"error": "too_many_items"}
    assert (await bulks.post([event(6, note="x" * 400)]))[1] == {"error": "too_large"}


async def test_no_step_of_a_full_bulk_holds_the_event_loop_for_long(bulks: Bulks) -> None:
    body = json.dumps([event(number, vehicle=number % 100) for number in range(10_000)]).encode()
    gaps, done = list[float](), asyncio.Event()

    async def measure() -> None:
        while not done.is_set():
            begun_s = time.thread_time()
            await asyncio.sleep(0)
            gaps.append(time.thread_time() - begun_s)

    await bulks.post([event(number, vehicle=number) for number in range(100)])  # its vehicles are known then
    gc.disable()  # of whatever else this process holds
    try:
        measuring = asyncio.create_task(measure())
        assert (await bulks.post(body))[0] == 200
        done.set()
        await measuring
    finally:
        gc.enable()
    assert max(gaps) < 0.02, "a slice is 2 ms of work, whoever else has the machine meanwhile"


@pytest.mark.parametrize("count", [1, 3, 5000])
async def test_one_bad_item_among_many_is_stored_in_its_place_and_quarantined(bulks: Bulks, count: int) -> None:
    items: list[Any] = [event(number) for number in range(count)]
    bad = {"type": "car_odometer_km", "vehicleId": 1, "id": 5, "value": 1}
    items.insert(count // 2, bad)
    assert await bulks.post(items) == (200, {})
    assert await bulks.stored() == raws(items)
    [one] = await bulks.quarantined()
    assert (one.reason, one.protocol, one.resolved_by) == ("time: missing", "connected_cars", None)
    found = [
        (batch.kinds[one.position - batch.position], batch.subjects[one.position - batch.position])
        for batch in await bulks.batches()
        if batch.position <= one.position < batch.end
    ]
    assert found == [(UNREADABLE, UNASSIGNED)]


async def test_whatever_an_element_is_the_others_are_taken(bulks: Bulks) -> None:
    elements = [
        b"1",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"type":7}',
        b'{"type":"x","vehicleId":1e99}',
        b'{"a":"\\ud800"}',
    ]
    good = json.dumps(event(1)).encode()
    assert await bulks.post(b"[" + b",".join([good, *elements]) + b"]") == (200, {})
    assert await bulks.stored() == [good, *elements]
    assert len(await bulks.quarantined()) == len(elements)


async def test_an_item_longer_than_a_part_is_kept_cut_off_and_the_others_whole(bulks: Bulks) -> None:
    items = [event(1), event(2, note="x" * (MAX_PART_BYTES + 10)), event(3)]
    assert (await bulks.post(items))[0] == 200
    stored = await bulks.stored()
    assert (stored[0], stored[2]) == (raws(items)[0], raws(items)[2])
    assert stored[1] == raws(items)[1][:MAX_PART_BYTES]
    assert [one.reason for one in await bulks.quarantined()] == ["too_large"]


NO_ARRAYS = [
    b"",
    b"[",
    b"]",
    b"{}",
    b"null",
    b"[{}",
    b"[{},]",
    b"[,{}]",
    b"[{}]]",
    b"[{}] x",
    b'["\xff"]',
    b"\xff\xfe[\0]\0",
]


@pytest.mark.parametrize("path", [STREAMS, ACCOUNT, CAR])
async def test_a_body_that_is_no_array_is_400_and_kept_for_viewing(bulks: Bulks, path: str) -> None:
    for body in NO_ARRAYS:
        status, told = await bulks.post(body, path=path, provider="streams" if path == STREAMS else "older")
        assert (status, told["error"] in {"not_json", "invalid"}) == (400, True), body
    assert await bulks.stored() == []
    log = bulks.hub.parts.logs[0]

    async def kept() -> bool:
        return [refusal.body for refusal in await log.refusals()] == NO_ARRAYS[::-1]

    await soon(kept)


async def test_damage_at_the_end_of_a_long_body_refuses_all_of_it(bulks: Bulks) -> None:
    body = json.dumps([event(number, note="},{" * 5) for number in range(4000)]).encode()
    assert len(body) > 512 * 1024
    for damage in (b",]", b", ]", b"x]", b"]]", b"", b",,{}]", b"{}]", b', "\xff"]'):
        assert (await bulks.post(body[:-1] + damage))[0] == 400, damage
    assert await bulks.stored() == []
    assert (await bulks.post(body))[0] == 200
    assert len(await bulks.stored()) == 4000


async def test_an_empty_bulk_is_taken(bulks: Bulks) -> None:
    assert await bulks.post(b" [ ] ") == (200, {})


async def test_a_bulk_that_is_sent_again_is_stored_once(bulks: Bulks) -> None:
    items: list[Any] = [*(event(number) for number in range(6000)), {"bad": 1}, event(5)]
    for _ in range(2):
        assert (await bulks.post(items))[0] == 200
    assert (await bulks.post([*items[:3000], event(9999)]))[0] == 200
    assert await bulks.stored() == raws([*items[:-1], event(9999)])
    await bulks.hub.stop()
    await bulks.start()
    assert (await bulks.post(items))[0] == 200
    assert len(await bulks.stored()) == 6002


async def test_two_bulks_of_the_same_at_once_are_stored_once(bulks: Bulks) -> None:
    items = [event(number) for number in range(3000)]
    answers = await asyncio.gather(*(bulks.post(items) for _ in range(4)))
    assert {status for status, _ in answers} == {200}
    assert sorted(await bulks.stored()) == sorted(raws(items))


async def test_a_repeat_that_overtakes_its_first_shares_its_fate(bulks: Bulks) -> None:
    log: Any = bulks.hub.parts.logs[0]
    submit, held = log.submit, []
    log.submit = lambda _part, done: held.append(done)
    items = [event(number) for number in range(100)]
    answers = [asyncio.create_task(bulks.post(items)) for _ in range(2)]
    await soon(lambda: sum(bulks.hub.parts.counts.duplicates.values.values()) == 100)
    assert not any(answer.done() for answer in answers)
    held[0](StoreUnavailable("disk_full", "no room"))
    assert [status for status, _ in await asyncio.gather(*answers)] == [503, 503]
    log.submit = submit
    assert (await bulks.post(items))[0] == 200
    assert await bulks.stored() == raws(items)


async def test_a_part_that_fails_fails_the_bulk_and_sending_it_again_completes_it(bulks: Bulks) -> None:
    log: Any = bulks.hub.parts.logs[0]
    submit, seen = log.submit, []

    def fails_second(part: Any, done: Any) -> None:
        seen.append(part)
        if len(seen) == 2:
            asyncio.get_running_loop().call_soon(done, StoreUnavailable("disk_full", "no room"))
        else:
            submit(part, done)

    log.submit = fails_second
    items = [event(number) for number in range(7000)]
    assert await bulks.post(items) == (503, {"error": "unavailable"})
    assert len(await bulks.stored()) == 4500
    assert (await bulks.post(items))[0] == 200
    assert sorted(await bulks.stored()) == sorted(raws(items))
    assert bulks.hub.parts.intake.queued_bytes == 0


async def test_a_bulk_for_which_there_is_no_room_is_503_and_nothing_is_kept(bulks: Bulks) -> None:
    await bulks.hub.stop()
    await bulks.start(queued_limit_bytes=1000)
    assert await bulks.post([event(number) for number in range(100)]) == (503, {"error": "unavailable"})
    assert await bulks.stored() == []
    assert (await bulks.post([event(1)]))[0] == 200
    assert bulks.hub.parts.intake.queued_bytes == 0


async def test_new_vehicles_that_cannot_be_made_known_fail_the_bulk(
    bulks: Bulks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_new: Any) -> None:
        raise StoreUnavailable("locked", "the registry is locked")

    with monkeypatch.context() as failing:
        failing.setattr(bulks.hub.parts.intake.subjects, "create", fails)
        assert (await bulks.post([event(1)]))[0] == 503
    assert await bulks.stored() == []
    assert (await bulks.post([event(1)]))[0] == 200


async def test_an_unknown_vehicle_is_accepted_also_where_it_is_not_to_be_made_known(bulks: Bulks) -> None:
    assert (await bulks.post([event(1, vehicle=77)], provider="strict"))[0] == 200
    [batch] = await bulks.batches()
    assert list(batch.subjects) == [UNASSIGNED]
    assert await bulks.quarantined() == []


async def test_who_may_send_is_known_by_a_bearer_token_or_by_it_as_a_password(bulks: Bulks) -> None:
    def basic(password: str) -> str:
        return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()

    assert (await bulks.post([event(1)], Authorization=basic(bulks.tokens["streams"])))[0] == 200
    for wrong in (basic("prt_no"), basic(bulks.tokens["older"]), "Basic !!", "Basic " + "QQ==", "Bearer", "Digest x"):
        assert await bulks.post([event(2)], Authorization=wrong) == (401, {"error": "unauthorized"})
    assert (await bulks.post([IGNITION], path=CAR, provider="streams"))[0] == 401
    assert len(await bulks.stored()) == 1


async def test_a_strangers_body_is_not_read(bulks: Bulks) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bulks.hub.port)
    writer.write(
        b"POST /in/connected_cars HTTP/1.1\r\nHost: hub\r\nContent-Length: 16000000\r\n\r\n" + b"x" * 1_100_000
    )
    assert b" 401 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()


async def test_gzip_is_taken_and_what_is_not_gzip_is_400(bulks: Bulks) -> None:
    body = json.dumps([event(number) for number in range(3000)]).encode()
    assert (await bulks.post(gzip.compress(body), Content_Encoding="gzip"))[0] == 200
    assert len(await bulks.stored()) == 3000
    assert (await bulks.post(body, Content_Encoding="gzip"))[0] == 400
    assert (await bulks.post(body, Content_Encoding="br"))[0] == 400


async def test_a_request_id_is_remembered_and_tells_no_repeats_apart(
    bulks: Bulks, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("first", "second"):
        assert (await bulks.post([event(1), {"bad": name}], X_Request_Id=name))[0] == 200
    assert (await bulks.post([event(2)], X_Request_Id="x" * 129))[0] == 200
    batches = await bulks.batches()
    assert [batch.request_id for batch in batches] == ["first", "second", ""]
    assert [len(batch) for batch in batches] == [2, 1, 1]
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.postroad_fields["request_id"] for record in warned] == ["first", "second"]  # type: ignore[attr-defined]


async def test_each_feed_of_the_older_push_has_its_own_url(bulks: Bulks) -> None:
    assert (await bulks.post([SIGNUP, IGNITION], path=ACCOUNT, provider="older"))[0] == 200
    assert (await bulks.post([SIGNUP, IGNITION], path=CAR, provider="older"))[0] == 200
    assert [one.reason for one in await bulks.quarantined()] == ["type: other_feed", "type: other_feed"]
    view = bulks.hub.parts.following.view
    kinds = [[view.subjects[s].kind if s else None for s in batch.subjects] for batch in await bulks.batches()]
    assert kinds == [["account", None], [None, "vehicle"]]
    account = next(s for s in view.subjects.values() if s.kind == "account")
    assert set(account.issued) == {"connected_cars_legacy.user_id"}


async def test_account_messages_are_never_taken_for_repeats(bulks: Bulks) -> None:
    for _ in range(2):
        assert (await bulks.post([SIGNUP], path=ACCOUNT, provider="older"))[0] == 200
    assert len(await bulks.stored()) == 2


async def test_what_has_no_time_of_its_own_has_no_lag_and_is_not_ahead(bulks: Bulks) -> None:
    assert (await bulks.post([SIGNUP], path=ACCOUNT, provider="older"))[0] == 200
    [batch] = await bulks.batches()
    assert batch.flags == b"\x00"
    lag = bulks.hub.parts.counts.recorded_to_received
    assert sum(sum(series.counts) for series in lag.values.values()) == 0
    assert (await bulks.post([IGNITION], path=CAR, provider="older"))[0] == 200
    assert sum(sum(series.counts) for series in lag.values.values()) == 1


async def test_errors_of_other_paths_are_not_in_a_vendors_shape(bulks: Bulks) -> None:
    assert await bulks.post(b"{}", path="/nowhere") == (404, {"error": "not_found"})
    async with bulks.session.put(bulks.url(STREAMS)) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
        assert await response.json() == {"error": "method_not_allowed"}
    async with bulks.session.put(bulks.url("/provider/event/new/")) as response:
        assert await response.json() == {"status": False, "description": "Method not allowed"}


async def test_a_bulk_by_the_ordinary_way_fares_the_same(bulks: Bulks) -> None:
    items = [event(number) for number in range(100)]
    body = json.dumps(items).encode()
    headers = {"Authorization": f"Bearer {bulks.tokens['streams']}"}
    async with bulks.session.post(bulks.url(STREAMS), data=body, headers=headers, expect100=True) as response:
        assert response.status == 200
    assert await bulks.stored() == raws(items)
    async with bulks.session.post(bulks.url(STREAMS), data=body, expect100=True) as response:
        assert response.status == 401


class Spans:
    """A tracer that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def request(self, traceparent: bytes | None, **about: Any) -> "Spans":
        self.told.append((traceparent, about["kind"], about["request_id"]))
        return self

    def stored(self, shard: int, position: int) -> None:
        self.told.append((shard, position))

    def end(self, failure: str | None) -> None:
        self.told.append(failure)


async def test_a_bulk_is_one_span_that_names_its_request_and_each_part(bulks: Bulks) -> None:
    spans = Spans()
    entrance: Any = next(one for one in bulks.hub.parts.entrances if one.paths == (STREAMS,))
    entrance._tracer = spans
    items = [event(number) for number in range(3000)]
    assert (await bulks.post(items, X_Request_Id="r-1", traceparent="00-a-b-01"))[0] == 200
    assert spans.told == [(b"00-a-b-01", "bulk", "r-1"), (0, 1), (0, 2501), None]

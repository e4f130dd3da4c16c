"""DriveQuant's six services, each from the first failure to the end of its contract, in virtual time.

The log, the router, the protocol's writer and the delivery are those of the hub; the customer has an endpoint for each
service, and one that fails is never the others' trouble.
"""

import json
from typing import Any

import pytest

from fixtures import drivequant
from fixtures.drivequant import CRASH, TRIP, crash, trip, trip_deleted
from fixtures.pipeline import failed
from fixtures.pushes import ENDPOINTS, Pushes, pushes_of
from postroad.protocols.contract import DAY_S
from postroad.protocols.drivequant import SLOTS

ANSWERS = pytest.mark.parametrize(
    "answer",
    [failed(), failed("rejected", status=409), failed("credentials", status=401), failed("timeout", status=None)],
    ids=["500", "409", "401", "timeout"],
)
"""The endpoint's fault or the push's own: a service's schedule is the same."""
MANY = 200
"""Pushes that find out together that their endpoint is dead: more than go before its circuit opens."""
BOUNDED = ("trip", "trip_deleted", "diagnosis", "crash_report")


async def until_next(post: Pushes, service: str, wait_s: float) -> None:
    """Nothing is sent before the instant, one push at it (a gate may round up by a millisecond)."""
    sent = len(post.attempted(service))
    await post.pass_time(wait_s - 1)
    assert len(post.attempted(service)) == sent
    await post.pass_time(1)
    if len(post.attempted(service)) == sent:
        await post.pass_time(0.002)
    assert len(post.attempted(service)) == sent + 1


async def start(post: Pushes, service: str, answer: Any) -> None:
    await post.use(pushes_of())
    post.answers[service] = answer
    await post.say(service, drivequant.body(service, post.clock.now_us()))
    assert len(post.attempted(service)) == 1


@ANSWERS
@pytest.mark.parametrize("service", BOUNDED)
async def test_a_push_goes_daily_thirty_times_and_is_then_a_dead_letter(
    pushes: Pushes, service: str, answer: Any
) -> None:
    await start(pushes, service, answer)
    for _ in range(29):
        assert await pushes.parked() == [service]
        await until_next(pushes, service, DAY_S)
    assert (await pushes.parked(), await pushes.dead()) == ([], [service])
    await pushes.pass_time(2 * DAY_S)
    assert len(pushes.attempted(service)) == 30
    assert len({body for _, body, _ in pushes.attempts}) == 1, "the very same body each time"


@ANSWERS
async def test_a_deleted_driver_is_told_daily_without_end(pushes: Pushes, answer: Any) -> None:
    await start(pushes, "driver_deleted", answer)
    for _ in range(400):
        await pushes.pass_time(DAY_S + 0.002)
    assert len(pushes.attempted("driver_deleted")) == 401
    assert (await pushes.parked(), await pushes.dead()) == (["driver_deleted"], [])
    del pushes.answers["driver_deleted"]
    await pushes.pass_time(DAY_S + 0.002)
    assert [service for service, _ in pushes.delivered] == ["driver_deleted"]
    assert await pushes.parked() == []


@ANSWERS
async def test_a_crash_goes_each_minute_for_half_an_hour_after_the_accident_and_then_daily_for_thirty_days(
    pushes: Pushes, answer: Any
) -> None:
    await start(pushes, "crash", answer)
    for _ in range(30):
        await until_next(pushes, "crash", 60)
    await until_next(pushes, "crash", DAY_S - 1800 - pushes_late_s(pushes))
    for _ in range(29):
        await until_next(pushes, "crash", DAY_S)
    await pushes.pass_time(2 * DAY_S)
    assert len(pushes.attempted("crash")) == 1 + 30 + 30
    assert await pushes.dead() == ["crash"]


def pushes_late_s(post: Pushes) -> float:
    """How much later than by the clock of the first attempt the last one was."""
    first_us, *_, last_us = post.attempted("crash")
    return (last_us - first_us) / 1e6 - 1800


async def test_a_crash_that_is_told_late_has_only_what_is_left_of_its_half_hour(pushes: Pushes) -> None:
    await pushes.use(pushes_of())
    pushes.answers["crash"] = failed()
    await pushes.say("crash", crash(pushes.clock.now_us() - 1_700_000_000))
    await until_next(pushes, "crash", 60)
    await until_next(pushes, "crash", DAY_S - 60)


@pytest.mark.parametrize("service", SLOTS)
async def test_a_push_that_is_taken_at_last_is_never_sent_again(pushes: Pushes, service: str) -> None:
    await start(pushes, service, failed())
    del pushes.answers[service]
    await pushes.pass_time(DAY_S + 1)
    [(delivered, _)] = pushes.delivered
    assert delivered == service
    await pushes.pass_time(40 * DAY_S)
    assert len(pushes.attempted(service)) == 2
    assert (await pushes.parked(), await pushes.dead()) == ([], [])


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_any_2xx_is_success(pushes: Pushes, status: int) -> None:
    await start(pushes, "trip", failed("unexpected", status=status))  # whatever the transport makes of it
    assert (await pushes.parked(), pushes.cursor()) == ([], 2)


async def test_a_push_names_the_driver_as_the_hub_issued_it(pushes: Pushes) -> None:
    await pushes.use(pushes_of())
    await pushes.say("trip", trip(), driver=2)
    [(_, body)] = pushes.delivered
    assert json.loads(body)["userId"] == "issued-2"
    assert b"drv-1042" not in body


# A gate for each URL


async def test_a_dead_trip_endpoint_holds_no_crash(pushes: Pushes) -> None:
    await pushes.use(pushes_of())
    pushes.answers["trip"] = failed()
    await pushes.say("trip", *(trip(f"trip-{n}") for n in range(MANY)))
    gates = pushes.manager.gates(1)
    assert (gates["trip"].state, gates["crash"].state) == ("open", "closed")
    tried = len(pushes.attempted("trip"))
    assert tried < MANY
    await pushes.say("crash", crash(pushes.clock.now_us()))
    assert [service for service, _ in pushes.delivered] == ["crash"]
    assert len(pushes.attempted("trip")) == tried
    del pushes.answers["trip"]
    for _ in range(20):
        await pushes.pass_time(60)
    assert len([service for service, _ in pushes.delivered if service == "trip"]) == MANY - tried
    assert await pushes.parked() == ["trip"] * tried
    await pushes.pass_time(DAY_S)
    await pushes.pass_time(60)
    assert await pushes.parked() == []


async def test_more_trips_than_the_window_holds_do_not_hold_a_crash_either(pushes: Pushes) -> None:
    await pushes.use(pushes_of(delivery={"window": 10}))
    pushes.answers["trip"] = failed()
    for first in range(0, MANY, 20):
        await pushes.say("trip", *(trip(f"trip-{n}") for n in range(first, first + 20)))
    await pushes.say("crash", crash(pushes.clock.now_us()))
    await pushes.pass_time(1)
    assert [service for service, _ in pushes.delivered] == ["crash"]
    del pushes.answers["trip"]
    for _ in range(30):
        await pushes.pass_time(60)
    for _ in range(30):
        await pushes.pass_time(DAY_S / 20)
    trips = [json.loads(body)["itinId"] for service, body in pushes.delivered if service == "trip"]
    assert sorted(trips) == sorted(f"trip-{n}" for n in range(MANY))
    assert (await pushes.parked(), pushes.cursor()) == ([], MANY + 2)


async def test_alone_in_its_subscription_a_service_waits_in_the_log_for_its_endpoint(pushes: Pushes) -> None:
    await pushes.use(pushes_of("trip", delivery={"window": 100}))
    assert set(pushes.manager.gates(1)) == {"trip"}
    pushes.answers["trip"] = failed()
    await pushes.say("trip", *(trip(f"trip-{n}") for n in range(2 * MANY)))
    assert len(await pushes.parked()) == len(pushes.attempted("trip")) < MANY
    assert pushes.cursor() <= MANY


async def test_services_that_share_a_url_share_its_gate(pushes: Pushes) -> None:
    shared = "trip,trip_deleted"
    await pushes.use(pushes_of(), urls={**ENDPOINTS, "trip": shared, "trip_deleted": shared})
    assert set(pushes.manager.gates(1)) == {shared, "crash", "crash_report", "diagnosis", "driver_deleted"}
    pushes.answers[shared] = failed()
    await pushes.say("trip", *(trip(f"trip-{n}") for n in range(MANY)))
    await pushes.say("trip_deleted", trip_deleted("another"))
    assert pushes.attempted("trip_deleted") == []


async def test_an_alert_ends_only_when_no_endpoint_has_reason_for_it(pushes: Pushes) -> None:
    await pushes.use(pushes_of())
    pushes.answers |= {"trip": failed(), "diagnosis": failed("credentials", status=403)}
    await pushes.say("trip", *(trip(f"trip-{n}") for n in range(MANY)))
    await pushes.say("diagnosis", drivequant.body("diagnosis", pushes.clock.now_us()))
    await pushes.say("crash", crash(pushes.clock.now_us()))
    assert pushes.overseer.standing == {"destination_failing", "credentials_refused"}
    assert pushes.overseer.alerts["destination_failing", 1].startswith("trip: ")
    pushes.answers.clear()
    await pushes.pass_time(60)
    assert pushes.overseer.standing == {"credentials_refused"}
    await pushes.pass_time(DAY_S)
    assert pushes.overseer.standing == set()


async def test_one_service_is_paused_and_activated_without_the_others(pushes: Pushes) -> None:
    trips, crashes = pushes_of("trip", "trip_deleted"), pushes_of("crash", id_=2)
    await pushes.use(trips, crashes)
    gate = pushes.manager.gates(1)["crash"]
    await pushes.use(pushes_of("trip", "trip_deleted", state="paused"), crashes)
    assert pushes.manager.gates(1)["crash"] is gate
    await pushes.say("trip", trip())
    await pushes.say("crash", crash(pushes.clock.now_us()))
    assert [service for service, _ in pushes.delivered] == ["crash"]
    await pushes.use(trips, crashes)
    assert [service for service, _ in pushes.delivered] == ["crash", "trip"]


async def test_a_service_without_a_url_is_not_delivered_and_is_said_once(
    pushes: Pushes, caplog: pytest.LogCaptureFixture
) -> None:
    only_crashes = {"crash": "crash"}
    for _ in range(2):
        await pushes.use(pushes_of(), pushes_of("crash", id_=2), urls=only_crashes)
    assert caplog.text.count("Subscription subscription-1 cannot be delivered: no URL for trip") == 1
    await pushes.say("crash", crash(pushes.clock.now_us()))
    assert [service for service, _ in pushes.delivered] == ["crash"]


async def test_what_is_parked_for_a_url_that_is_gone_ends_by_its_contract_and_holds_nothing(pushes: Pushes) -> None:
    await start(pushes, "trip", failed())
    pushes.answers[""] = failed("refused_address", status=None)
    await pushes.use(pushes_of("crash"), urls={"crash": "crash", "trip": ""})
    await pushes.say("crash", crash(pushes.clock.now_us()))
    assert [service for service, _ in pushes.delivered] == ["crash"]
    for _ in range(30):
        await pushes.pass_time(DAY_S + 0.002)
    assert await pushes.dead() == ["trip"]


async def test_in_bulk_order_several_urls_are_refused(pushes: Pushes, caplog: pytest.LogCaptureFixture) -> None:
    await pushes.use(pushes_of(delivery={"order": "bulk"}))
    assert "its types go to several URLs" in caplog.text
    await pushes.use(pushes_of("crash", delivery={"order": "bulk"}))
    await pushes.say("crash", crash(pushes.clock.now_us()))
    await pushes.pass_time(1)
    assert pushes.cursor() == 2


# Editions


async def test_a_trip_corrected_while_its_first_push_was_parked_arrives_once_and_corrected(pushes: Pushes) -> None:
    await start(pushes, "trip", failed())
    await pushes.pass_time(3600)
    del pushes.answers["trip"]
    await pushes.say("trip", trip(distance=12_500.0))
    await pushes.pass_time(3 * DAY_S)
    [(_, body)] = pushes.delivered
    assert json.loads(body)["itineraryStatistics"]["distance"] == 12_500.0
    assert await pushes.skipped() == ["superseded"]


async def test_a_trip_deleted_while_it_was_parked_arrives_as_the_deletion_only(pushes: Pushes) -> None:
    await start(pushes, "trip", failed())
    del pushes.answers["trip"]
    await pushes.say("trip_deleted", trip_deleted())
    await pushes.pass_time(40 * DAY_S)
    [(service, body)] = pushes.delivered
    assert service == "trip_deleted"
    assert json.loads(body)["itinId"] == TRIP
    assert len(pushes.attempted("trip")) == 1
    assert (await pushes.parked(), await pushes.skipped()) == ([], ["superseded"])


async def test_a_trip_deleted_while_its_push_was_under_way_is_not_tried_again(pushes: Pushes) -> None:
    await pushes.use(pushes_of())
    pushes.answers["trip"] = failed()
    pushes.open.clear()
    await pushes.say("trip", trip())
    await pushes.say("trip_deleted", trip_deleted())
    pushes.open.set()
    await pushes.pass_time(40 * DAY_S)
    assert [service for service, _ in pushes.delivered] == ["trip_deleted"]
    assert len(pushes.attempted("trip")) == 1


async def test_a_trip_that_comes_again_after_its_deletion_does_not_go_out(pushes: Pushes) -> None:
    await pushes.use(pushes_of())
    await pushes.say("trip_deleted", trip_deleted())
    await pushes.pass_time(60)
    await pushes.say("trip", trip(distance=1.0))
    await pushes.pass_time(DAY_S)
    assert [service for service, _ in pushes.delivered] == ["trip_deleted"]


async def test_a_report_does_not_take_the_place_of_its_crash(pushes: Pushes) -> None:
    await start(pushes, "crash", failed())
    await pushes.say("crash_report", drivequant.body("crash_report", pushes.clock.now_us()))
    del pushes.answers["crash"]
    await pushes.pass_time(61)
    assert [service for service, _ in pushes.delivered] == ["crash_report", "crash"]
    assert {json.loads(body)["crashId"] for _, body in pushes.delivered} == {CRASH}


async def test_diagnoses_take_no_place_of_one_another(pushes: Pushes) -> None:
    await start(pushes, "diagnosis", failed())
    del pushes.answers["diagnosis"]
    await pushes.say("diagnosis", drivequant.body("diagnosis", pushes.clock.now_us() + 1_000_000))
    await pushes.pass_time(DAY_S + 1)
    assert len(pushes.delivered) == 2

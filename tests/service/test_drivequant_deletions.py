"""Deletions stick: whatever overtakes whatever, and whatever waits, nothing of the deleted is kept or sent."""

import ast
import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from fixtures.drivequant_hub import DriveQuantHub, crash, driver_deleted, trip, trip_deleted
from fixtures.site import soon
from postroad.access.streams import StreamIndex
from postroad.errors import StoreUnavailable, WireError
from postroad.ingest.http import drivequant_services
from postroad.log.delivery import Changes, Posted
from postroad.log.interface import UNASSIGNED


async def test_a_deleted_trip_finds_the_driver_whose_it_was_and_is_passed_on(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip("t1")) == 200
    await dq.until(lambda: len(dq.received) == 1)
    assert await dq.say("trip_deleted", trip_deleted("t1")) == 200
    await dq.until(lambda: len(dq.received) == 2)
    assert [one["itinId"] for one in dq.received] == ["t1", "t1"]
    assert dq.received[1]["event"] == "TRIP_DELETION"
    assert await dq.stored() == [(trip("t1"), dq.driver()), (trip_deleted("t1"), dq.driver())]


async def test_a_trip_that_comes_after_its_deletion_is_confirmed_and_not_stored(dq: DriveQuantHub) -> None:
    assert await dq.say("trip_deleted", trip_deleted("late")) == 200
    assert await dq.say("trip", trip("late")) == 200
    assert await dq.say("trip", trip("late", firstname="corrected")) == 200
    assert await dq.say("trip", trip("other")) == 200
    await dq.until(lambda: len(dq.received) == 1)
    assert dq.received[0]["itinId"] == "other"
    assert await dq.stored() == [(trip_deleted("late"), UNASSIGNED), (trip("other"), dq.driver())]
    assert sum(dq.hub.parts.counts.deleted.values.values()) == 2


async def test_a_repeat_of_a_deleted_trip_does_not_come_back_not_even_after_a_restart(dq: DriveQuantHub) -> None:
    for service, said in (("trip", trip("t1")), ("trip_deleted", trip_deleted("t1"))):
        assert await dq.say(service, said) == 200
    await dq.stop()
    await dq.start()
    assert await dq.say("trip", trip("t1", firstname="again")) == 200
    assert await dq.say("trip_deleted", trip_deleted("t1")) == 200
    assert [said for said, _ in await dq.stored()] == [trip("t1"), trip_deleted("t1")]


async def test_a_trip_deleted_while_it_waits_is_not_sent_only_its_deletion(dq: DriveQuantHub) -> None:
    dq.status = 400  # parks it
    assert await dq.say("trip", trip("t1")) == 200
    await dq.attempted()
    dq.status = 200
    assert await dq.say("trip_deleted", trip_deleted("t1")) == 200
    await dq.until(lambda: len(dq.received) == 1)
    store = dq.hub.parts.logs[0].delivery

    async def superseded() -> bool:
        return [skip.reason for skip in await store.skips(1)] == ["superseded"]

    await soon(superseded)
    assert dq.received[0]["event"] == "TRIP_DELETION"
    assert await store.parked(1) == []


async def test_a_deletion_does_not_overtake_its_trip_that_is_being_stored(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = dq.hub.parts.logs[0]
    submit, held = log.submit, asyncio.Event()
    waiting: list[tuple[Any, Any]] = []

    def hold(part: Any, done: Any) -> None:
        waiting.append((part, done))
        held.set()

    monkeypatch.setattr(log, "submit", hold)
    first = asyncio.create_task(dq.say("trip", trip("t1")))
    await held.wait()
    deletion = asyncio.create_task(dq.say("trip_deleted", trip_deleted("t1")))
    other = asyncio.create_task(dq.say("trip_deleted", trip_deleted("t2")))
    monkeypatch.setattr(log, "submit", submit)
    assert await other == 200, "the deletion of another trip waits for nobody"
    assert not deletion.done()
    for part, done in waiting:
        submit(part, done)
    assert (await first, await deletion) == (200, 200)
    stored = [said for said, _ in await dq.stored()]
    assert stored.index(trip("t1")) < stored.index(trip_deleted("t1"))


async def test_a_deleted_driver_is_the_last_that_is_sent_of_it_and_nothing_that_waited_goes_out(
    dq: DriveQuantHub,
) -> None:
    dq.status = 400
    for number in range(3):
        assert await dq.say("trip", trip(f"t{number}")) == 200
        await dq.attempted()
    assert await dq.say("crash", crash("c1", driver="bob")) == 200
    await dq.attempted()
    dq.status, driver = 200, dq.driver()
    assert await dq.say("driver_deleted", driver_deleted()) == 200
    await dq.until(lambda: any("event" in one for one in dq.received))
    view = dq.hub.parts.following.view
    [stream] = [one for one in view.streams.values() if one.subject_id == driver]
    assert (stream.ended, view.subjects[driver].removed) == (True, True)
    said, subject = (await dq.stored())[-1]
    assert (said, subject) == (driver_deleted(), driver)
    assert [one for one in dq.received if "itinId" in one] == []
    streams = StreamIndex(view.streams)
    covered = [at for at in range(1, 6) if streams.covers(1, driver, at)]
    assert covered == [5] == [stream.farewell_position], "the trips that wait at 1 to 3 may not go any more"
    assert streams.covers(1, dq.driver("bob"), 4)


async def test_what_comes_of_a_deleted_driver_is_confirmed_and_not_stored(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip("t1")) == 200
    driver = dq.driver()
    assert await dq.say("driver_deleted", driver_deleted()) == 200
    assert await dq.say("trip", trip("t9")) == 200
    assert await dq.say("crash", crash("c9")) == 200
    assert await dq.say("diagnosis", {"userInfo": {"userId": "ada"}}) == 200
    assert await dq.say("driver_deleted", driver_deleted()) == 200
    assert await dq.say("trip_deleted", trip_deleted("t1")) == 200
    stored = await dq.stored()
    assert stored == [(trip("t1"), driver), (driver_deleted(), driver), (trip_deleted("t1"), UNASSIGNED)]
    assert await dq.say("trip", trip("t1", driver="bob")) == 200
    assert await dq.stored() == stored, "the tombstone of the trip does not need the driver"


async def test_a_driver_whom_nobody_knows_can_be_deleted_before_its_trips_come(dq: DriveQuantHub) -> None:
    assert await dq.say("driver_deleted", driver_deleted("new")) == 200
    assert await dq.say("trip", trip("t1", driver="new")) == 200
    assert [said for said, _ in await dq.stored()] == [driver_deleted("new")]
    assert dq.received == []


async def test_a_deleted_driver_who_is_not_named_is_stored_deletes_nobody_and_alerts(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip("t1")) == 200
    assert await dq.say("driver_deleted", {"event": "DRIVER_DELETION"}) == 200
    assert [alert.kind for alert in dq.registry.alerts()] == ["deleted_driver_unknown"]
    assert (await dq.stored())[-1] == ({"event": "DRIVER_DELETION"}, UNASSIGNED)
    assert not dq.registry.view().subjects[dq.driver()].removed
    assert await dq.say("driver_deleted", driver_deleted("bob")) == 200
    assert dq.registry.alerts() == [], "the next that names its driver clears it"


@pytest.mark.parametrize("service", ["trip_deleted", "driver_deleted"])
async def test_a_deletion_that_was_confirmed_is_told_after_a_kill(
    dq: DriveQuantHub, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await dq.say("trip", trip("t1")) == 200
    await dq.until(lambda: len(dq.received) == 1)

    async def never(*_: Any) -> Any:
        raise StoreUnavailable("closed", "killed before it was relayed")

    monkeypatch.setattr(dq.hub.parts.logs[0], "append", never)
    said = trip_deleted("t1") if service == "trip_deleted" else driver_deleted()
    assert await dq.say(service, said) == 200
    await dq.stop()
    await dq.start()
    await dq.until(lambda: len(dq.received) == 2)
    assert "event" in dq.received[1]
    assert [one for one, _ in await dq.stored()] == [trip("t1"), said]


async def test_a_registry_that_cannot_take_it_is_503_and_nothing_is_kept(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await dq.say("diagnosis", {"userInfo": {"userId": "ada"}}) == 200
    before = await dq.stored()
    registry = dq.hub.parts.monitoring._registry

    def locked() -> Any:
        raise StoreUnavailable("locked", "no")

    monkeypatch.setattr(registry, "transaction", locked)
    monkeypatch.setattr(registry, "acting", lambda _by: registry)
    for service, said in (
        ("trip", trip("t1")),
        ("trip_deleted", trip_deleted("t2")),
        ("driver_deleted", driver_deleted()),
    ):
        assert await dq.say(service, said) == 503
    monkeypatch.undo()
    assert await dq.stored() == before
    assert await dq.say("driver_deleted", driver_deleted()) == 200


async def test_what_is_redriven_from_quarantine_can_delete_and_does_not_bring_the_deleted_back(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = drivequant_services.drivequant.read

    def unable(*_: Any) -> Any:
        raise WireError("invalid", "itinId")

    assert await dq.say("trip", trip("t1")) == 200
    assert await dq.say("trip_deleted", trip_deleted("t2")) == 200
    monkeypatch.setattr(drivequant_services.drivequant, "read", unable)
    for service, said in (("trip_deleted", trip_deleted("t1")), ("trip", trip("t2")), ("trip", trip("t3"))):
        assert await dq.say(service, said) == 200
    monkeypatch.setattr(drivequant_services.drivequant, "read", read)
    before = await dq.stored()
    task = dq.registry.add_task("REDRIVE_QUARANTINE")

    async def finished() -> bool:
        return dq.registry.task(task.id).status == "COMPLETED"

    await soon(finished)
    assert (await dq.stored())[len(before) :] == [(trip_deleted("t1"), dq.driver()), (trip("t3"), dq.driver())]
    assert await dq.say("trip", trip("t1", firstname="again")) == 200
    assert len(await dq.stored()) == len(before) + 2


@pytest.mark.parametrize("paused", [False, True])
async def test_of_a_deleted_driver_no_body_stays_beside_the_log_parked_or_dead(dq: DriveQuantHub, paused: bool) -> None:
    """In the shard's file, among live rows; the log itself keeps what was said until its retention."""
    dq.status = 400
    for driver in ("ada", "bob"):
        for number in (1, 2):
            assert await dq.say("trip", trip(f"{driver}-{number}", driver=driver)) == 200
            await dq.attempted()
    store = dq.hub.parts.logs[0].delivery

    async def parked(count: int) -> bool:
        return len(await store.parked(1)) == count

    await soon(lambda: parked(4))
    first, *_ = await store.parked(1)
    if paused:
        await asyncio.to_thread(dq.registry.set_subscription_state, "drivers", "paused")
        await soon(lambda: not dq.hub.parts.manager.deliveries(1))
        dead = structs.replace(first, dead_us=first.received_us, due_us=None, reason="rejected")
        await store.settle(1, 1, Changes(posted=[Posted(dead)]))
    assert await dq.say("driver_deleted", driver_deleted("ada")) == 200
    await soon(lambda: parked(2 if paused else 3))  # of those that run, the word of the deletion
    skipped = {skip.reason for skip in await store.skips(1)}
    assert skipped == ({"access_ended", "dropped"} if paused else {"access_ended"})

    async def gone() -> bool:
        bodies = await asyncio.to_thread(letter_bodies, dq.folder / "shard-00.db")
        assert sum(b"bob-" in body for body in bodies) == 2
        return not any(b"ada-" in body for body in bodies)

    await soon(gone)  # three are parked for a moment, too, when only one of hers is gone


def letter_bodies(shard: Path) -> list[bytes]:
    """Every live body, read as another process would: the hub has the file open."""
    script = (
        "import sqlite3, sys; shard = sqlite3.connect(sys.argv[1]);"
        "print([body.hex() for (body,) in shard.execute('SELECT body FROM letter_body')])"
    )
    out = subprocess.run([sys.executable, "-c", script, str(shard)], capture_output=True, check=True).stdout
    return [bytes.fromhex(one) for one in ast.literal_eval(out.decode())]

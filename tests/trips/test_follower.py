"""Derived trips reach the log once each, whatever fails, and those who may have them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.clock import VirtualClock
from fixtures.pipeline import part, quiet, subscription, turns_during, view
from fixtures.pipeline import report as drivetech_report
from fixtures.trip_shard import START_US, derive, fleet_parts, follower, keys, recorded, wanting
from postroad.clock import from_us
from postroad.derive import TripSettings
from postroad.errors import StoreUnavailable
from postroad.log.interface import Part
from postroad.log.memory import MemoryLog
from postroad.model.documents import TrackPoint, Trip, TripDeleted
from postroad.model.header import OF_THE_HUB, Header
from postroad.protocols import READABLE, TARGETS, TRIP_TYPES, postroad
from postroad.protocols.base import Addressing
from postroad.protocols.drivetech import PROTOCOL
from postroad.registry.records import Stream
from postroad.routing.translation import BatchTranslation, Decoder
from postroad.trips.follower import ARRIVES_WITHIN_S
from postroad.trips.wanted import Wanted, wants_trips

SNAPSHOT = "trips-00.msgpack"
VEHICLES = 3
REPORTS = 260


@pytest.fixture
async def log(clock: VirtualClock) -> MemoryLog:
    """A shard with what a small fleet has reported."""
    log = MemoryLog(0, clock=clock)
    for arrived in fleet_parts(VEHICLES, REPORTS):
        await log.append(arrived)
    return log


async def test_trips_are_recorded_as_the_hubs_own_items_about_the_vehicle(
    log: MemoryLog, tmp_path: Path, clock: VirtualClock
) -> None:
    end = log.next_position
    await derive(log, tmp_path, wanting(1, 2, 3), clock)
    batches = await log.read(end)
    assert {batch.subjects[0] for batch in batches} == {1, 2, 3}
    assert {(batch.provider_id, batch.protocol) for batch in batches} == {(0, "postroad")}
    for batch in batches:
        [event] = BatchTranslation(batch, Decoder(READABLE), {}, wanting(1)).events(0)
        assert isinstance(event, Trip)
        assert event.derived
        assert event.header.subject_id == batch.subjects[0]
        assert batch.kinds[0] == postroad.KINDS.index("trip")
    assert len(set(keys(await recorded(log)))) == len(batches)


async def test_a_trip_is_told_to_everybody_who_has_the_vehicle(
    log: MemoryLog, tmp_path: Path, clock: VirtualClock
) -> None:
    end = log.next_position
    used = wanting(1)
    await derive(log, tmp_path, used, clock)
    translation = BatchTranslation((await log.read(end))[0], Decoder(READABLE), {}, used)
    assert translation.meant_for(0, 1)
    assert translation.meant_for(0, 2)


@pytest.mark.parametrize("used", [wanting(1, types=["crash"]), view(subscription(), streams=[(1, 1, 1)]), view()])
async def test_without_a_subscription_to_trips_nothing_is_read_or_kept(
    log: MemoryLog, tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, used: Any
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("nothing is to be read")

    monkeypatch.setattr(log, "read", refuse)
    one = follower(log, tmp_path, used, clock)
    await one.begin()
    await one.follow()
    one.routed()
    await one.save()
    assert one.position == log.next_position
    assert not (tmp_path / SNAPSHOT).exists()


async def test_only_what_lies_in_a_stream_counts(log: MemoryLog, tmp_path: Path, clock: VirtualClock) -> None:
    await derive(log, tmp_path, wanting(2), clock)
    assert {key.split(":")[1] for key, _ in keys(await recorded(log))} == {"2"}


def test_streams_that_have_ended_count_for_what_they_covered() -> None:
    used = wanting(1, 2, from_position=10)
    ended = {1: replace(used.streams[1], until_position=20, ended=True), 2: used.streams[2]}
    wanted = Wanted.of(replace(used, streams=ended), 0)
    assert [wanted.covers(1, position) for position in (9, 10, 19, 20)] == [False, True, True, False]
    assert wanted.covers(2, 20)
    assert wanted.first_position == 10
    assert not wanted.from_here(1, 20)
    assert not Wanted.of(replace(used, streams=ended), 1)


def test_the_types_that_tell_of_trips_are_those_in_which_a_target_writes_them() -> None:
    header = Header(subject_id=1, provider_id=OF_THE_HUB, recorded_us=1, received_us=1)
    path = (TrackPoint(recorded_us=0, latitude_deg=-33.4, longitude_deg=-70.6),)
    needed = {"damoov": {"base_url": "https://hub.example"}}
    documents = [
        Trip(header=header, key="derived:1:1", revision=1, started_us=0, ended_us=1, path=path, derived=True),
        TripDeleted(header=header, key="derived:1:1", revision=2),
    ]
    of_vehicle = Addressing(vehicle_id=4711, plate="KXRT41")
    for name, target in TARGETS.items():
        names = {slot: type_ for type_, slot in target.slots.items()}
        written = [
            one.slot
            for document in documents
            for one in target.write(
                document, to=of_vehicle, position=1, options=target.options_type(**needed.get(name, {}))
            )
        ]
        assert {names[slot] for slot in written} == TRIP_TYPES.get(name, frozenset())


def test_a_driver_has_no_derived_trips() -> None:
    used = wanting(1)
    driver = {1: replace(used.subjects[1], kind="driver")}
    assert not Wanted.of(replace(used, subjects=driver), 0)
    assert wants_trips(used.subscriptions[1])
    assert isinstance(used.streams[1], Stream)


async def test_what_was_not_routed_yet_is_left_for_later(log: MemoryLog, tmp_path: Path, clock: VirtualClock) -> None:
    routed = log.next_position // 2
    one = follower(log, tmp_path, wanting(1, 2, 3), clock, routed_to=lambda: routed)
    await one.begin()
    await one.follow()
    assert one.position == routed


async def test_others_work_while_it_reads_much(tmp_path: Path, clock: VirtualClock) -> None:
    log = MemoryLog(0, clock=clock)
    [batch] = fleet_parts(2, 30, at_once=60)
    await log.append(batch)
    one = follower(log, tmp_path, wanting(1, 2), clock)
    await one.begin()
    clock.us_a_look = 1_000
    assert await turns_during(one.follow()) >= 60 / 3


@pytest.mark.parametrize("snapshots", [True, False])
async def test_after_a_kill_anywhere_the_editions_are_the_same_and_there_once(
    log: MemoryLog, tmp_path: Path, clock: VirtualClock, snapshots: bool
) -> None:
    used, end = wanting(1, 2, 3), log.next_position
    for at in (60, 61, 200, 333, 500, 700):
        one = follower(log, tmp_path, used, clock, routed_to=lambda at=at: at)
        await one.begin()
        await one.follow()
        if snapshots and at % 2:
            await one.save()
    await derive(log, tmp_path, used, clock)
    made = await recorded(log)

    whole = MemoryLog(0, clock=clock)
    for batch in await log.read(1, max_bytes=1 << 30):
        if batch.position < end:
            await whole.append(replace_as_part(batch))
    (tmp_path / "whole").mkdir()
    await derive(whole, tmp_path / "whole", used, clock)
    assert sorted(made) == sorted(await recorded(whole))
    assert len(set(keys(made))) == len(made) > 5


def replace_as_part(batch: Any) -> Any:
    return Part(**{name: getattr(batch, name) for name in Part.__struct_fields__} | {"key": b""})


async def test_an_edition_that_could_not_be_appended_is_appended_later_and_no_snapshot_passes_it(
    log: MemoryLog, tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = follower(log, tmp_path, wanting(1, 2, 3), clock)
    await one.begin()
    append, fails = log.append, [True]

    async def failing(part: Any) -> Any:
        if fails[0]:
            raise StoreUnavailable("io", "made to fail")
        return await append(part)

    monkeypatch.setattr(log, "append", failing)
    with pytest.raises(StoreUnavailable):
        await one.follow()
    await one.save()
    assert not (tmp_path / SNAPSHOT).exists()
    fails[0] = False
    await one.follow()
    made = await recorded(log)
    await derive(log, tmp_path, wanting(1, 2, 3), clock)  # from the beginning: makes what was made
    assert await recorded(log) == made != []


async def test_a_lost_or_damaged_snapshot_is_made_anew_from_the_log(
    log: MemoryLog, tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    used, path = wanting(1, 2, 3), tmp_path / SNAPSHOT
    await derive(log, tmp_path, used, clock)
    made, snapshot = await recorded(log), path.read_bytes()
    for damaged in (
        b"",
        snapshot[:-3],
        snapshot[:2],
        b"\xff" * 40,
        snapshot.replace(b"\x93\x02\x00", b"\x93\x03\x00", 1),
    ):
        path.write_bytes(damaged)
        await derive(log, tmp_path, used, clock)
        assert path.read_bytes()[:4] == snapshot[:4]
    path.unlink()
    await derive(log, tmp_path, used, clock)
    assert await recorded(log) == made
    assert "made anew" in caplog.text


async def test_a_snapshot_of_another_epoch_is_not_used(log: MemoryLog, tmp_path: Path, clock: VirtualClock) -> None:
    await derive(log, tmp_path, wanting(1), clock)
    log.epoch += 1
    one = follower(log, tmp_path, wanting(1), clock)
    await one.begin()
    assert one.position == 1


async def test_an_item_that_cannot_be_read_stops_nobody(
    log: MemoryLog,
    tmp_path: Path,
    clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    read, count = PROTOCOL.read, [0]

    def sometimes(*given: Any) -> Any:
        count[0] += 1
        if count[0] % 50 == 0:
            raise RuntimeError("a defect")
        return read(*given)

    monkeypatch.setattr(type(PROTOCOL), "read", staticmethod(sometimes), raising=True)
    await derive(log, tmp_path, wanting(1, 2, 3), clock)
    assert "does not count for trips" in caplog.text
    assert len(await recorded(log)) > 5


async def test_it_follows_as_a_task_and_is_woken_by_the_router(tmp_path: Path, clock: VirtualClock) -> None:
    log = MemoryLog(0, clock=clock)
    one = follower(log, tmp_path, wanting(1, 2, 3), clock)
    task = asyncio.create_task(one.run())
    for arrived in fleet_parts(VEHICLES, REPORTS, at_once=60):
        await log.append(arrived)
        one.routed()
        while one.position < log.next_position:  # noqa: ASYNC110 - turns of the event loop, no time
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(await recorded(log)) > 5


async def broken_off(log: MemoryLog) -> int:
    """A vehicle reports that it drives, and then nothing more; when that arrived."""
    arrives_us = START_US
    for minute in range(6):
        arrives_us = START_US + minute * 60_000_000
        raw = drivetech_report(
            datetime=from_us(arrives_us).isoformat(),
            latitude=10 + minute / 100,
            odometer=1000 + minute,
            speed=60 if minute else 0,
            ign_input=minute > 0,
        )
        await log.append(part(1, raws=[raw], received_us=arrives_us, key=b"%d" % minute))
    return arrives_us


async def test_the_last_trip_of_a_vehicle_that_falls_silent_is_told_by_the_clock(
    tmp_path: Path, clock: VirtualClock
) -> None:
    log = MemoryLog(0, clock=clock)
    heard_us = await broken_off(log)
    clock.us = heard_us
    one = follower(log, tmp_path, wanting(1), clock)
    task = asyncio.create_task(one.run())
    silence_s = TripSettings().bridged_silence_s
    for _ in range(silence_s // 60):
        await quiet()
        clock.advance(60)
    await quiet()
    assert await recorded(log) == []
    clock.advance(60)
    await quiet()
    [raw] = await recorded(log)
    word = postroad.PROTOCOL.read(raw, postroad.Settings()).wire
    assert (word.ended_us, word.at_us) == (heard_us, heard_us + silence_s * 1_000_000)
    for _ in range(10):
        clock.advance(600)
        await quiet()
    assert await recorded(log) == [raw], "once"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("snapshot", [True, False])
@pytest.mark.parametrize("late_s", [0, 100_000])
async def test_when_the_clock_looked_and_whether_there_was_a_restart_makes_no_other_edition(
    tmp_path: Path, clock: VirtualClock, snapshot: bool, late_s: int
) -> None:
    log = MemoryLog(0, clock=clock)
    heard_us = await broken_off(log)
    used, due_us = wanting(1), heard_us + (TripSettings().bridged_silence_s + ARRIVES_WITHIN_S) * 1_000_000
    first = follower(log, tmp_path, used, clock)
    await first.begin()
    await first.follow()
    clock.us = due_us - 1
    await first.end_silent()
    assert await recorded(log) == []
    if snapshot:
        await first.save()
    clock.us = due_us + late_s * 1_000_000
    for _ in range(2):  # killed, and started again
        again = follower(log, tmp_path, used, clock)
        await again.begin()
        await again.follow()
        await again.end_silent()
    [raw] = await recorded(log)
    word = postroad.PROTOCOL.read(raw, postroad.Settings()).wire
    assert word.at_us == due_us - ARRIVES_WITHIN_S * 1_000_000


async def test_what_is_in_the_log_and_was_not_looked_at_is_no_silence(tmp_path: Path, clock: VirtualClock) -> None:
    log = MemoryLog(0, clock=clock)
    await broken_off(log)
    clock.us = START_US + 10**12
    one = follower(log, tmp_path, wanting(1), clock, routed_to=lambda: log.next_position - 1)
    await one.begin()
    await one.follow()
    await one.end_silent()
    assert await recorded(log) == []

"""Derived trips reach the log once each, whatever fails, and those who may have them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.clock import VirtualClock
from fixtures.pipeline import subscription, view
from fixtures.trip_shard import derive, fleet_parts, follower, keys, recorded, wanting
from postroad.errors import StoreUnavailable
from postroad.log.interface import Part
from postroad.log.memory import MemoryLog
from postroad.model.events import Trip
from postroad.protocols import READABLE, postroad
from postroad.protocols.drivetech import PROTOCOL
from postroad.registry.records import Stream
from postroad.routing.translation import BatchTranslation, Decoder
from postroad.trips.wanted import Wanted, wants_trips

SNAPSHOT = "trips-00.msgpack"
VEHICLES = 3
REPORTS = 260


@pytest.fixture
async def log(clock: VirtualClock) -> MemoryLog:
    """A shard with what a small fleet has reported."""
    log = MemoryLog(0, clock=clock)
    for part in fleet_parts(VEHICLES, REPORTS):
        await log.append(part)
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
        snapshot.replace(b"\x93\x01\x00", b"\x93\x02\x00", 1),
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
    for part in fleet_parts(VEHICLES, REPORTS, at_once=60):
        await log.append(part)
        one.routed()
        while one.position < log.next_position:  # noqa: ASYNC110 - turns of the event loop, no time
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(await recorded(log)) > 5

"""The follower: what it is shown and what it reads make the same index, and whose a dataset is is known."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.clock import VirtualClock
from fixtures.damoov_platform import frame
from fixtures.pipeline import part, quiet, subscription, turns_during, view
from postroad.datasets.follower import DatasetFollower
from postroad.datasets.index import DatasetIndex, Place
from postroad.datasets.instances import Instances
from postroad.errors import StoreUnavailable
from postroad.log.interface import Part
from postroad.log.memory import MemoryLog
from postroad.model.identifiers import DAMOOV_USER_ID, DRIVEQUANT_USER_ID
from postroad.protocols import READABLE, damoov, drivequant
from postroad.registry.records import RegistryView, Subject
from postroad.routing.translation import BatchTranslation, Decoder

URL = {"base_url": "https://hub.example"}
TYPES = tuple(one for one in damoov.SLOTS if one != damoov.OTHER)


def user(subject_id: int) -> str:
    return f"abcdef00-0000-4000-8000-{subject_id:012d}"


def instance(id_: int = 1, **changes: Any) -> Any:
    return subscription(id_, protocol="damoov", **{"types": TYPES, "options": URL} | changes)


def used(*subscriptions: Any, streams: Any = ((1, 1, 1), (1, 2, 1)), **changes: Any) -> RegistryView:
    subjects = {
        n: Subject(id=n, organization_id=1, kind="driver", shard=0, issued={DAMOOV_USER_ID: user(n)}) for n in (1, 2, 3)
    }
    return view(
        *(subscriptions or (instance(),)), streams=streams, **{"subjects": subjects, "provider_settings": {}} | changes
    )


def trips(*subjects: int, first: int = 0) -> Part:
    raws = [
        json.dumps(frame("drivequant", "trip-with-everything") | {"itinId": f"t{first + n}"}).encode()
        for n in range(len(subjects))
    ]
    return part(*subjects, raws=raws, protocol="drivequant", kinds=bytes([drivequant.KINDS.index("trip")] * len(raws)))


def track(number: int) -> Any:
    return uuid.UUID(damoov.track_token(1, f"t{number}"))


class Shard:
    """A shard in memory, its follower, and what the router would do."""

    def __init__(self, folder: Path, clock: VirtualClock, registry: RegistryView) -> None:
        self.log = MemoryLog(0, clock=clock)
        self.view = registry
        self.routed_to = 1
        self.decoder = Decoder(READABLE)
        self.decoder.use(registry)
        self.folder = folder
        self.clock = clock
        self.index: DatasetIndex
        self.follower: DatasetFollower
        self.open()

    def open(self) -> None:
        self.index = DatasetIndex(self.folder / "datasets-00.db", epoch=0, end=self.log.next_position)
        self.follower = DatasetFollower(
            self.log,
            self.index,
            decoder=self.decoder,
            view=lambda: self.view,
            routed_to=lambda: self.routed_to,
            clock=self.clock,
        )

    async def route(self, made: Part, *, shown: bool) -> None:
        at = (await self.log.append(made)).position
        [batch] = await self.log.read(at, max_bytes=1)
        if shown:
            self.follower.observe(BatchTranslation(batch, self.decoder, {}, self.view), range(len(batch)))
        self.routed_to = batch.end

    def found(self, number: int, kind: damoov.DatasetKind = "processed_track") -> Any:
        return self.index.find(track(number), kind)


@pytest.fixture
async def shard(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Shard]:
    shard = Shard(tmp_path, clock, used())
    yield shard
    shard.index.close()


@pytest.mark.parametrize("shown", [True, False])
async def test_what_is_shown_and_what_is_read_make_the_same_index(shard: Shard, shown: bool) -> None:
    shard.follower.begin()
    await shard.route(trips(1, 2), shown=shown)
    await shard.route(part(1), shown=shown)
    await shard.route(trips(1, first=2), shown=shown)
    await shard.follower.follow()
    assert [shard.found(n) for n in range(3)] == [Place(1, 1), Place(2, 2), Place(4, 1)]
    assert shard.found(0, "received_track") == shard.found(0)
    assert shard.follower.noted == shard.log.next_position


async def test_while_it_keeps_up_nothing_is_read_from_the_log(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    shard.follower.begin()
    await shard.route(trips(1), shown=True)
    read = shard.log.read
    monkeypatch.setattr(shard.follower._log, "read", None)
    await shard.follower.follow()
    monkeypatch.setattr(shard.follower._log, "read", read)
    assert shard.found(0)


async def test_only_what_an_instance_has_a_stream_of_is_noted(shard: Shard) -> None:
    shard.view = used(streams=[(1, 1, 2), (1, 2, 1)])
    shard.follower.begin()
    await shard.route(trips(1, 2, 3, 0), shown=False)
    await shard.route(trips(1, first=4), shown=False)
    await shard.follower.follow()
    assert [bool(shard.found(n)) for n in range(5)] == [False, True, False, False, True]


async def test_without_an_instance_nothing_is_read(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    shard.view = view(subscription(), streams=[(1, 1, 1)])
    await shard.route(trips(1), shown=False)
    monkeypatch.setattr(shard.log, "read", None)
    shard.follower.begin()
    await shard.follower.follow()
    assert shard.follower.noted == shard.routed_to


async def test_after_a_kill_it_goes_on_where_it_was_and_nothing_is_missing(shard: Shard) -> None:
    shard.follower.begin()
    await shard.route(trips(1), shown=True)
    await shard.follower.follow()
    await shard.route(trips(2, first=1), shown=True)  # pending as it is killed
    shard.open()
    assert shard.index.position == 2
    shard.follower.begin()
    await shard.follower.follow()
    assert shard.found(0) == Place(1, 1)
    assert shard.found(1) == Place(2, 2)


async def test_what_was_not_routed_yet_is_left_for_later(shard: Shard) -> None:
    await shard.route(trips(1, 2), shown=False)
    shard.routed_to = 2
    shard.follower.begin()
    await shard.follower.follow()
    assert (bool(shard.found(0)), bool(shard.found(1))) == (True, False)
    assert shard.follower.noted == 2


async def test_others_work_while_it_reads_much(shard: Shard) -> None:
    shard.view = used(streams=[(1, 1, 1)])
    shard.follower.begin()
    await shard.route(trips(*[2] * 60), shown=False)  # nothing to note: the index is written in a thread
    shard.clock.us_a_look = 1_000
    assert await turns_during(shard.follower.follow()) >= 60 / 4
    assert shard.follower.noted == shard.routed_to


async def test_while_the_index_cannot_be_written_it_is_tried_again_and_nothing_is_lost(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, refused = shard.index.note, []

    def refuse(*given: Any) -> None:
        refused.append(given)
        if len(refused) < 3:
            raise StoreUnavailable("io", "not now")
        note(*given)

    monkeypatch.setattr(shard.index, "note", refuse)
    shard.follower.begin()
    await shard.route(trips(1), shown=True)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await shard.follower.follow()
        assert shard.follower.noted < shard.routed_to
    await shard.follower.follow()
    assert shard.found(0)


async def test_an_item_that_cannot_be_read_holds_up_nobody(shard: Shard) -> None:
    spoilt = part(1, raws=[b"{"], protocol="drivequant", kinds=bytes([drivequant.KINDS.index("trip")]))
    shard.follower.begin()
    for shown in (True, False):
        await shard.route(spoilt, shown=shown)
    await shard.route(trips(1), shown=False)
    await shard.follower.follow()
    assert shard.found(0)


async def test_a_vehicles_trip_is_the_vehicles_in_notification_and_index_whoever_drove_it(shard: Shard) -> None:
    """A driver's token opens all that any instance has of him: who has only the vehicle must not be told it."""
    vehicle = Subject(id=1, organization_id=1, kind="vehicle", shard=0, issued={DAMOOV_USER_ID: user(1)})
    driver = replace(vehicle, id=2, kind="driver", issued={DAMOOV_USER_ID: user(2)})
    names = {(1, DRIVEQUANT_USER_ID, "noor.hale"): 2}
    shard.view = used(subjects={1: vehicle, 2: driver}, identifiers=names)
    shard.follower.begin()
    await shard.route(trips(1), shown=False)
    await shard.follower.follow()
    assert shard.found(0) == Place(1, 1)
    [batch] = await shard.log.read(1)
    translation = BatchTranslation(batch, shard.decoder, {"damoov": damoov.PROTOCOL}, shard.view)
    told = translation.outgoing(0, "damoov", damoov.Options(**URL))
    assert {json.loads(one.body)["UserId"] for one in told} == {user(1)}


async def test_who_waits_goes_on_when_it_is_reached(shard: Shard) -> None:
    shard.follower.begin()
    await shard.route(trips(1), shown=True)
    waiting = [asyncio.create_task(shard.follower.reach(position)) for position in (1, 2, 2)]
    await quiet()
    assert not waiting[1].done()
    await shard.follower.follow()
    await asyncio.gather(*waiting)


# Instances.


def test_an_instance_has_what_its_open_streams_give_of_the_kinds_that_its_types_announce() -> None:
    crashes = instance(2, types=("AccidentEventReceived", "HeartbeatReceived"))
    has = Instances.of(used(instance(types=("TrackEnrichmentFinished",)), crashes, streams=[(1, 1, 5), (2, 2, 1)]))
    assert has.first_position == 1
    assert [has.gives(1, position, "processed_track") for position in (4, 5)] == [False, True]
    assert not has.gives(1, 5, "received_track")
    assert not has.gives(1, 5, "accident")
    assert has.gives(2, 5, "accident")
    assert has.user(user(1).upper()) == 1
    assert has.user(user(9)) is None


def test_a_stream_that_has_ended_or_has_not_begun_gives_nothing() -> None:
    open_ = used()
    ended = {n: replace(one, ended=True, until_position=100) for n, one in open_.streams.items()}
    assert not Instances.of(replace(open_, streams=ended)).gives(1, 5, "accident")
    waiting = {n: replace(one, from_position=None) for n, one in open_.streams.items()}
    assert not Instances.of(replace(open_, streams=waiting))


def test_without_a_place_to_fetch_from_nothing_is_given_but_all_is_noted() -> None:
    has = Instances.of(used(instance(options={})))
    assert has.gives(1, 5)
    assert not has.gives(1, 5, "accident")


def test_other_protocols_have_no_instances_and_tokens_open_nothing_there() -> None:
    has = Instances.of(used(subscription(protocol="drivequant", types=("trip",))))
    assert not has
    assert has.user(user(1)) is None

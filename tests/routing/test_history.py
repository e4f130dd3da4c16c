"""What events are filled from: values as of their own time, whoever reads the log, from wherever."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from fixtures.clock import VirtualClock
from fixtures.pipeline import Road, part, quiet, subscription, view
from postroad.clock import from_us
from postroad.log.interface import Batch
from postroad.log.memory import MemoryLog
from postroad.protocols import READABLE, TARGETS, connected_cars
from postroad.protocols.base import Outgoing
from postroad.routing.feed import Feed
from postroad.routing.history import History, warm_from
from postroad.routing.translation import BatchTranslation, Decoder

PLATES = {1: "AA1", 2: "BB2"}
TYPES = ("GPS", "IGN", "IDLING", "HARSH_BEHAVIOR")
WINDOW_S = 60.0
S = 1_000_000


def used(*, first: int = 1, window_s: float = WINDOW_S) -> Any:
    """A subscription of two vehicles, whose streams begin at ``first``."""
    of = subscription(1, protocol="drivetech", types=TYPES, options={"max_fill_age_s": window_s})
    known = view(of, streams=[(1, 1, first), (1, 2, first)])
    subjects = {id_: structs.replace(one, plate=PLATES.get(id_)) for id_, one in known.subjects.items()}
    return structs.replace(known, subjects=subjects)


def said(kind: str, at_us: int, value: Any = None) -> bytes:
    """An item of Connected Cars: each says one thing, which is why a record must be filled."""
    body: dict[str, Any] = {"type": kind, "id": 1, "vehicleId": 1, "time": from_us(at_us).isoformat()}
    if kind == "gps_position":
        body |= {"latitude": -36.0, "longitude": -73.0, "speed": value, "direction": 90}
    else:
        body["value"] = value
    return json.dumps(body).encode()


def frames(*raws: bytes, subjects: Iterable[int] = ()) -> Any:
    kinds = bytes([connected_cars.PROTOCOL.kinds.index(json.loads(raw)["type"]) for raw in raws])
    return part(*(list(subjects) or [1] * len(raws)), raws=raws, protocol="connected_cars", kinds=kinds)


class Shard:
    """A log in memory, and the bodies that a feed makes of it."""

    def __init__(self, clock: Any, **options: Any) -> None:
        self.clock = clock
        self.log = MemoryLog(0, clock=clock)
        self._options = options
        self.road = self.open()

    def open(self) -> Road:
        road = Road(self.clock, log=self.log, used=used(**self._options))
        road.start()
        return road

    async def say(self, *raws: bytes, subjects: Iterable[int] = ()) -> int:
        appended = await self.log.append(frames(*raws, subjects=subjects))
        await quiet()
        return int(appended.position)

    async def events(self, *, position: int = 1) -> dict[tuple[int, int], Outgoing]:
        """By position and slot, as a feed that begins at ``position`` has them."""
        feed = self.road.feed(1, position=position)
        return await self.drained(feed)

    async def drained(self, feed: Feed) -> dict[tuple[int, int], Outgoing]:
        found: dict[tuple[int, int], Outgoing] = {}
        while not feed.following or feed.queue:
            if not feed.queue:
                await self.road.router.catch_up(feed)
            while feed.queue:
                item = feed.take()
                found |= {(item.position, event.slot): event for event in item.events}
        return found


@pytest.fixture
async def shard(clock: Any) -> Any:
    shard = Shard(clock)
    yield shard
    await shard.road.stop()


def body(event: Outgoing) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(event.body)
    return decoded


async def whole(shard: Shard, at_us: int, *, odometer: int = 1200, kmh: int = 0) -> None:
    await shard.say(
        said("can_odometer_km", at_us, odometer), said("gps_position", at_us, kmh), said("car_ignition", at_us, True)
    )


async def test_an_event_is_filled_with_the_newest_values_at_or_before_its_own_time(shard: Shard) -> None:
    now = shard.clock.now_us()
    await whole(shard, now - 30 * S, odometer=1000)
    await shard.say(said("can_odometer_km", now - 10 * S, 1001))
    at = await shard.say(said("car_ignition", now - 10 * S, False))
    event = (await shard.events())[at, 1]
    assert event.incomplete == ""
    assert (body(event)["odometer"], body(event)["state"], body(event)["plate"]) == (1001, "Ignition Off Rest", "AA1")


async def test_a_late_event_is_never_filled_with_what_is_newer_than_itself(shard: Shard) -> None:
    now = shard.clock.now_us()
    await whole(shard, now - 50 * S, odometer=1000, kmh=20)
    await whole(shard, now - 5 * S, odometer=1005, kmh=70)
    at = await shard.say(said("car_ignition", now - 40 * S, True), said("car_ignition", now - 5 * S - 1, True))
    events = await shard.events()
    for event in (events[at, 1], events[at + 1, 1]):
        assert (body(event)["odometer"], body(event)["speed"]) == (1000, 20)


@pytest.mark.parametrize(("age_s", "missing"), [(WINDOW_S, ""), (WINDOW_S + 0.001, "latitude")])
async def test_a_value_recorded_longer_ago_than_the_age_does_not_fill(shard: Shard, age_s: float, missing: str) -> None:
    now = shard.clock.now_us()
    await whole(shard, now - round(age_s * S))
    at = await shard.say(said("car_ignition", now, True))
    assert (await shard.events())[at, 1].incomplete == missing


async def test_a_value_stored_longer_ago_than_the_age_does_not_fill(shard: Shard) -> None:
    now = shard.clock.now_us()
    await whole(shard, now)
    shard.clock.advance(WINDOW_S + 1)
    at = await shard.say(said("car_ignition", now, True))
    assert (await shard.events())[at, 1].incomplete == "latitude"


async def test_the_first_field_that_nobody_knows_is_named(shard: Shard) -> None:
    now = shard.clock.now_us()
    first = await shard.say(said("car_ignition", now, True))
    await shard.say(said("gps_position", now, 3))
    second = await shard.say(said("car_ignition", now, False))
    events = await shard.events()
    assert (events[first, 1].incomplete, events[second, 1].incomplete) == ("latitude", "odometer")
    assert "odometer" not in body(events[second, 1])


async def test_nothing_from_another_vehicle_fills(shard: Shard) -> None:
    now = shard.clock.now_us()
    await whole(shard, now)
    at = await shard.say(said("car_ignition", now, True), subjects=[2])
    assert (await shard.events())[at, 1].incomplete == "latitude"


async def test_nothing_from_before_the_stream_fills(clock: Any) -> None:
    shard = Shard(clock, first=4)
    await whole(shard, clock.now_us())
    at = await shard.say(said("car_ignition", clock.now_us(), True))
    assert at == 4
    assert (await shard.events())[at, 1].incomplete == "latitude"
    await shard.road.stop()


async def test_without_a_plate_an_event_is_incomplete(shard: Shard) -> None:
    known = used()
    shard.road.use(structs.replace(known, subjects=view().subjects))
    await whole(shard, shard.clock.now_us())
    assert {event.incomplete for event in (await shard.events()).values()} == {"plate"}


async def test_a_vehicle_that_stands_idles_after_the_limit_and_not_before(clock: Any) -> None:
    shard = Shard(clock, window_s=900.0)
    now = clock.now_us()
    await whole(shard, now - 400 * S, kmh=30)
    states = []
    for seconds in (390, 100, 80, 0):
        at = await shard.say(said("gps_position", now - seconds * S, 0))
        states.append(body((await shard.events())[at, 0])["state"])
    assert states == ["Ignition On Rest", "Ignition On Rest", "Idling", "Idling"]
    await shard.road.stop()


def test_an_item_counts_once_however_often_it_is_learned(clock: Any) -> None:
    now, known = clock.now_us(), used()
    batch = frames(*(said("can_odometer_km", now - ago_s * S, 100 - ago_s) for ago_s in (3, 2, 1)))
    fields = {name: getattr(batch, name) for name in batch.__struct_fields__}
    decoder = Decoder(READABLE)
    decoder.use(known)
    translation = BatchTranslation(Batch(**fields, position=7, stored_us=now), decoder, TARGETS, known)
    history = History(frozenset({"odometer_km"}), 60 * S)

    def values() -> list[int]:
        return [value for _, value in history.all_of(1, first=1).before("odometer_km", now)]

    for index in (0, 1, 0, 1):
        history.learn(translation, index)
    assert list(history.at_item(translation, 1, first=1).before("odometer_km", now)) == [
        (now - 2 * S, 98),
        (now - 3 * S, 97),
    ]
    history.learn(translation, 2)
    assert values() == [99, 98, 97]
    history.forget()
    assert values() == []
    history.learn(translation, 0)
    assert values() == [97]


# Whoever reads, from wherever

kinds = st.sampled_from(["gps_position", "can_odometer_km", "car_ignition", "calc_vehicle_idle"])
says = st.tuples(st.just("say"), kinds, st.integers(-25, 0), st.integers(0, 60), st.sampled_from([1, 1, 1, 2]))
steps = st.lists(
    st.one_of(
        says,
        says,
        says,
        st.tuples(st.just("wait"), st.integers(1, 40)),
        st.tuples(st.just("drain")),
        st.tuples(st.just("restart"), st.booleans()),
    ),
    min_size=12,
    max_size=40,
)


async def told(script: list[Any], *, split: bool) -> dict[tuple[int, int], Outgoing]:
    """The events of a script: with its restarts and a queue that fills up, or read from the beginning at the end."""
    clock = VirtualClock()
    shard = Shard(clock)
    found: dict[tuple[int, int], Outgoing] = {}
    feed = shard.road.feed(1, position=1, limit_bytes=600)
    for step in script:
        match step:
            case "say", kind, ago_s, number, subject:
                value = number % 2 == 0 if kind in ("car_ignition", "calc_vehicle_idle") else number
                raw = said(kind, clock.now_us() + ago_s * S, value)
                await shard.log.append(frames(raw, subjects=[subject]))
            case "wait", seconds:
                clock.advance(seconds)
            case _ if not split:
                continue
            case ("drain",):
                await quiet()
                found |= await shard.drained(feed)
            case _, drained:  # what was not drained is lost from memory; a new router and feed go on behind it
                await quiet()
                found |= await shard.drained(feed) if drained else {}
                position = feed.queue[0].position if feed.queue else feed.resume_at
                if feed.following and not feed.queue:
                    position = shard.road.router.routed_to
                await shard.road.stop()
                shard.road = shard.open()
                feed = shard.road.feed(1, position=position, limit_bytes=600)
    await quiet()
    found |= await (shard.drained(feed) if split else shard.events())
    await shard.road.stop()
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=steps)
def test_what_is_sent_is_the_same_live_in_catching_up_and_after_restarts(script: list[Any]) -> None:
    assert asyncio.run(told(script, split=True)) == asyncio.run(told(script, split=False))


# Where to read back from


@given(
    stored=st.lists(st.integers(0, 30), min_size=1, max_size=30).map(sorted),
    sizes=st.lists(st.integers(1, 4), min_size=30, max_size=30),
    at=st.integers(0, 29),
    window=st.integers(0, 31),
)
@settings(deadline=None)
def test_the_log_is_read_back_from_the_first_item_of_the_window_and_no_earlier(
    stored: list[int], sizes: list[int], at: int, window: int
) -> None:
    at = min(at, len(stored) - 1)
    batches: list[Batch] = []
    position = 5
    for us, size in zip(stored, sizes, strict=False):
        one = part(*[1] * size)
        fields = {name: getattr(one, name) for name in one.__struct_fields__}
        batches.append(Batch(**fields, position=position, stored_us=us))
        position += size + (7 if us % 3 == 0 else 0)  # with holes

    class Log:
        first_position = 5

        async def read(self, position: int, *, max_bytes: int) -> list[Batch]:
            assert max_bytes == 1
            return [batch for batch in batches if batch.end > position][:1]

    found = asyncio.run(warm_from(Log(), batches[at].position, window, now_us=10**9))  # type: ignore[arg-type]
    counts = [batch for batch in batches[:at] if batch.stored_us >= stored[at] - window]
    for batch in batches[:at]:
        assert (batch.end > found) == (batch in counts)

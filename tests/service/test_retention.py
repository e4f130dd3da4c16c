"""Retention with its subscriptions, in virtual time: what is lost is recorded, exactly, before it goes."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from fixtures.lane import Overseer
from fixtures.pipeline import Road, Transport, failed, paused, quiet, report, subscription, view
from postroad.access.confirmed import Confirmation
from postroad.delivery.delivery import Bulk
from postroad.delivery.expiry import Expiry
from postroad.delivery.manager import DeliveryManager, Shard
from postroad.delivery.pressure import PressureGauge
from postroad.errors import ConfigError, StoreUnavailable
from postroad.log.delivery import NO_CHANGES, Changes, Skip
from postroad.log.memory import MemoryLog
from postroad.metrics.counts import Counts
from postroad.protocols import TARGETS
from postroad.registry.records import Destination, RegistryView, Subscription
from postroad.service.housekeeping import Retention
from postroad.service.outbound import gap_reporter, loss_reporter
from postroad.settings import LogSettings
from postroad.transports.base import Delivered, Outcome

ITEM = len(report())
"""Bytes of an item in the log."""
QUEUE_BYTES = 1000
"""Room for two or three events in memory."""
DAY_S = 86_400.0


class Log(MemoryLog):
    """A shard that can be out of order, and whose disk may be full."""

    def __init__(self, clock: Any) -> None:
        super().__init__(0, clock=clock)
        self.refused: set[int] = set()
        """Subscriptions of which nothing can be made durable."""
        self.under_reserve = False
        self.killed = False
        """Nothing more is removed: the process is gone."""
        settle = self.delivery.settle

        async def settled(subscription_id: int, position: int, changes: Changes = NO_CHANGES) -> None:
            if subscription_id in self.refused:
                raise StoreUnavailable("io", "no")
            await settle(subscription_id, position, changes)

        self.delivery.settle = settled  # type: ignore[method-assign]  # the store that the engine made itself

    async def probe(self) -> None:
        if self.under_reserve:
            raise StoreUnavailable("disk_reserve", "nearly full")

    async def retain(self, **limits: Any) -> Any:
        if self.killed:
            raise StoreUnavailable("closed", "the process is gone")
        return await super().retain(**limits)


class House:
    """A hub's deliveries and its retention, over one log that outlives them."""

    def __init__(self, clock: Any, *, max_items: int = 1000, log: Log | None = None) -> None:
        self.clock = clock
        self.log = log or Log(clock)
        self.counts = Counts()
        self.overseer = Overseer()
        self.max_bytes = max_items * ITEM
        self.down: set[int] = set()
        """Destinations that fail."""
        self.unknown: set[int] = set()
        """Destinations that cannot be opened."""
        self.delivered: dict[int, list[int]] = {}
        """By subscription, the positions that went through."""
        self._begin()

    def _begin(self) -> None:
        self.road = Road(self.clock, log=self.log, used=view())
        self.road.router._gap = gap_reporter(self.counts, self.overseer, self.log)
        self.road.start()
        shards = {0: Shard(self.log, self.road.router)}
        self.manager = DeliveryManager(
            shards,
            targets=TARGETS,
            open_transport=self._open,
            observe=self._observe,
            overseer=self.overseer,
            confirmed=Confirmation(self.clock, within_s=math.inf),
            view=lambda: self.road.view,
            clock=self.clock,
            random=lambda: 0.0,
            queue_bytes=QUEUE_BYTES,
        )
        expiry = Expiry(
            self.manager,
            shards,
            decoder=self.road.decoder,
            targets=TARGETS,
            view=lambda: self.road.view,
            lost=loss_reporter(self.counts, self.overseer),
            clock=self.clock,
        )
        self.gauge = PressureGauge(self.overseer, view=lambda: self.road.view, max_bytes=self.max_bytes)
        self.retention = Retention(
            {0: self.log},  # type: ignore[dict-item]  # it has what retention asks of a log on disk
            self.manager,
            fetching=lambda _shard, _cursors: {},
            expiry=expiry,
            gauge=self.gauge,
            view=lambda: self.road.view,
            limits=LogSettings(max_bytes=self.max_bytes, retention_days=7),
            clock=self.clock,
        )

    def _open(self, to: Destination) -> Transport:
        if to.id in self.unknown:
            raise ConfigError("its secret cannot be opened")
        house = self

        class Scripted(Transport):
            async def send(self, message: Any) -> Outcome:
                await asyncio.sleep(0)
                return failed() if to.id in house.down else await super().send(message)

        return Scripted(self.clock)

    def _observe(self, _shard: int, id_: int, bulk: Bulk, _attempt: int, outcome: Outcome, _wait: float | None) -> None:
        if isinstance(outcome, Delivered):
            self.delivered.setdefault(id_, []).extend(item.position for item in bulk.items)

    async def use(self, used: RegistryView) -> None:
        self.road.use(used)
        await self.manager.use(used, self.road.streams)
        await quiet()

    async def append(self, *subjects: int) -> int:
        first = await self.road.append(*subjects, decoded=False)
        await self.pass_time(1)
        return first

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await quiet()

    async def stop(self) -> None:
        await self.manager.stop()
        await self.road.stop()

    async def restart(self, used: RegistryView) -> None:
        """As after a kill: of what was in memory nothing is left."""
        await self.stop()
        self.log._listeners.clear()
        self.log.killed = False
        self._begin()
        await self.use(used)

    async def skips(self, id_: int = 1) -> list[Skip]:
        return await self.log.delivery.skips(id_)

    async def cursor(self, id_: int = 1) -> int:
        return (await self.log.delivery.cursors())[id_].position


@pytest.fixture
async def make_house(clock: Any) -> AsyncIterator[Any]:
    houses = []

    def make(**options: Any) -> House:
        houses.append(House(clock, **options))
        return houses[-1]

    yield make
    for house in houses:
        await house.stop()


def aged(id_: int, days: float) -> Subscription:
    return subscription(id_, delivery={"max_backlog_age_s": days * DAY_S})


# Age


async def test_a_paused_subscription_expires_what_is_too_old_and_counts_only_its_own_events(make_house: Any) -> None:
    house = make_house()
    await house.use(view(paused(aged(1, 10)), streams=[(1, 1, 1)]))
    for _ in range(3):
        await house.append(1, 2, 1)  # vehicle 2 is none of its own
    await house.pass_time(9 * DAY_S)
    young = await house.append(1)
    await house.retention.run_once()
    assert (await house.skips(), house.log.first_position) == ([], 1)  # kept past log.retention_days
    await house.pass_time(DAY_S)
    await house.retention.run_once()
    assert await house.skips() == [Skip(1, young, "expired", 6)]
    assert await house.cursor() == young == house.log.first_position
    assert house.counts.events_lost.values == {(1, 0): 6}
    assert house.overseer.standing == {"events_expired"}
    await house.use(view(aged(1, 10), streams=[(1, 1, 1)]))
    await house.pass_time(1)
    assert house.delivered == {1: [young]}


async def test_each_subscription_expires_by_its_own_age_also_one_that_cannot_be_opened(make_house: Any) -> None:
    house = make_house()
    house.unknown.add(2)
    streams = [(1, 1, 1), (2, 1, 1), (3, 1, 1)]
    await house.use(view(paused(aged(1, 30)), aged(2, 2), paused(aged(3, 5)), streams=streams))
    await house.append(1)
    await house.pass_time(3 * DAY_S)
    await house.append(1)
    await house.retention.run_once()
    assert [await house.skips(id_) for id_ in (1, 2, 3)] == [[], [Skip(1, 2, "expired", 1)], []]
    await house.pass_time(3 * DAY_S)
    await house.retention.run_once()
    assert [await house.skips(id_) for id_ in (2, 3)] == [[Skip(1, 3, "expired", 2)], [Skip(1, 2, "expired", 1)]]
    assert house.log.first_position == 1  # somebody may still have it


async def test_what_nobody_may_have_is_passed_without_a_word(make_house: Any) -> None:
    house = make_house()
    await house.use(view(paused(aged(1, 1)), streams=[(1, 1, 1)]))
    await house.append(2, 2)
    await house.pass_time(8 * DAY_S)
    await house.retention.run_once()
    assert (await house.skips(), house.overseer.raised, house.log.first_position) == ([], [], 3)


# The budget


async def test_over_the_budget_a_paused_one_loses_the_oldest_and_one_that_keeps_up_nothing(make_house: Any) -> None:
    house = make_house(max_items=4)
    await house.use(view(subscription(1), paused(subscription(2)), streams=[(1, 1, 1), (2, 1, 1)]))
    for _ in range(10):
        await house.append(1)
    await house.retention.run_once()
    assert house.log.first_position == 7
    assert (await house.skips(1), await house.skips(2)) == ([], [Skip(1, 7, "expired", 6)])
    assert house.counts.events_lost.values == {(2, 0): 6}
    assert house.counts.positions_lost.values == {}
    assert house.delivered == {1: list(range(1, 11))}


async def test_one_that_runs_keeps_what_is_in_its_memory_and_loses_what_it_had_still_to_read(make_house: Any) -> None:
    house = make_house(max_items=4)
    house.down.add(1)
    await house.use(view(subscription(1), streams=[(1, 1, 1)]))
    for _ in range(20):
        await house.append(1)
    await house.retention.run_once()
    [skip] = await house.skips()
    assert (skip.end, skip.events) == (17, 17 - skip.first)
    assert 1 < skip.first < 10
    house.down.clear()
    for _ in range(40):
        await house.pass_time(60)
    assert house.delivered == {1: [*range(1, skip.first), *range(17, 21)]}
    assert (await house.skips(), house.counts.positions_lost.values) == ([skip], {})


async def test_what_cannot_be_recorded_is_not_removed_unless_the_disk_is_under_its_reserve(make_house: Any) -> None:
    house = make_house(max_items=4)
    used = view(paused(subscription(1)), paused(subscription(2)), streams=[(1, 1, 1), (2, 1, 1)])
    await house.use(used)
    for _ in range(10):
        await house.append(1)
    house.log.refused = {2}
    await house.retention.run_once()
    assert (house.log.first_position, await house.skips(2)) == (1, [])
    house.log.under_reserve = True
    await house.retention.run_once()
    assert house.log.first_position == 7
    house.log.refused = set()
    await house.use(view(subscription(1), subscription(2), streams=[(1, 1, 1), (2, 1, 1)]))
    await house.pass_time(1)
    assert await house.skips(1) == [Skip(1, 7, "expired", 6)]
    assert await house.skips(2) == [Skip(1, 7, "expired", 0)]  # found as a gap: nobody could count it any more
    assert house.counts.positions_lost.values == {(2, 0): 6}


async def test_a_kill_between_recording_and_removal_records_once_and_delivers_nothing_that_is_recorded(
    make_house: Any,
) -> None:
    house = make_house(max_items=4)
    house.down.add(1)
    used = view(subscription(1), paused(subscription(2)), streams=[(1, 1, 1), (2, 1, 1)])
    await house.use(used)
    for _ in range(20):
        await house.append(1)
    house.log.killed = True
    with pytest.raises(StoreUnavailable):
        await house.retention.run_once()
    recorded = await house.skips(1)
    assert house.log.first_position == 1
    house.down.clear()
    await house.restart(used)
    await house.retention.run_once()
    for _ in range(10):
        await house.pass_time(60)
    assert (await house.skips(1), await house.skips(2)) == (recorded, [Skip(1, 17, "expired", 16)])
    assert house.counts.events_lost.values == {(1, 0): recorded[0].events, (2, 0): 16}
    lost = range(recorded[0].first, recorded[0].end)
    assert house.delivered == {1: [at for at in range(1, 21) if at not in lost]}


async def test_one_that_is_resumed_while_its_loss_is_counted_gets_it_and_loses_nothing(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(max_items=4)
    await house.use(view(paused(subscription(1)), streams=[(1, 1, 1)]))
    for _ in range(10):
        await house.append(1)
    await while_it_is_counted(house, view(subscription(1), streams=[(1, 1, 1)]), monkeypatch)
    assert (await house.skips(), house.delivered) == ([], {1: list(range(1, 11))})
    assert house.log.first_position == 1


async def while_it_is_counted(house: House, used: RegistryView, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run retention, and have another view used between the count of what makes room and its record."""
    look = Expiry._look

    async def changing(self: Expiry, *args: Any) -> Any:
        found = await look(self, *args)
        before_us = args[4]
        if before_us > house.clock.now_us():
            house.down.clear()
            await house.use(used)
            await house.pass_time(1)
        return found

    monkeypatch.setattr(Expiry, "_look", changing)
    await house.retention.run_once()
    for _ in range(30):
        await house.pass_time(60)


async def test_one_that_begins_anew_while_its_loss_is_counted_gets_it_and_loses_nothing(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(max_items=4)
    house.down.add(1)
    await house.use(view(subscription(1), streams=[(1, 1, 1)]))
    for _ in range(20):
        await house.append(1)
    changed = view(subscription(1, delivery={"linger_ms": 0}), streams=[(1, 1, 1)])
    await while_it_is_counted(house, changed, monkeypatch)
    assert (await house.skips(), house.delivered) == ([], {1: list(range(1, 21))})


async def test_after_a_kill_only_what_memory_alone_held_is_a_gap(make_house: Any) -> None:
    house = make_house(max_items=4)
    house.down.add(1)
    used = view(subscription(1), streams=[(1, 1, 1)])
    await house.use(used)
    for _ in range(20):
        await house.append(1)
    await house.retention.run_once()
    [skip] = await house.skips()
    house.down.clear()
    await house.restart(used)
    for _ in range(5):
        await house.pass_time(60)
    assert house.delivered == {1: [17, 18, 19, 20]}
    assert house.counts.positions_lost.values == {(1, 0): skip.first - 1}
    assert await house.skips() == [Skip(1, 17, "expired", skip.events)]


async def test_what_one_gave_up_while_it_ran_is_not_counted_again_once_it_is_paused(make_house: Any) -> None:
    house = make_house(max_items=4)
    house.down.add(1)
    await house.use(view(subscription(1), streams=[(1, 1, 1)]))
    for _ in range(20):
        await house.append(1)
    house.log.killed = True
    with pytest.raises(StoreUnavailable):
        await house.retention.run_once()
    await house.restart(view(paused(subscription(1)), streams=[(1, 1, 1)]))
    await house.retention.run_once()
    assert await house.skips() == [Skip(1, 17, "expired", 16)]
    assert house.counts.events_lost.values == {(1, 0): 16}


async def test_what_is_not_routed_yet_is_not_lost(make_house: Any) -> None:
    house = make_house(max_items=1)
    await house.use(view(subscription(1), streams=[(1, 1, 1)]))
    async with house.road.router.gate:
        for _ in range(5):
            await house.append(1)
        await house.retention.run_once()
        assert house.log.first_position == 1
    await house.pass_time(1)
    await house.pass_time(1)
    assert house.delivered == {1: [1, 2, 3, 4, 5]}


# Alerts


async def test_alerts_rise_at_half_and_four_fifths_and_clear_a_little_below(make_house: Any) -> None:
    house = make_house(max_items=100)
    held, streams = paused(subscription(1)), [(1, 1, 1)]
    await house.use(view(held, streams=streams))

    async def standing_at(items: int) -> set[str]:
        while house.log.next_position <= items:
            await house.append(1)
        await house.retention.run_once()
        return house.overseer.standing

    assert await standing_at(49) == set()
    assert await standing_at(50) == {"backlog_half"}
    detail = house.overseer.alerts["backlog_half", 0]
    assert "50% of log.max_bytes" in detail
    assert "subscription-1 waits longest, since 2023-11-14T22:13:20Z" in detail
    assert await standing_at(79) == {"backlog_half"}
    assert await standing_at(80) == {"backlog_half", "backlog_high"}

    async def with_unsettled(items: int) -> set[str]:
        await house.log.delivery.settle(1, house.log.next_position - items)
        await house.retention.run_once()
        return house.overseer.standing

    assert await with_unsettled(75) == {"backlog_half", "backlog_high"}
    assert await with_unsettled(74) == {"backlog_half"}
    assert await with_unsettled(45) == {"backlog_half"}
    assert await with_unsettled(44) == set()
    assert house.overseer.raised == ["backlog_half", "backlog_high"]
    pressure = house.gauge.last[0]
    assert (pressure.unsettled_bytes, pressure.stored_bytes, pressure.holder) == (44 * ITEM, 80 * ITEM, 1)


async def test_the_alerts_come_before_the_loss(make_house: Any) -> None:
    house = make_house(max_items=4)
    await house.use(view(paused(subscription(1)), streams=[(1, 1, 1)]))
    for _ in range(10):
        await house.append(1)
    await house.retention.run_once()
    assert house.overseer.raised == ["backlog_half", "backlog_high", "events_expired"]


# Everything at once


def heard_of(subjects: Mapping[int, int], vehicles: set[int]) -> set[int]:
    """The positions that a subscription to these vehicles should have heard of."""
    return {position for position, subject in subjects.items() if subject in vehicles}


async def schedule(house: House, dice: random.Random, *, kills: bool) -> None:
    """Any order of arrivals, outages, pauses, retention and, if asked for, kills; then all goes well."""
    vehicles = {1: {1}, 2: {1, 2}, 3: {2, 3}}
    streams = [(id_, subject, 1) for id_, subjects in vehicles.items() for subject in subjects]
    stopped = {3}

    def used() -> RegistryView:
        return view(*[paused(subscription(i)) if i in stopped else subscription(i) for i in vehicles], streams=streams)

    await house.use(used())
    subjects: dict[int, int] = {}
    for _ in range(60):
        what = dice.random()
        if what < 0.6:
            told = [dice.randint(1, 4) for _ in range(dice.randint(1, 4))]
            first = await house.append(*told)
            subjects |= {first + index: subject for index, subject in enumerate(told)}
        elif what < 0.7:
            house.down ^= {dice.randint(1, 2)}
        elif what < 0.75 and kills:
            stopped ^= {dice.randint(1, 3)}
            await house.use(used())
        elif what < 0.8 and kills:
            await house.restart(used())
        elif what < 0.9:
            await house.pass_time(dice.choice([1, 60, 3600]))
        else:
            keeping = asyncio.ensure_future(house.retention.run_once())
            await quiet(dice.randint(0, 30))
            house.clock.advance(dice.choice([0, 60]))
            await keeping
    house.down.clear()
    stopped.clear()
    await house.use(used())
    for _ in range(60):
        await house.pass_time(60)
    for id_ in vehicles:
        wanted, got = heard_of(subjects, vehicles[id_]), house.delivered.get(id_, [])
        skips = await house.skips(id_)
        lost = {position for skip in skips for position in range(skip.first, skip.end)} & wanted
        assert await house.cursor(id_) == house.log.next_position
        assert set(got) | lost == wanted
        assert not set(got) & lost
        recorded = sum(skip.events for skip in skips)
        assert recorded == house.counts.events_lost.values.get((id_, 0), 0)
        if kills:
            assert recorded <= len(lost)
        else:
            assert len(got) == len(set(got))
            assert recorded == len(lost)
            assert house.counts.positions_lost.values == {}


@pytest.mark.parametrize("seed", range(12))
async def test_each_event_is_delivered_or_recorded_as_lost_and_never_both(make_house: Any, seed: int) -> None:
    dice = random.Random(seed)
    await schedule(make_house(max_items=dice.randint(4, 20)), dice, kills=False)


@pytest.mark.parametrize("seed", range(12))
async def test_also_over_kills_and_pauses_nothing_is_lost_without_a_record(make_house: Any, seed: int) -> None:
    dice = random.Random(1000 + seed)
    await schedule(make_house(max_items=dice.randint(4, 20)), dice, kills=True)

"""The router offers each item once, in order, to exactly the feeds that may have it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs

from fixtures.pipeline import CountingTarget, Road, part, positions, quiet, report, subscription, turns_until, view
from postroad.access.streams import StreamIndex
from postroad.errors import StoreUnavailable
from postroad.log.memory import MemoryLog
from postroad.protocols.drivetech import DrivetechSettings
from postroad.registry.records import Stream
from postroad.routing import router as router_module


@pytest.fixture
async def road(clock: Any) -> AsyncIterator[Road]:
    """Three subscriptions: 1 has vehicles 1 and 2, 2 has vehicle 2, 3 has vehicle 1 and wants ignitions only."""
    road = Road(
        clock,
        used=view(
            subscription(1),
            subscription(2),
            subscription(3, types=("car_ignition",)),
            streams=[(1, 1, 1), (1, 2, 1), (2, 2, 1), (3, 1, 1)],
        ),
    )
    road.start()
    yield road
    await road.stop()


IGNITION = report(event={"type": "IGN", "status": True})


async def test_an_item_reaches_exactly_the_feeds_with_an_open_stream_of_its_vehicle(road: Road) -> None:
    one, two = await road.following(1), await road.following(2)
    first = await road.append(1, 2, 3, 0, 2)
    assert positions(one) == [first, first + 1, first + 4]
    assert positions(two) == [first + 1, first + 4]


async def test_a_stream_covers_positions_from_its_beginning_on(road: Road) -> None:
    feed = await road.following(1)
    road.use(view(subscription(1), streams=[(1, 1, 3)]))
    await road.append(1, 1, 1, 1)
    assert positions(feed) == [3, 4]


async def test_of_an_ended_stream_only_what_delivery_is_to_record_as_skipped_is_queued(road: Road) -> None:
    feed = await road.following(1)
    end = road.log.next_position + 1
    ended = Stream(id=1, subscription_id=1, subject_id=1, shard=0, from_position=1, until_position=end, ended=True)
    road.use(structs.replace(view(subscription(1)), streams={1: ended}))
    await road.append(1, 1)
    assert positions(feed) == [end - 1]
    assert not StreamIndex({1: ended}).covers(1, 1, end - 1), "delivery asks this"


async def test_only_agreed_types_are_queued(road: Road) -> None:
    one, three = await road.following(1), await road.following(3)
    first = await road.append(1, 1, raws=[report(), IGNITION])
    assert positions(one) == [first, first + 1]
    assert positions(three) == [first + 1]
    [item] = three.queue
    assert len(item.events) == 1
    assert b"car_ignition" in item.events[0].body


async def test_an_item_is_translated_once_however_many_share_its_selection(clock: Any) -> None:
    target = CountingTarget()
    subscriptions = [subscription(n) for n in range(1, 51)]
    road = Road(
        clock, targets={"connected_cars": target}, used=view(*subscriptions, streams=[(n, 1, 1) for n in range(1, 51)])
    )
    road.start()
    feeds = [await road.following(n) for n in range(1, 51)]
    first = await road.append(1, 1, 2)
    assert target.written == [first, first + 1]  # nobody wants vehicle 2
    assert all(positions(feed) == [first, first + 1] for feed in feeds)
    assert feeds[0].queue[0].events is feeds[-1].queue[0].events
    await road.stop()


async def test_who_agreed_to_different_types_shares_an_item_of_which_they_are_told_the_same(clock: Any) -> None:
    types = {1: ("gps_position",), 2: ("gps_position", "car_ignition"), 3: ("car_ignition",)}
    used = view(*[subscription(n, types=types[n]) for n in types], streams=[(n, 1, 1) for n in types])
    road = Road(clock, used=used)
    road.start()
    one, two, three = [await road.following(n) for n in types]
    position = await road.append(1, raws=[report()])
    assert positions(one) == positions(two) == [position]
    assert one.queue[0] is two.queue[0]
    assert not three.queue
    ignition = await road.append(1, raws=[IGNITION])
    assert positions(three) == [ignition]
    assert len({id(feed.queue[-1]) for feed in (one, two, three)}) == 3  # each is told something else of it
    assert [len(feed.queue[-1].events) for feed in (one, two, three)] == [1, 2, 1]
    await road.stop()


async def test_other_options_are_another_translation_and_other_types_are_not(clock: Any) -> None:
    target = CountingTarget()
    used = view(
        subscription(1),
        subscription(2, options={"claim_can": True}),
        subscription(3, types=("car_ignition", "gps_position")),
        streams=[(n, 1, 1) for n in (1, 2, 3)],
    )
    road = Road(clock, targets={"connected_cars": target}, used=used)
    road.start()
    for n in (1, 2, 3):
        await road.following(n)
    await road.append(1)
    assert len(target.written) == 2
    await road.stop()


async def test_a_large_batch_is_routed_in_slices_and_other_work_gets_its_turn(road: Road) -> None:
    feed = await road.following(1)
    await road.log.append(part(*[1] * 1000))
    seen = set()
    while road.router.routed_to < road.log.next_position:
        seen.add(road.router.routed_to)
        await asyncio.sleep(0)
    assert len(seen) >= 1000 // router_module.SLICE_ITEMS
    assert positions(feed) == list(range(1, 1001))


async def test_a_view_that_changes_in_the_middle_of_a_batch_counts_exactly_from_a_position_on(road: Road) -> None:
    feed = await road.following(1)
    await road.log.append(part(*[1, 3] * 500))
    await turns_until(lambda: road.router.routed_to > 1)
    async with road.router.gate:
        switched_at = road.router.routed_to
        assert 1 < switched_at < 1001
        await quiet()
        assert road.router.routed_to == switched_at  # routing stands still
        road.use(view(subscription(1), streams=[(1, 3, switched_at)]))
    await quiet()
    assert positions(feed) == [p for p in range(1, 1001) if (p % 2 == 1) == (p < switched_at)]


# What cannot be read


async def test_an_item_that_cannot_be_read_any_more_is_skipped_alone_and_told(
    road: Road, caplog: pytest.LogCaptureFixture
) -> None:
    feed = await road.following(1)
    await road.append(1, 1, 1, raws=[report(), b'{"no": "event"}', report()])
    assert positions(feed) == [1, 3]
    assert "Position 2 of shard 0 cannot be read any more" in caplog.text
    await road.append(1)
    assert positions(feed) == [1, 3, 4]


async def test_catching_up_skips_an_unreadable_item_too(road: Road) -> None:
    await road.append(1, 1, 1, raws=[report(), b"\xff", report()])
    feed = road.feed(1, position=1)
    await road.router.catch_up(feed)
    assert positions(feed) == [1, 3]


async def test_a_defect_that_one_item_brings_to_light_holds_up_no_other(
    clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Breaks(CountingTarget):
        def write(self, event: Any, *, to: Any, position: int, options: Any) -> Any:
            if position == 2:
                raise ZeroDivisionError
            return super().write(event, to=to, position=position, options=options)

    road = Road(clock, targets={"connected_cars": Breaks()}, used=view(subscription(1), streams=[(1, 1, 1)]))
    road.start()
    feed = await road.following(1)
    await road.append(1, 1, 1)
    await road.append(1)
    assert positions(feed) == [1, 3, 4]
    assert "Position 2 of shard 0 cannot be translated" in caplog.text
    await road.stop()


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"protocol": "gone"}, "there is no protocol gone"), ({"revision": 2}, "provider 1, revision 2")],
    ids=["protocol", "settings"],
)
async def test_a_batch_whose_protocol_or_settings_are_no_longer_understood_holds_up_no_other(
    road: Road, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], told: str
) -> None:
    road.use(view(subscription(1), streams=[(1, 1, 1)], provider_settings={(1, 1): {}, (1, 2): {"profile": "of old"}}))
    feed = await road.following(1)
    await road.append(1, **changes)
    await road.append(1)
    assert positions(feed) == [2]
    assert told in caplog.text


async def test_items_of_a_removed_provider_are_read_by_the_settings_they_came_under(road: Road) -> None:
    settings = {(1, 1): {"speed_unit": "mph"}}
    road.use(view(subscription(1), streams=[(1, 1, 1)], providers={}, provider_settings=settings))
    feed = await road.following(1)
    await road.append(1, raws=[report(speed=100.0)])
    assert b'"speed":161' in feed.queue[0].events[0].body
    assert road.decoder.settings(1, 7, "drivetech") == DrivetechSettings()  # a revision nobody knows


# Falling behind, and coming up again


async def test_a_full_feed_stops_following_and_catches_up_from_the_log(road: Road) -> None:
    feed = await road.following(1, limit_bytes=300)
    await road.append(*[1] * 10)
    assert not feed.following
    held = positions(feed)
    assert held == list(range(1, len(held) + 1))
    assert feed.resume_at == len(held) + 1
    got = []
    while not feed.following or feed.queue:
        while feed.queue:
            got.append(feed.take().position)
        await road.router.catch_up(feed)
        assert feed.size <= 300 + 200
    assert got == list(range(1, 11))
    await road.append(1)
    assert positions(feed) == [11]


async def test_a_feed_never_passes_the_router(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that begins where the router is must find nothing behind it that was read without it."""
    monkeypatch.setattr(router_module, "SLICE_ITEMS", 4)
    feed = road.feed(1, position=1)
    await road.log.append(part(*[3] * 12))
    await turns_until(lambda: road.router.routed_to == 5)
    monkeypatch.setattr(router_module, "SLICE_ITEMS", 100)
    catching_up = road.router.catch_up(feed)
    catching_up.send(None)  # to where it lets others have their turn: the switch of views comes first
    catching_up.close()
    road.use(view(subscription(1), streams=[(1, 3, 5)]))
    await quiet()
    assert positions(feed) == list(range(5, 13))


async def test_a_lagging_feed_does_not_keep_live_ones_waiting(road: Road) -> None:
    for _ in range(20):
        await road.append(*[1] * 200)
    live = await road.following(2)
    lagging = road.feed(1, position=1, limit_bytes=1 << 30)
    turns = 0
    catching_up = asyncio.create_task(road.router.catch_up(lagging))
    await asyncio.sleep(0)
    await road.log.append(part(2))
    while not live.queue:
        await asyncio.sleep(0)
        turns += 1
    assert not catching_up.done()
    assert turns < 20
    assert len(lagging.queue) < 2000
    await catching_up


async def test_an_overflowing_inbox_is_made_good_from_the_log(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_module, "INBOX_BYTES", 1000)
    monkeypatch.setattr(router_module, "CATCH_UP_BYTES", 1000)
    feed = await road.following(1)
    async with road.router.gate:
        for _ in range(50):
            await road.log.append(part(1, 1))
        await quiet()
        held = sum(len(batch.body) for batch in road.router._inbox)
        assert held <= 1000 + 2 * 1000
    await quiet(500)
    assert positions(feed) == list(range(1, 101))
    await road.append(1)
    assert positions(feed)[-1] == 101
    assert road.router._inbox_bytes == 0


class Unreadable(MemoryLog):
    """A log that cannot be read at times."""

    failure: Exception | None = None

    async def read(self, position: int, **options: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        return await super().read(position, **options)


async def test_a_router_that_cannot_read_on_leaves_it_to_the_feeds_and_routes_what_comes(
    clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(router_module, "INBOX_BYTES", 0)
    log = Unreadable(0, clock=clock)
    road = Road(clock, log=log, used=view(subscription(1), streams=[(1, 1, 1)]))
    road.start()
    feed = await road.following(1)
    async with road.router.gate:
        for _ in range(5):
            await log.append(part(1))
        await quiet()
        log.failure = StoreUnavailable("io", "the disk says no")
    await quiet()
    assert "the disk says no" in caplog.text
    log.failure = None
    got = []
    await road.append(1)
    while not feed.following or feed.queue:
        while feed.queue:
            got.append(feed.take().position)
        await road.router.catch_up(feed)
    assert got == [1, 2, 3, 4, 5, 6]
    assert road.gaps == []
    await road.stop()


async def test_retention_behind_the_routers_back_is_reported_and_routing_goes_on(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router_module, "INBOX_BYTES", 0)
    feed = await road.following(1)
    async with road.router.gate:
        for _ in range(5):
            await road.log.append(part(1))
        await quiet()
        await road.log.retain(received_before_us=0, settled=0, max_bytes=0)
    await asyncio.wait_for(quiet(), 5)
    while not feed.following:
        while feed.queue:
            feed.take()
        await road.router.catch_up(feed)
    await road.append(1)
    assert positions(feed)[-1:] == [6]
    [(subscription_id, first, end)] = road.gaps
    assert (subscription_id, end) == (1, 6)
    assert first <= 3


async def test_a_gap_left_by_retention_is_reported_once_with_its_bounds(road: Road) -> None:
    for _ in range(4):
        await road.append(1, 1)
    size = len(road.log._batches[0].body)
    await road.log.retain(received_before_us=0, settled=0, max_bytes=2 * size)
    feed = road.feed(1, position=2)
    await road.router.catch_up(feed)
    assert road.gaps == [(1, 2, 5)]
    assert positions(feed) == [5, 6, 7, 8]


async def test_a_gap_is_reported_also_when_nothing_is_left(road: Road) -> None:
    await road.append(1, 1)
    await road.log.retain(received_before_us=0, settled=0, max_bytes=0)
    feed = road.feed(1, position=1)
    await road.router.catch_up(feed)
    assert road.gaps == [(1, 1, 3)]
    assert feed.following


async def test_a_removed_feed_is_offered_nothing_more(road: Road) -> None:
    feed = await road.following(1)
    road.router.remove(1)
    await road.append(1)
    assert positions(feed) == []


async def test_a_feed_that_waits_is_woken_by_an_item_for_it_and_by_no_other(road: Road) -> None:
    feed = await road.following(2)
    feed.looked()
    waiting = asyncio.create_task(feed.wait())
    await road.append(1)
    assert not waiting.done()
    await road.append(2)
    assert waiting.done()


async def test_what_retention_took_is_reported_and_the_jump_between_epochs_is_not(clock: Any) -> None:
    road = Road(clock, used=view(subscription(), streams=[(1, 1, 1)]))
    for _ in range(3):
        await road.append(1)
    await road.log.begin_epoch()
    first = await road.append(1)
    await road.log.retain(received_before_us=2**62, settled=4, max_bytes=2**62)
    road.router.routed_to = road.log.next_position
    feed = road.feed(position=2)
    await road.router.catch_up(feed)
    assert road.gaps == [(1, 2, 4)]
    assert positions(feed) == [first]


async def test_a_cursor_at_the_end_of_an_epoch_has_lost_nothing_when_all_of_it_was_removed(clock: Any) -> None:
    road = Road(clock, used=view(subscription(), streams=[(1, 1, 1)]))
    await road.append(1)
    await road.log.begin_epoch()
    first = await road.append(1)
    await road.log.retain(received_before_us=2**62, settled=2, max_bytes=2**62)
    road.router.routed_to = road.log.next_position
    feed = road.feed(position=2)
    await road.router.catch_up(feed)
    assert (road.gaps, positions(feed)) == ([], [first])

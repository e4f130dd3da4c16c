"""Whatever is appended, taken, switched and interrupted in whatever order: a feed gives what a list would, in order."""

import asyncio
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.clock import VirtualClock
from fixtures.pipeline import Road, part, quiet, report, subscription, turns_until, view
from postroad.routing import router as router_module

ITEM_BYTES = 200
"""More than one item's bodies have."""

SUBJECTS = st.integers(0, 3)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(SUBJECTS, min_size=1, max_size=12)),
        st.tuples(st.just("take"), st.integers(1, 8)),
        st.tuples(st.just("open"), st.integers(1, 3)),
        st.tuples(st.just("turn"), st.integers(1, 5)),
        st.tuples(st.just("start"), st.none()),
    ),
    max_size=25,
)


class Consumer:
    """Does what a delivery does with its feed, as many items as it is allowed."""

    def __init__(self, road: Road, limit_bytes: int) -> None:
        self.feed = road.feed(1, position=1, limit_bytes=limit_bytes)
        self.limit_bytes = limit_bytes
        self.got: list[int] = []
        self.may_take = 0
        self._road = road

    async def run(self) -> None:
        feed = self.feed
        while True:
            assert feed.size <= self.limit_bytes + ITEM_BYTES
            assert feed.size == sum(item.size for item in feed.queue)
            feed.looked()
            if feed.queue:
                await turns_until(lambda: self.may_take > 0)
                self.may_take -= 1
                self.got.append(feed.take().position)
            elif feed.following:
                await feed.wait()
            else:
                await self._road.router.catch_up(feed)


async def play(operations: list[tuple[str, Any]], limit_bytes: int, inbox_bytes: int, slice_items: int) -> None:
    starts = {1: 1}
    road = Road(VirtualClock(), used=view(subscription(1), streams=[(1, 1, 1)]))
    stored: list[int] = []
    with (
        mock.patch.object(router_module, "INBOX_BYTES", inbox_bytes),
        mock.patch.object(router_module, "CATCH_UP_BYTES", 500),
        mock.patch.object(router_module, "SLICE_ITEMS", slice_items),
    ):
        consumer = Consumer(road, limit_bytes)
        consuming = asyncio.create_task(consumer.run())
        for name, argument in operations:
            if name == "start" and not road.started:
                road.start()
            elif name == "append":
                await road.log.append(part(*argument, raws=[report()] * len(argument)))
                stored += argument
            elif name == "take":
                consumer.may_take += argument
            elif name == "open" and argument not in starts:
                async with road.router.gate:
                    await quiet(argument)
                    starts[argument] = road.router.routed_to
                    road.use(view(subscription(1), streams=[(1, s, at) for s, at in starts.items()]))
            elif name == "turn":
                await quiet(argument)
        if not road.started:
            road.start()
        consumer.may_take = 1 << 30
        wanted = [at for at, subject in enumerate(stored, 1) if subject in starts and at >= starts[subject]]
        for _ in range(200):
            if consuming.done() or (len(consumer.got) >= len(wanted) and consumer.feed.following):
                break
            await quiet(20)
        await road.log.append(part(1))
        await quiet(100)
        if consuming.done():
            consuming.result()
        assert consumer.got == [*wanted, len(stored) + 1]
        assert road.gaps == []
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        await road.stop()


@settings(max_examples=200, deadline=None)
@given(
    operations=OPERATIONS,
    limit_bytes=st.sampled_from([1, 200, 450, 2000, 1 << 20]),
    inbox_bytes=st.sampled_from([0, 400, 3000, 1 << 24]),
    slice_items=st.sampled_from([1, 2, 5, 128]),
)
def test_a_feed_gives_every_item_once_and_in_order_and_stays_within_its_limit(
    operations: list[tuple[str, Any]], limit_bytes: int, inbox_bytes: int, slice_items: int
) -> None:
    asyncio.run(play(operations, limit_bytes, inbox_bytes, slice_items))

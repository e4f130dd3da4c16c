"""Every verdict of ``explain``, and how far behind a subscription is; both agree with what the router does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fixtures.clock import VirtualClock
from fixtures.pipeline import CountingTarget, Road, part, positions, report, subscription, view
from postroad.log.interface import Batch
from postroad.protocols import READABLE, TARGETS
from postroad.protocols.base import outgoing_id
from postroad.registry.records import RegistryView, Stream
from postroad.routing.backlog import Oldest, oldest_undelivered
from postroad.routing.explain import Route, routes_of
from postroad.routing.translation import Decoder

POSITION_SLOT = TARGETS["connected_cars"].slots["gps_position"]


def batch(*subjects: int, position: int = 10, **changes: Any) -> Batch:
    return Batch(position=position, stored_us=1, **structs.asdict(part(*subjects, **changes)))


def explained(one: Batch, index: int, used: RegistryView) -> list[Route]:
    decoder = Decoder(READABLE)
    decoder.use(used)
    return routes_of(one, index, view=used, decoder=decoder, targets=TARGETS)


def stream(start: int | None, **changes: Any) -> Stream:
    return Stream(id=1, subscription_id=1, subject_id=1, shard=0, from_position=start, **changes)


def with_stream(*streams: Stream, **changes: Any) -> RegistryView:
    return structs.replace(view(subscription(1, **changes)), streams=dict(enumerate(streams)))


OLD_POSITION = report(gps_status=False)

CASES = {
    "routed": (with_stream(stream(10)), batch(1)),
    "unassigned": (with_stream(stream(10)), batch(0)),
    "no_stream": (with_stream(), batch(1)),
    "before_stream": (with_stream(stream(11)), batch(1)),
    "stream_ended": (with_stream(stream(1, ended=True)), batch(1)),
    "types_not_agreed": (with_stream(stream(1), types=("car_ignition",)), batch(1)),
    "unreadable": (with_stream(stream(1)), batch(1, raws=[b"{}"])),
}


@pytest.mark.parametrize("verdict", CASES)
def test_each_verdict_is_told_where_it_holds(verdict: str) -> None:
    used, one = CASES[verdict]
    [route] = explained(one, 0, used)
    assert (route.verdict, route.subscription) == (verdict, "subscription-1")


def test_a_target_without_a_word_for_an_item_has_nothing_to_say() -> None:
    class Mute(CountingTarget):
        def write(self, event: Any, **_: Any) -> list[Any]:  # noqa: ARG002 - the seam's name
            return []

    used, decoder = with_stream(stream(1)), Decoder(READABLE)
    [route] = routes_of(batch(1), 0, view=used, decoder=decoder, targets={"connected_cars": Mute()})
    assert (route.verdict, route.events) == ("nothing_to_say", ())


def test_a_routed_item_names_its_events_and_the_ids_that_the_customer_gets() -> None:
    used, one = with_stream(stream(10), types=("gps_position", "car_ignition")), batch(0, 1)
    [route] = explained(one, 1, used)
    assert (route.events, route.ids) == (("gps_position",), (outgoing_id(11, POSITION_SLOT),))


def test_types_that_were_not_agreed_are_named_without_ids() -> None:
    used, one = CASES["types_not_agreed"]
    [route] = explained(one, 0, used)
    assert "gps_position" in route.events
    assert route.ids == ()


def test_a_stream_that_waits_for_its_beginning_covers_nothing_yet() -> None:
    [route] = explained(batch(1), 0, with_stream(stream(None)))
    assert route.verdict == "before_stream"


def test_a_batch_of_an_unknown_protocol_is_unreadable_and_not_an_error() -> None:
    [route] = explained(batch(1, protocol="gone"), 0, with_stream(stream(1)))
    assert route.verdict == "unreadable"


def test_only_subscriptions_of_the_vehicles_own_organization_are_told() -> None:
    used = view(subscription(1), subscription(2, organization_id=2), streams=[(1, 1, 1)])
    assert [route.subscription_id for route in explained(batch(1), 0, used)] == [1]
    assert [route.subscription_id for route in explained(batch(0), 0, used)] == [1, 2]


@pytest.fixture
async def road(clock: Any) -> AsyncIterator[Road]:
    road = Road(clock, used=view(subscription(1, types=("car_ignition", "gps_position")), streams=[(1, 1, 2)]))
    road.start()
    yield road
    await road.stop()


RAWS = [report(), OLD_POSITION, report(event={"type": "IGN", "status": True}), b"{}"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(RAWS)), min_size=1, max_size=8))
def test_explain_says_routed_of_exactly_what_the_router_routes(items: list[tuple[int, bytes]]) -> None:
    async def play() -> None:
        road = Road(VirtualClock(), used=view(subscription(1, types=("car_ignition",)), streams=[(1, 1, 3)]))
        road.start()
        feed = await road.following(1)
        await road.append(*[subject for subject, _ in items], raws=[raw for _, raw in items])
        [one] = await road.log.read(1)
        told = [i + 1 for i in range(len(items)) if explained(one, i, road.view)[0].verdict == "routed"]
        assert told == positions(feed)
        await road.stop()

    asyncio.run(play())


# How far behind


async def oldest(road: Road, cursor: int) -> Oldest | None:
    batches = await road.log.read(1)

    def read(position: int) -> list[Batch]:
        return [one for one in batches if one.end > position][:1]

    return oldest_undelivered(
        read, cursor, road.view.subscriptions[1], view=road.view, decoder=road.decoder, targets=TARGETS
    )


async def test_the_oldest_undelivered_item_is_the_first_that_the_subscription_may_have(road: Road) -> None:
    await road.append(1, 2, 0)  # before the stream, another vehicle, nobody's
    await road.append(1, 1, raws=[b"{}", OLD_POSITION])  # unreadable, nothing agreed to say
    await road.append(2, 1, received_us=5_000_000, received_offsets_us=[0, 7])
    assert await oldest(road, 1) == Oldest(7, 5_000_007)


async def test_everything_delivered_is_nothing_undelivered(road: Road) -> None:
    await road.append(2, 1, 1, received_us=1_000_000)
    assert await oldest(road, 2) == Oldest(2, 1_000_000)
    assert await oldest(road, 3) == Oldest(3, 1_000_000)
    assert await oldest(road, 4) is None


async def test_a_subscription_without_streams_is_never_behind(road: Road) -> None:
    await road.append(1, 1)
    road.use(view(subscription(1)))
    assert await oldest(road, 1) is None

"""What runs is what the registry asks for; one subscription's trouble is nobody else's."""

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs

from fixtures.lane import Overseer
from fixtures.pipeline import Road, Transport, destination, failed, paused, quiet, sent_positions, subscription, view
from postroad.access.confirmed import Confirmation
from postroad.delivery.manager import RESTART_S, DeliveryManager, Shard
from postroad.errors import ConfigError, StoreUnavailable
from postroad.log.delivery import NO_CHANGES, Changes, DeadLetter, LetterFilter
from postroad.log.memory import MemoryLog
from postroad.protocols import TARGETS
from postroad.registry.records import Destination, RegistryView
from postroad.transports.base import Delivered
from postroad.transports.spec import ANY_MESSAGE, Carriage


class FailingStore(MemoryLog):
    """A shard whose delivery state cannot be used at times."""

    def __init__(self, clock: Any) -> None:
        super().__init__(0, clock=clock)
        self.failing = False
        settle, begin = self.delivery.settle, self.delivery.begin

        async def begun(subscription_id: int, position: int, terms: str) -> None:
            if self.failing:
                raise StoreUnavailable("disk_full", "no room")
            await begin(subscription_id, position, terms)

        async def settled(subscription_id: int, position: int, changes: Changes = NO_CHANGES) -> None:
            if self.failing:
                raise StoreUnavailable("disk_full", "no room")
            await settle(subscription_id, position, changes)

        self.delivery.settle = settled  # type: ignore[method-assign]  # the store that the engine made itself
        self.delivery.begin = begun  # type: ignore[method-assign]


class Post:
    """A manager over a shard, and the destinations it opened."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.road = Road(clock, log=FailingStore(clock), used=view())
        self.road.start()
        self.opened: list[tuple[Destination, Transport]] = []
        self.answers: dict[int, list[Any]] = {}
        self.overseer = Overseer()
        self.refused: dict[int, Exception] = {}
        self.carriage: dict[int, Carriage] = {}
        self.manager = DeliveryManager(
            {0: Shard(self.road.log, self.road.router)},
            targets=TARGETS,
            open_transport=self.open,
            carriage_of=lambda to: self.carriage.get(to.id, ANY_MESSAGE),
            observe=lambda *_: None,
            overseer=self.overseer,
            confirmed=Confirmation(clock, within_s=math.inf),
            view=lambda: self.road.view,
            clock=clock,
            random=lambda: 0.0,
            queue_bytes=1000,
        )

    def open(self, to: Destination) -> Transport:
        if to.id in self.refused:
            raise self.refused[to.id]
        transport = Transport(self.clock, *self.answers.get(to.id, []))
        self.opened.append((to, transport))
        return transport

    def to(self, id_: int) -> Transport:
        """The latest way to a destination."""
        return [transport for to, transport in self.opened if to.id == id_][-1]

    async def use(self, used: RegistryView) -> None:
        self.road.use(used)
        await self.manager.use(used, self.road.streams)
        await quiet()

    async def append(self, *subjects: int) -> int:
        first = await self.road.append(*subjects)
        self.clock.advance(1)  # over the linger
        await quiet()
        return first

    def settled(self, *ids: int) -> int:
        known = {id_: c.position for id_, c in self.road.log.delivery._cursors.items()}
        return self.manager.settled(0, frozenset(ids), known)


@pytest.fixture
async def post(clock: Any) -> AsyncIterator[Post]:
    post = Post(clock)
    yield post
    await post.manager.stop()
    await post.road.stop()


ONE = view(subscription(1), streams=[(1, 1, 1)])
BOTH = view(subscription(1), subscription(2), streams=[(1, 1, 1), (2, 1, 1)])


async def test_a_subscription_is_delivered_and_stops_with_its_removal(post: Post) -> None:
    await post.use(ONE)
    await post.append(1)
    assert post.to(1).positions == [1]
    await post.use(view())
    await post.append(1)
    assert post.to(1).positions == [1]
    assert post.to(1).closed


async def test_a_view_that_changes_nothing_restarts_nothing(post: Post) -> None:
    await post.use(ONE)
    await post.use(structs.replace(ONE, version=2))
    assert len(post.opened) == 1


async def test_a_paused_subscription_goes_on_where_it_stood(post: Post) -> None:
    await post.use(ONE)
    await post.append(1)
    await post.use(structs.replace(ONE, subscriptions={1: paused(subscription(1))}))
    assert post.to(1).closed
    await post.append(1, 1)
    await post.use(ONE)
    assert len(post.opened) == 2
    await post.append(1)
    assert post.to(1).positions == [2, 3, 4]


@pytest.mark.parametrize(
    "changed",
    [
        structs.replace(ONE, destinations={1: destination(1, config={"url": "https://elsewhere"})}),
        structs.replace(ONE, destinations={1: destination(1, sealed={"auth.client_secret": b"new"})}),
        structs.replace(ONE, subscriptions={1: subscription(1, types=("gps_position", "car_ignition"))}),
        structs.replace(ONE, subscriptions={1: subscription(1, delivery={"max_items": 7})}),
    ],
    ids=["destination", "secret", "types", "delivery"],
)
async def test_a_change_restarts_at_the_cursor_and_does_not_wait_out_the_old_schedule(
    post: Post, changed: RegistryView
) -> None:
    post.answers[1] = [failed()]
    await post.use(ONE)
    await post.append(1)
    await post.append(1)
    [(_, before)] = post.opened
    post.answers.clear()
    await post.use(changed)
    await post.append(1)
    assert before.closed
    assert before.positions == [1]
    assert post.to(1).positions == [1, 2, 3]


async def test_a_new_subscription_begins_where_its_streams_begin(post: Post) -> None:
    await post.use(ONE)
    await post.append(1, 1, 1, 1)
    await post.use(view(subscription(1), subscription(2), streams=[(1, 1, 1), (2, 1, 3)]))
    await post.append(1)
    assert post.to(2).positions == [3, 4, 5]


async def test_a_new_subscription_without_streams_begins_where_the_router_is(post: Post) -> None:
    await post.append(1, 1)
    await post.use(view(subscription(1)))
    assert post.settled(1) == 3


async def test_the_beginning_is_durable_before_anything_is_sent(post: Post) -> None:
    await post.append(1, 1)
    post.road.log.failing = True
    with pytest.raises(StoreUnavailable):
        await post.use(ONE)
    assert post.opened == []


async def test_a_store_that_fails_while_a_subscription_starts_only_delays_it(post: Post) -> None:
    await post.append(1)
    post.road.log.failing = True
    with pytest.raises(StoreUnavailable):
        await post.use(ONE)
    assert post.settled(1) == 1  # retention asks meanwhile
    post.road.log.failing = False
    await post.use(ONE)
    await post.append(1)
    assert post.to(1).positions == [1, 2]


# Destinations that cannot be opened


@pytest.mark.parametrize("error", [ConfigError("the CA file is gone"), ZeroDivisionError("a defect")])
async def test_a_destination_that_cannot_be_opened_is_reported_once_and_tried_again(
    post: Post, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    post.refused[1] = error
    for _ in range(3):
        await post.use(BOTH)
    await post.append(1)
    assert caplog.text.count("Subscription subscription-1 cannot be delivered") == 1
    assert str(error) in caplog.text
    assert post.to(2).positions == [1]
    del post.refused[1]
    await post.use(BOTH)
    await post.append(1)
    assert post.to(1).positions == [1, 2]


async def test_another_reason_is_reported_again(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    for reason in ("first", "second", "second"):
        post.refused[1] = ConfigError(reason)
        await post.use(ONE)
    assert caplog.text.count("cannot be delivered") == 2


@pytest.mark.parametrize(
    "broken",
    [
        structs.replace(BOTH, destinations={2: destination(2)}),
        structs.replace(BOTH, subscriptions={1: subscription(1, delivery={"of old": 1}), 2: subscription(2)}),
        structs.replace(BOTH, subscriptions={1: subscription(1, options={"of old": 1}), 2: subscription(2)}),
    ],
    ids=["destination", "delivery", "options"],
)
async def test_a_subscription_that_is_not_understood_any_more_stops_no_other(
    post: Post, broken: RegistryView, caplog: pytest.LogCaptureFixture
) -> None:
    await post.use(broken)
    await post.append(1)
    assert post.to(2).positions == [1]
    assert "Subscription subscription-1 cannot be delivered" in caplog.text
    assert [to.id for to, _ in post.opened] == [2]


async def test_a_destination_that_does_not_close_stops_nothing_else(
    post: Post, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.use(BOTH)

    async def close() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(post.to(1), "close", close)
    await post.use(structs.replace(BOTH, subscriptions={2: subscription(2)}))
    await post.append(1)
    assert post.to(2).positions == [1]
    assert "did not close" in caplog.text


# Trouble while it runs


async def test_a_customer_that_never_answers_delays_nobody(post: Post) -> None:
    await post.use(BOTH)
    post.to(1).open.clear()
    for _ in range(30):
        await post.append(1, 1)
    assert post.to(1).positions == [1, 2]
    assert post.to(2).positions == list(range(1, 61))
    [dead, _] = (running.deliveries[0].feed for running in post.manager._running.values())
    assert dead.size <= 1000 + 500
    post.to(1).open.set()
    await quiet(2000)
    post.clock.advance(1)
    await quiet(2000)
    assert sorted(set(post.to(1).positions)) == list(range(1, 61))


async def test_a_delivery_that_breaks_down_begins_again_at_its_cursor(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.answers[1] = [Delivered(status=200, elapsed_s=0), KeyError("?")]
    await post.use(BOTH)
    await post.append(1)
    await post.append(1)
    assert "subscription-1 broke down" in caplog.text
    await post.append(1)
    assert post.to(1).positions == [1, 2]
    assert post.to(2).positions == [1, 2, 3]
    post.clock.advance(RESTART_S)
    await quiet()
    await post.append(1)
    assert post.to(1).positions == [1, 2, 2, 3, 4]


async def test_access_that_ends_counts_at_once_for_what_runs(post: Post) -> None:
    post.answers[1] = [failed()]
    await post.use(ONE)
    await post.append(1)
    await post.use(structs.replace(view(subscription(1), streams=[(1, 2, 1)]), version=2))
    assert len(post.opened) == 1  # a stream is no reason to restart
    post.clock.advance(20)
    await quiet()
    assert post.to(1).positions == [1]
    assert post.settled(1) == 2


# Retention


async def test_retention_waits_for_the_slowest_also_while_it_is_paused_or_was_never_started(post: Post) -> None:
    await post.use(BOTH)
    post.to(1).answers.append(failed())
    await post.append(1)
    await post.append(1)
    assert post.settled(1, 2) == 1
    assert post.settled(2) == 3
    never = paused(subscription(3))
    used = view(paused(subscription(1)), subscription(2), never, streams=[(1, 1, 1), (2, 1, 1), (3, 1, 2)])
    await post.use(used)
    assert post.settled(1, 2) == 1
    assert post.settled(2, 3) == 2
    assert post.settled() == 3


async def test_stop_ends_everything_and_closes_every_destination(post: Post) -> None:
    await post.use(BOTH)
    await post.manager.stop()
    await post.append(1)
    assert all(transport.closed and not transport.sent for _, transport in post.opened)


# Gates, alerts and letters


TO_ONE = view(
    subscription(1), subscription(2, destination_id=1), streams=[(1, 1, 1), (2, 1, 1)], destinations={1: destination(1)}
)


async def test_subscriptions_to_one_destination_share_its_gate(post: Post) -> None:
    post.answers[1] = [failed()]
    await post.use(TO_ONE)
    await post.append(1)
    first, other = sorted((transport for _, transport in post.opened), key=lambda transport: -len(transport.sent))
    other.answers.clear()
    gate = post.manager.gates(1)[""]
    assert (gate.state, gate.failures) == ("open", 1)
    await post.append(1)
    assert (first.positions, other.positions) == ([1], [])  # the other need not find out by itself
    for seconds in (20, 1):  # the schedule, and the linger
        post.clock.advance(seconds)
        await quiet()
    assert (first.positions, other.positions) == ([1, 1, 2], [1, 2])


async def test_destinations_do_not_share_a_gate(post: Post) -> None:
    post.answers[1] = [failed()]
    await post.use(BOTH)
    await post.append(1)
    assert [post.manager.gates(id_)[""].state for id_ in (1, 2)] == ["open", "closed"]


async def test_a_gate_is_kept_as_long_as_anything_is_delivered_through_it(post: Post) -> None:
    await post.use(TO_ONE)
    gate = post.manager.gates(1)[""]
    await post.use(structs.replace(TO_ONE, subscriptions={2: subscription(2, destination_id=1)}))
    assert post.manager.gates(1)[""] is gate
    await post.use(view())
    assert post.manager.gates(1) == {}


async def test_alerts_about_an_endpoint_end_with_the_delivery(post: Post) -> None:
    post.answers[1] = [failed()]
    await post.use(ONE)
    await post.append(1)
    assert post.overseer.standing == {"destination_failing"}
    await post.use(structs.replace(ONE, subscriptions={1: paused(subscription(1))}))
    assert post.overseer.standing == set()


async def test_letters_that_were_revived_reach_the_delivery_that_runs(post: Post) -> None:
    isolating = view(subscription(1, delivery={"isolate": True}), subscription(2), streams=[(1, 1, 1), (2, 1, 1)])
    post.answers[1] = [failed("rejected", status=400)]
    await post.use(isolating)
    await post.append(1)
    store = post.road.log.delivery
    [dead] = await store.dead(LetterFilter())
    post.manager.revived(0, [*await store.revive([dead], [0]), DeadLetter(99, dead.letter)])
    await quiet()
    assert post.to(1).positions == [1, 1]
    assert post.to(2).positions == [1]
    assert await store.letter_counts() == {}


async def test_messages_are_what_the_destination_can_carry(post: Post) -> None:
    post.carriage[1] = Carriage(keyed=True)
    used = view(subscription(1), subscription(2), streams=[(n, subject, 1) for n in (1, 2) for subject in (1, 2)])
    await post.use(used)
    await post.append(1, 2, 1)
    assert sorted((message.key or "", sent_positions(message)) for message in post.to(1).sent) == [
        ("1", [1, 3]),
        ("2", [2]),
    ]
    assert [(message.key, sent_positions(message)) for message in post.to(2).sent] == [(None, [1, 2, 3])]

"""What is told of grants reaches who has no stream at all, once and in order, whatever fails in between."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fixtures.following import Running
from fixtures.granting import GrantingSite, subscription
from fixtures.pipeline import part
from postroad.delivery.expected import Expectations
from postroad.delivery.terms import terms_of
from postroad.errors import StoreUnavailable
from postroad.log.delivery import Chapter
from postroad.log.memory import MemoryLog
from postroad.log.tally import NOTHING
from postroad.protocols import READABLE, TARGETS
from postroad.registry import chosen
from postroad.registry.store import RegistryStore
from postroad.routing.explain import routes_of
from postroad.routing.translation import Decoder
from postroad.service.housekeeping import prune_told

VEHICLES = {"AA": "F", "BB": "F", "CC": None}


class Hub:
    """A site and its shard; what runs is killed and started at will."""

    def __init__(self, site: GrantingSite, clock: Any) -> None:
        self.site = site
        self.log = MemoryLog(0, clock=clock)
        self._clock = clock
        self.running: Running

    async def start(self, cursor: int | None = None) -> None:
        self.running = await Running(self.site.store, self.log, self._clock).start(cursor)

    async def change(self, change: Any, *arguments: Any) -> None:
        """A change of the registry, and the hub goes by it."""
        await asyncio.to_thread(change, *arguments)
        await self.running.follower.refresh()

    async def report(self, plate: str) -> int:
        """A vehicle reports; where in the log."""
        return (await self.log.append(part(self.site.id(plate)))).position

    async def said(self, to: str = "all") -> list[str]:
        """What a subscription has to send, in order: a type, and the number of the vehicle or fleet."""
        view = self.site.store.view()
        names = {s.issued.get("connected_cars.vehicle_id"): s.plate for s in view.subjects.values() if s.plate}
        events = await self.running.events(self.site.subscription(to).id)
        return [" ".join([event["type"], names.get(event.get("vehicleId"), "fleet")]) for event in events]


@pytest.fixture
async def hub(tmp_path: Any, declare: Any, clock: Any) -> AsyncIterator[Hub]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=clock)
    site = GrantingSite(store, declare)
    site.declare(VEHICLES, [subscription("all"), subscription("words", "chosen", types=[])])
    hub = Hub(site, clock)
    await hub.start()
    yield hub
    await hub.running.kill()
    store.close()


async def test_who_has_no_stream_is_told_and_gets_nothing_else(hub: Hub) -> None:
    await hub.change(hub.site.give, "F")
    await hub.report("AA")
    await hub.change(hub.site.move, "BB", None)
    await hub.change(hub.site.revoke, "F")
    await hub.report("AA")
    words = ["access_granted_to_fleet fleet", "access_removed_from_vehicle BB", "vehicle_removed_from_fleet BB"]
    assert await hub.said("words") == [*words, "access_removed_from_fleet fleet"]
    assert await hub.said("all") == [*words, "access_removed_from_fleet fleet"], "the report waited, and is skipped"


async def test_what_was_had_is_sent_from_the_grant_on_and_nothing_of_a_gap(hub: Hub) -> None:
    before = await hub.report("CC")
    await hub.change(hub.site.give, "CC")
    first = await hub.report("CC")
    await hub.change(hub.site.revoke, "CC")
    gap = await hub.report("CC")
    await hub.change(hub.site.give, "CC")
    second = await hub.report("CC")
    assert (await hub.said())[-1:] == ["gps_position CC"]
    view = hub.running.follower.view
    mine = [s for s in view.streams.values() if s.subject_id == hub.site.id("CC")]
    given = [range(s.from_position or 0, s.until_position or second + 1) for s in mine]
    assert [[at in stretch for stretch in given] for at in (before, first, gap, second)] == [
        [False, False],
        [True, False],
        [False, False],
        [False, True],
    ]


async def test_who_reads_the_log_by_himself_later_is_told_the_same(hub: Hub) -> None:
    for change, name in ((hub.site.give, "F"), (hub.site.revoke, "F"), (hub.site.give, "CC")):
        await hub.change(change, name)
    live = await hub.said("words")
    assert live == [
        "access_granted_to_fleet fleet",
        "access_removed_from_fleet fleet",
        "access_granted_to_vehicle CC",
    ]
    await hub.running.kill()
    await hub.start(cursor=1)
    assert await hub.said("words") == live


async def test_a_subscription_that_begins_gets_what_it_is_told_before_it_has_anything(hub: Hub) -> None:
    await hub.change(hub.site.give, "F")
    more = [subscription("all"), subscription("words", "chosen", types=[]), subscription("more", "chosen", types=[])]
    await hub.change(hub.site.declare, VEHICLES, more)
    assert await hub.said("more") == ["access_granted_to_fleet fleet"]


@pytest.mark.parametrize("step", ["pending", "append", "relayed"])
async def test_a_kill_at_any_step_records_once_and_tells(hub: Hub, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    await hub.change(hub.site.give, "F")
    cursor = hub.log.next_position

    def failing(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("io", "killed here")

    with monkeypatch.context() as broken:
        broken.setattr(*((hub.log, "append", failing) if step == "append" else (hub.site.store, step, failing)))
        await hub.change(hub.site.revoke, "F")
    await hub.running.kill()
    await hub.start(cursor)
    assert await hub.said("words") == ["access_removed_from_fleet fleet"]
    assert hub.site.store.pending(0, limit=10) == []
    assert len({at.position for at in hub.site.store.view().told}) == 4, "two words to each of two"


async def test_what_could_not_be_noted_is_known_as_told_all_the_same(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("locked", "not now")

    with monkeypatch.context() as broken:
        broken.setattr(hub.site.store, "relayed", failing)
        await hub.change(hub.site.give, "F")
        assert hub.site.store.view().told == frozenset()
        assert await hub.said("words") == ["access_granted_to_fleet fleet"]
        await hub.running.follower.refresh()
        broken.setattr(hub.site.store, "pending", failing)
        await hub.change(hub.site.give, "CC")
        assert await hub.said("words") == ["access_granted_to_fleet fleet"], "also by a view that does not know it"
    await hub.running.follower.refresh()
    assert await hub.said("words") == ["access_granted_to_fleet fleet", "access_granted_to_vehicle CC"]
    assert len(hub.site.store.view().told) == 4


async def test_a_stream_by_grants_ends_where_routing_stood(hub: Hub) -> None:
    await hub.change(hub.site.give, "CC")
    await hub.report("CC")
    await hub.change(hub.site.revoke, "CC")
    await hub.report("CC")
    [stream] = [s for s in hub.site.store.view().streams.values() if s.subject_id == hub.site.id("CC")]
    [told] = [
        at
        for at in sorted(hub.site.store.view().told, key=lambda at: at.position)
        if at.subscription_id == stream.subscription_id
    ][1:]
    assert stream.until_position is not None
    assert stream.until_position <= told.position


async def test_an_item_is_not_told_by_a_view_that_does_not_know_whom_it_names(hub: Hub) -> None:
    """A vehicle that another process makes between the look at the registry and the relay: told by the next look."""
    await hub.change(hub.site.give, "F")
    pending = hub.site.store.pending

    def meanwhile(*arguments: Any, **keywords: Any) -> Any:
        hub.site.store.pending = pending  # type: ignore[method-assign]
        hub.site.declare(VEHICLES | {"DD": "F"}, [subscription("all"), subscription("words", "chosen", types=[])])
        return pending(*arguments, **keywords)

    hub.site.store.pending = meanwhile  # type: ignore[method-assign]
    await hub.change(hub.site.give, "CC")
    assert (await hub.said("words"))[-1] == "access_granted_to_vehicle CC"
    await hub.running.follower.refresh()
    assert (await hub.said("words"))[-1] == "vehicle_added_to_fleet DD"


async def test_what_a_customer_chose_is_sent_from_then_on_and_no_more_once_he_gives_it_up(hub: Hub) -> None:
    hub.site.declare(VEHICLES, [subscription("all", "chosen"), subscription("words", "chosen", types=[])])
    await hub.change(hub.site.give, "F")
    await hub.report("AA")
    await hub.change(hub.site.add, "AA")
    await hub.report("AA")
    await hub.report("BB")
    assert (await hub.said())[-2:] == ["access_granted_to_fleet fleet", "gps_position AA"]
    ids = [hub.site.id("AA")]
    await hub.change(hub.site.change, chosen.delete_all, [hub.site.garage], ids)
    await hub.report("AA")
    assert (await hub.said())[-1] == "access_granted_to_fleet fleet"


async def test_explaining_an_item_knows_who_of_another_organization_had_it(hub: Hub) -> None:
    at = await hub.report("AA")
    await hub.change(hub.site.give, "F")
    then = await hub.report("AA")
    view = hub.running.follower.view
    decoder = Decoder(READABLE)
    decoder.use(view)

    async def verdicts(position: int) -> dict[str, str]:
        [batch] = [batch for batch in await hub.log.read(position) if batch.position == position]
        routes = routes_of(batch, 0, view=view, decoder=decoder, targets=TARGETS)
        return {route.subscription: route.verdict for route in routes}

    assert (await verdicts(at))["all"] == "before_stream"
    assert (await verdicts(then))["all"] == "routed"
    for told in view.told:
        name = view.subscriptions[told.subscription_id].name
        assert [to for to, verdict in (await verdicts(told.position)).items() if verdict == "routed"] == [name]


async def test_where_something_was_told_is_forgotten_with_the_log(hub: Hub) -> None:
    await hub.change(hub.site.give, "F")
    await hub.change(hub.site.give, "CC")
    store, view = hub.site.store, lambda: hub.site.store.view()
    await prune_told(store, {0: hub.log}, view)
    assert len(view().told) == 4
    await hub.log.retain(received_before_us=1 << 60, settled=hub.log.next_position, max_bytes=1 << 40)
    await prune_told(store, {0: hub.log}, view)
    assert view().told == frozenset()


async def test_an_audit_expects_the_words_of_who_has_no_stream_and_what_streams_gave_until_they_ended(hub: Hub) -> None:
    await hub.change(hub.site.give, "F")
    reported = await hub.report("AA")
    await hub.change(hub.site.revoke, "F")
    await hub.report("AA")
    view, batches = hub.site.store.view(), await hub.log.read(0)
    decoder = Decoder(READABLE)
    decoder.use(view)
    expected: dict[str, list[int]] = {}
    for name in ("all", "words"):
        to = hub.site.subscription(name)
        look = Expectations(
            to, lambda at: [b for b in batches if b.end > at], view=view, decoder=decoder, targets=TARGETS
        )
        told = look.look(Chapter(0, batches[-1].end, NOTHING, 0, terms_of(to)))
        assert told is not None
        assert told.same_today
        expected[name] = [position for position, _ in told.items]
    words = {
        name: sorted(at.position for at in view.told if at.subscription_id == hub.site.subscription(name).id)
        for name in expected
    }
    assert [len(positions) for positions in words.values()] == [2, 2]
    assert expected == {"all": sorted([*words["all"], reported]), "words": words["words"]}

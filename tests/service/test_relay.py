"""What the registry tells reaches the log once, and the subscription in order, whatever fails in between."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.clock import VirtualClock
from fixtures.following import Running
from fixtures.pipeline import part
from postroad.errors import StoreUnavailable
from postroad.log.memory import MemoryLog
from postroad.registry.store import RegistryStore
from postroad.service.declarable import catalogue

DECLARED = """
organizations:
  - name: Andes
    vehicles: [{vehicles}]
    integrations:
      - name: insurer
        destinations:
          - {{name: webhook, transport: https, config: {{url: "https://customer.example/"}}}}
        subscriptions:
          - {{name: one, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: {one}}}
          - {{name: two, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: {two}}}
"""


class Site:
    def __init__(self, store: RegistryStore, declare: Any, clock: Any) -> None:
        self.store, self.log, self.clock = store, MemoryLog(0, clock=clock), clock
        self._declare = declare

    def declare(self, one: str, two: str = "none", vehicles: str = "{plate: A}, {plate: B}") -> None:
        text = DECLARED.format(one=one, two=two, vehicles=vehicles)
        self._declare(self.store, text, catalogue=catalogue(), prune=True)

    async def run(self, cursor: int | None = None) -> Running:
        return await Running(self.store, self.log, self.clock).start(cursor)

    def vehicle(self, plate: str) -> int:
        return next(s.id for s in self.store.view().subjects.values() if s.plate == plate)

    async def recorded(self) -> list[str]:
        """Types of the hub's own items in the log."""
        batches = await self.log.read(1)
        return [json.loads(raw)["type"] for batch in batches if batch.protocol == "postroad" for raw in batch.items()]


@pytest.fixture
async def site(tmp_path: Any, declare: Any, clock: Any) -> AsyncIterator[Site]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=clock)
    yield Site(store, declare, clock)
    store.close()


async def test_a_grant_and_its_end_reach_the_one_subscription_in_order_with_the_data_between(site: Site) -> None:
    site.declare("{plates: [A]}", "{plates: [B]}")
    running = await site.run()
    a = site.vehicle("A")
    assert await running.said(1) == ["access_granted_to_vehicle"]
    await site.log.append(part(a))
    assert await running.said(1) == ["access_granted_to_vehicle", "gps_position"]
    site.declare("none", "{plates: [A, B]}")
    await running.follower.refresh()
    await site.log.append(part(a))
    # What waited is not sent any more: access must exist at the moment of sending. Only the farewell is.
    assert await running.said(1) == ["access_removed_from_vehicle"]
    assert await running.said(2) == ["access_granted_to_vehicle", "access_granted_to_vehicle", "gps_position"]
    await running.kill()


async def test_a_stream_ends_where_its_farewell_stands(site: Site) -> None:
    site.declare("{plates: [A]}")
    running = await site.run()
    site.declare("none")
    await running.follower.refresh()
    [ended] = [s for s in site.store.view().streams.values() if s.ended]
    assert ended.farewell_position == site.log.next_position - 1
    assert ended.until_position == site.log.next_position
    await running.kill()


async def test_a_vehicle_that_is_no_more_is_still_told_by_its_number(site: Site) -> None:
    site.declare("all")
    running = await site.run()
    number = site.store.view().subjects[site.vehicle("A")].issued["connected_cars.vehicle_id"]
    site.declare("all", vehicles="{plate: B}")
    await running.follower.refresh()
    assert (await running.said(1))[-1] == "access_removed_from_vehicle"
    assert json.loads(running.feeds[1].queue[-1].events[0].body)["vehicleId"] == number
    await running.kill()


@pytest.mark.parametrize("step", ["pending", "append", "relayed"])
async def test_a_kill_at_any_step_records_once_and_delivers(
    site: Site, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    site.declare("{plates: [A]}")
    running = await site.run()
    cursor = site.log.next_position
    site.declare("none")
    fail = StoreUnavailable("io", "killed here")

    def failing(*_: Any, **__: Any) -> Any:
        raise fail

    with monkeypatch.context() as broken:
        if step == "append":
            broken.setattr(site.log, "append", failing)
        else:
            broken.setattr(site.store, step, failing)
        await running.follower.refresh()
    await running.kill()
    again = await site.run(cursor)
    assert await again.said(1) == ["access_removed_from_vehicle"]
    assert await site.recorded() == ["access_granted_to_vehicle", "access_removed_from_vehicle"]
    assert site.store.pending(0, limit=10) == []
    await again.kill()


async def test_what_could_not_be_noted_is_known_as_a_farewell_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.declare("{plates: [A]}")
    running = await site.run()
    site.declare("none")

    def failing(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("locked", "not now")

    with monkeypatch.context() as broken:
        broken.setattr(site.store, "relayed", failing)
        await running.follower.refresh()
        assert await running.said(1) == ["access_removed_from_vehicle"]
    await running.follower.refresh()
    assert await site.recorded() == ["access_granted_to_vehicle", "access_removed_from_vehicle"]
    assert site.store.pending(0, limit=10) == []
    await running.kill()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.sampled_from(["all", "none", "{plates: [A]}", "{plates: [B]}"]), min_size=1, max_size=5),
    kills=st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_each_word_is_recorded_once_and_in_order_however_often_the_relay_dies(
    tmp_path_factory: pytest.TempPathFactory, declare: Any, changes: list[str], kills: list[bool]
) -> None:
    async def play() -> None:
        clock = VirtualClock()
        store = RegistryStore.open(tmp_path_factory.mktemp("site") / "registry.db", clock=clock)
        site = Site(store, declare, clock)
        relayed = store.relayed
        for change, killed in zip(changes, kills, strict=False):
            site.declare(change)
            if killed:
                store.relayed = _dies  # type: ignore[method-assign]
            running = await site.run()
            store.relayed = relayed  # type: ignore[method-assign]
            await running.kill()
        running = await site.run()
        await running.kill()
        batches = [batch for batch in await site.log.read(1) if batch.protocol == "postroad"]
        wanted = [int(batch.key.split(b"/")[1]) for batch in batches]
        assert wanted == sorted(set(wanted))
        assert wanted == list(range(1, len(wanted) + 1))
        per_subject: dict[int, list[bool]] = {}
        for batch in batches:
            word = json.loads(next(batch.items()))
            per_subject.setdefault(word["subject_id"], []).append(word["type"] == "access_granted_to_vehicle")
        for granted in per_subject.values():  # given and taken away by turns
            assert granted == [n % 2 == 0 for n in range(len(granted))]
        store.close()

    asyncio.run(play())


def _dies(*_: Any, **__: Any) -> None:
    raise StoreUnavailable("io", "killed here")

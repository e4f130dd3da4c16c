"""Admin events of a provider's feed, in the order of the log, and what they do to streams and memberships."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from fixtures.registry import CATALOGUE, Declare
from fixtures.until import until
from postroad.access.streams import StreamIndex
from postroad.db import schema
from postroad.errors import StoreUnavailable
from postroad.log.delivery import FOLLOWER_ID
from postroad.log.interface import Part
from postroad.log.memory import MemoryLog
from postroad.protocols.connected_cars import PROTOCOL, ConnectedCarsSettings
from postroad.registry import consents, coverage, subjects
from postroad.registry.records import RegistryView, Stream
from postroad.registry.store import RegistryStore
from postroad.service import catalogue
from postroad.upstream.connected_cars.admin import ADMIN_TYPES, AdminFollower, said_in
from postroad.upstream.connected_cars.vehicles import NewSubjects

NEW = NewSubjects(0, catalogue().issues)
SETTINGS = ConnectedCarsSettings()
DECLARATION = """
    organizations:
      - name: Andes
        providers:
          - {name: cc, protocol: connected_cars}
          - {name: gps, protocol: drivetech}
        fleets: [{name: Trucks}]
        vehicles: [{plate: KXRT41, fleet: Trucks}]
        integrations:
          - name: insurer
            destinations: [{name: webhook, transport: https, config: {url: "https://customer.example/"}}]
            subscriptions:
              - {name: all, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: all}
              - {name: none, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: none}
"""


def event(type_: str, **fields: Any) -> bytes:
    return json.dumps({"type": type_, "id": 1, "time": "2024-03-05T06:41:12Z", **fields}).encode()


def report(vehicle: int) -> bytes:
    return event("car_ignition", vehicleId=vehicle, value=True)


class Site:
    """A shard, a registry, and the follower between them."""

    def __init__(self, registry: RegistryStore, clock: Any) -> None:
        self.registry = registry
        self.clock = clock
        self.log = MemoryLog(0, clock=clock)
        self.view: RegistryView = registry.view()
        self.providers = {p.name: p for p in self.view.providers.values()}
        self.changed: list[int] = []
        self.fail: Exception | None = None
        self.hangs = False
        self.task: asyncio.Task[None] | None = None
        self.start()

    def start(self) -> None:
        self.follower = AdminFollower(
            self.log, self.registry, view=lambda: self.view, refresh=self.refresh, changed=self.changed.append,
            new=NEW, clock=self.clock,
        )  # fmt: skip
        self.task = asyncio.create_task(self.follower.run())

    async def kill(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.log._listeners.clear()

    async def refresh(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fail is not None:
            failure, self.fail = self.fail, None
            raise failure
        self.registry.activate_streams(0, self.log.next_position)
        self.view = self.registry.view()

    async def say(self, *raws: bytes, provider: str = "cc") -> int:
        """Append one part; its first position."""
        of = self.providers[provider]
        items = [PROTOCOL.read(raw, SETTINGS) for raw in raws]
        part = Part(
            provider_id=of.id, protocol=of.protocol, revision=of.revision, received_us=self.clock.now_us(),
            subjects=[0] * len(raws), kinds=bytes(i.kind for i in items), flags=bytes(len(raws)),
            lengths=[len(raw) for raw in raws], body=b",".join(raws),
        )  # fmt: skip
        return int((await self.log.append(part)).position)

    async def followed(self) -> None:
        """Wait until everything was looked at."""
        await until(lambda: self.follower.position >= self.log.next_position and not self.follower._news.is_set())
        await until(lambda: self.follower.idle)

    async def said(self, *raws: bytes) -> int:
        """Append, and wait until it had its effect."""
        position = await self.say(*raws)
        await self.followed()
        return position

    def know(self, number: int, **more: str) -> int:
        """A vehicle as intake makes it known; its id."""
        names = {"connected_cars.vehicle": str(number), **more}
        made = self.registry.create_vehicle(1, names, shard=0, issue=NEW.issue)
        self.registry.activate_streams(0, self.log.next_position)
        self.view = self.registry.view()
        return made.id

    def told(self) -> list[tuple[str, str, str | None]]:
        """Type, subscription and the provider's name of the fleet of what waits to be told; then it is relayed."""
        rows, view = self.registry.pending(0, limit=100), self.registry.view()
        self.registry.relayed(rows, {row.id: 1_000 + row.id for row in rows})
        names = {subject_id: value for (_, _, value), subject_id in view.identifiers.items()}
        words = [json.loads(row.payload) for row in rows]
        return [
            (
                word["type"],
                view.subscriptions[word["subscription_id"]].name,
                names.get(word.get("fleet_id") or word.get("left_fleet_id")),
            )
            for word in words
        ]

    def streams(self, vehicle_id: int) -> list[Stream]:
        found = [s for s in self.registry.view().streams.values() if s.subject_id == vehicle_id]
        return sorted(found, key=lambda stream: stream.id)

    def open(self, vehicle_id: int) -> bool:
        return any(not s.ended for s in self.streams(vehicle_id))

    def rows(self, query: Any) -> list[Any]:
        with self.registry._database.read() as connection:
            return list(connection.execute(query).all())

    def fleet_of(self, vehicle_id: int) -> str | None:
        """The identifier of the fleet of the open membership."""
        m, i = schema.memberships, schema.identifiers
        query = (
            sa.select(i.c.value)
            .join(m, m.c.fleet_id == i.c.subject_id)
            .where(m.c.vehicle_id == vehicle_id, m.c.until_us.is_(None))
        )
        return next((row.value for row in self.rows(query)), None)


@pytest.fixture
async def site(tmp_path: Path, declare: Declare, step_clock: Any) -> AsyncIterator[Site]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=step_clock)
    catalogue = replace(
        CATALOGUE, source_settings={**CATALOGUE.source_settings, "connected_cars": ConnectedCarsSettings}
    )
    declare(store, DECLARATION, catalogue=catalogue)
    site = Site(store, step_clock)
    yield site
    await site.kill()
    store.close()


def test_every_admin_type_is_known_by_its_kind() -> None:
    admin = {type_ for type_ in PROTOCOL.kinds if type_.startswith("access_") or type_.endswith("_fleet")}
    assert set(ADMIN_TYPES) == admin


async def test_access_that_is_removed_ends_the_vehicle_s_streams_at_exactly_that_position(site: Site) -> None:
    vehicle, other = site.know(7), site.know(8)
    first = await site.said(report(7), event("access_removed_from_vehicle", vehicleId=7), report(7))
    [stream] = site.streams(vehicle)
    assert (stream.ended, stream.until_position) == (True, first + 1)
    assert not StreamIndex(site.view.streams).covers(stream.subscription_id, vehicle, first + 2)
    assert site.open(other)
    assert site.changed == [site.providers["cc"].id]


async def test_while_access_is_withdrawn_nothing_opens_a_stream_again(site: Site) -> None:
    vehicle = site.know(7)
    await site.said(event("access_removed_from_vehicle", vehicleId=7))
    site.know(7, vin="WVWZZZAUZRW000417")
    with site.registry.transaction() as transaction:
        coverage.reconcile(transaction, 1)
    assert not site.open(vehicle)


async def test_access_that_is_granted_makes_the_vehicle_known_and_its_streams_begin_by_the_selectors(
    site: Site,
) -> None:
    position = await site.said(event("access_granted_to_vehicle", vehicleId=7))
    vehicle = site.view.identifiers[1, "connected_cars.vehicle", "7"]
    assert "connected_cars.vehicle_id" in site.view.subjects[vehicle].issued
    [stream] = site.streams(vehicle)  # of the subscription to all, not of that to none
    assert not stream.ended
    assert stream.from_position == position + 1


async def test_a_grant_after_a_removal_begins_a_new_stream(site: Site) -> None:
    vehicle = site.know(7)
    removed = await site.said(event("access_removed_from_vehicle", vehicleId=7))
    await site.said(event("access_granted_to_vehicle", vehicleId=7))
    before, after = site.streams(vehicle)
    assert (before.until_position, before.ended) == (removed, True)
    assert (after.until_position, after.ended) == (None, False)


async def test_a_fleet_that_withdraws_takes_its_vehicles_with_it_and_no_others(site: Site) -> None:
    inside, left, outside = site.know(1), site.know(2), site.know(3)
    position = await site.said(
        event("vehicle_added_to_fleet", vehicleId=1, fleetId=50),
        event("vehicle_added_to_fleet", vehicleId=2, fleetId=50),
        event("vehicle_removed_from_fleet", vehicleId=2, fleetId=50),
        event("access_removed_from_fleet", fleetId=50),
    )
    assert [site.open(v) for v in (inside, left, outside)] == [False, True, True]
    assert site.streams(inside)[0].until_position == position + 3
    await site.said(event("access_granted_to_fleet", fleetId=50))
    assert site.open(inside)


async def test_memberships_follow_a_move_and_those_of_a_file_are_the_file_s(site: Site) -> None:
    vehicle, declared = site.know(1), site.view.identifiers[1, "plate", "KXRT41"]
    await site.said(
        event("vehicle_added_to_fleet", vehicleId=1, fleetId=50),
        event("vehicle_removed_from_fleet", vehicleId=1, fleetId=50),
        event("vehicle_added_to_fleet", vehicleId=1, fleetId=51),
    )
    assert site.fleet_of(vehicle) == "51"
    await site.said(event("vehicle_removed_from_fleet", vehicleId=1, fleetId=50))  # late: of where it was before
    assert site.fleet_of(vehicle) == "51"
    with site.registry.transaction() as transaction:
        subjects.identify(transaction, 1, declared, "connected_cars.vehicle", "9")
    await site.said(event("vehicle_added_to_fleet", vehicleId=9, fleetId=51))
    [name] = site.rows(
        sa.select(schema.subjects.c.name)
        .join(schema.memberships, schema.memberships.c.fleet_id == schema.subjects.c.id)
        .where(schema.memberships.c.vehicle_id == declared, schema.memberships.c.until_us.is_(None))
    )
    assert name == ("Trucks",)


async def test_in_which_of_the_provider_s_fleets_a_vehicle_is_is_told_to_who_has_the_vehicle(site: Site) -> None:
    vehicle = site.know(1)
    assert site.told()[1:] == [("access_granted_to_vehicle", "all", None)]  # the first is of the declared vehicle
    await site.said(event("vehicle_added_to_fleet", vehicleId=1, fleetId=50))
    assert site.told() == [("vehicle_added_to_fleet", "all", "50")]
    await site.said(event("vehicle_added_to_fleet", vehicleId=1, fleetId=51))
    assert site.told() == [("vehicle_removed_from_fleet", "all", "50"), ("vehicle_added_to_fleet", "all", "51")]
    await site.said(event("vehicle_added_to_fleet", vehicleId=1, fleetId=51))
    assert site.told() == [], "it was there already"
    await site.said(event("access_removed_from_fleet", fleetId=51))
    assert site.told() == [("access_removed_from_vehicle", "all", None)], "it did not leave the fleet"
    await site.said(event("vehicle_removed_from_fleet", vehicleId=1, fleetId=51))
    assert site.told() == [], "nobody has the vehicle"
    await site.said(
        event("vehicle_added_to_fleet", vehicleId=1, fleetId=50), event("access_granted_to_vehicle", vehicleId=1)
    )
    assert site.told() == [("access_granted_to_vehicle", "all", None), ("vehicle_added_to_fleet", "all", "50")]
    await site.said(event("vehicle_removed_from_fleet", vehicleId=1, fleetId=50))
    assert site.told() == [("vehicle_removed_from_fleet", "all", "50")]
    assert site.open(vehicle)


async def test_a_provider_s_fleet_has_a_number_as_soon_as_it_is_known(site: Site) -> None:
    site.know(1)
    await site.said(event("vehicle_added_to_fleet", vehicleId=1, fleetId=50))
    fleet = site.view.identifiers[1, "connected_cars.fleet", "50"]
    assert isinstance(site.view.subjects[fleet].issued["connected_cars.fleet_id"], int)


async def test_a_list_tells_of_the_fleets_that_it_names(site: Site) -> None:
    vehicle = site.know(1)
    site.told()
    with site.registry.transaction() as transaction:
        consents.listed(
            transaction, site.providers["cc"].id, 1, {vehicle: "50"},
            namespace="connected_cars.fleet", shard=0, issue=NEW.issue, before_us=site.clock.us,
        )  # fmt: skip
    assert site.told() == [("vehicle_added_to_fleet", "all", "50")]


async def test_a_vehicle_that_is_selected_no_more_has_not_left_the_provider_s_fleet(
    site: Site, declare: Declare
) -> None:
    site.know(1)
    await site.said(event("vehicle_added_to_fleet", vehicleId=1, fleetId=50))
    site.told()
    catalogue = replace(
        CATALOGUE, source_settings={**CATALOGUE.source_settings, "connected_cars": ConnectedCarsSettings}
    )
    declare(site.registry, DECLARATION.replace("vehicles: all", "vehicles: none"), catalogue=catalogue)
    assert site.told() == [("access_removed_from_vehicle", "all", None)] * 2  # the declared vehicle's, too


async def test_a_vehicle_that_a_file_puts_into_a_fleet_of_its_own_has_left_the_provider_s(
    site: Site, declare: Declare
) -> None:
    vehicle = site.know(1, plate="BBBB22")
    await site.said(event("vehicle_added_to_fleet", vehicleId=1, fleetId=50))
    site.told()
    catalogue = replace(
        CATALOGUE, source_settings={**CATALOGUE.source_settings, "connected_cars": ConnectedCarsSettings}
    )
    both = DECLARATION.replace("vehicles: [{plate: KXRT41", "vehicles: [{plate: BBBB22, fleet: Trucks}, {plate: KXRT41")
    declare(site.registry, both, catalogue=catalogue)
    assert site.told() == [("vehicle_removed_from_fleet", "all", "50")]
    assert site.open(vehicle)


async def test_applying_a_file_again_leaves_what_the_provider_said_of_fleets(site: Site, declare: Declare) -> None:
    vehicle = site.know(1)
    await site.said(event("vehicle_added_to_fleet", vehicleId=1, fleetId=50))
    catalogue = replace(
        CATALOGUE, source_settings={**CATALOGUE.source_settings, "connected_cars": ConnectedCarsSettings}
    )
    assert declare(site.registry, DECLARATION, catalogue=catalogue, prune=True) == []
    assert site.fleet_of(vehicle) == "50"


async def test_the_same_admin_event_again_changes_nothing(site: Site) -> None:
    vehicle = site.know(7)
    events = (
        event("vehicle_added_to_fleet", vehicleId=7, fleetId=50),
        event("access_removed_from_vehicle", vehicleId=7),
    )
    await site.said(*events)
    before = (site.streams(vehicle), site.rows(sa.select(schema.memberships)), site.registry.version())
    await site.said(*events)
    assert (site.streams(vehicle), site.rows(sa.select(schema.memberships)), site.registry.version()) == before


async def test_after_a_kill_events_that_had_their_effect_have_none_again(site: Site) -> None:
    """The effects are durable, the cursor is not: what is read again is passed over."""
    vehicle = site.know(7)
    site.hangs = True  # between the effects and the cursor
    position = await site.say(
        event("access_removed_from_vehicle", vehicleId=7), event("access_granted_to_vehicle", vehicleId=7)
    )
    await until(lambda: site.registry.followed(0) > position + 1)
    await site.kill()
    assert FOLLOWER_ID not in await site.log.delivery.cursors()
    before = site.rows(sa.select(schema.streams))
    site.hangs = False
    site.start()
    await site.followed()
    after = site.rows(sa.select(schema.streams))
    assert [row.id for row in after] == [row.id for row in before]
    assert [row.until_position for row in after if row.subject_id == vehicle] == [position, None]
    assert (await site.log.delivery.cursors())[FOLLOWER_ID].position == site.log.next_position


async def test_what_came_while_nobody_followed_is_followed_at_the_start(site: Site) -> None:
    vehicle = site.know(7)
    await site.said(event("access_granted_to_vehicle", vehicleId=8))
    await site.kill()
    position = await site.say(report(7), event("access_removed_from_vehicle", vehicleId=7))
    site.start()
    await site.followed()
    assert site.streams(vehicle)[0].until_position == position + 1


async def test_a_registry_that_is_away_is_waited_for_and_nothing_is_passed_over(site: Site) -> None:
    vehicle = site.know(7)
    site.fail = StoreUnavailable("locked", "away")
    await site.said(event("access_removed_from_vehicle", vehicleId=7))
    assert not site.open(vehicle)
    assert site.changed == [site.providers["cc"].id]


async def test_what_concerns_nobody_is_passed_without_being_read(site: Site) -> None:
    await site.followed()
    reads = 0
    read = site.log.read

    async def counted(*args: Any, **options: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(*args, **options)

    site.log.read = counted  # type: ignore[method-assign]
    for _ in range(5):
        await site.say(report(7), report(8))
    assert site.follower.position == site.log.next_position
    assert reads == 0


async def test_another_protocol_s_items_are_never_taken_for_admin_events(site: Site) -> None:
    vehicle = site.know(7)
    await site.say(event("access_removed_from_vehicle", vehicleId=7), provider="gps")
    assert site.follower.position == site.log.next_position
    assert site.open(vehicle)


async def test_a_provider_whose_vehicles_are_to_be_declared_makes_none_known(site: Site) -> None:
    of = site.view.providers[site.providers["cc"].id]
    site.view = replace(site.view, providers={of.id: replace(of, unknown_vehicles="unassigned")})
    await site.said(event("access_granted_to_vehicle", vehicleId=7))
    assert (1, "connected_cars.vehicle", "7") not in site.registry.view().identifiers


async def test_with_several_markets_numbers_are_told_apart(site: Site) -> None:
    of = site.providers["cc"]
    key = (of.id, of.revision)
    site.view = replace(site.view, provider_settings={key: {"organization_in_ids": True}})
    raw = event("access_removed_from_vehicle", vehicleId=7, organizationKey="market")
    await site.say(raw)
    [batch] = await site.log.read(0)
    [said] = said_in(batch, site.view)
    assert said.name == "market/7"


async def test_a_list_of_the_consenting_corrects_what_was_missed_and_not_what_was_said_since(site: Site) -> None:
    stays, missed, since = site.know(1), site.know(2), site.know(3)
    provider_id = site.providers["cc"].id

    def listed(fleets: dict[int, str | None], before_us: int) -> consents.Counted:
        site.clock.us += 1
        with site.registry.transaction() as transaction:
            return consents.listed(
                transaction, provider_id, 1, fleets,
                namespace="connected_cars.fleet", shard=0, issue=NEW.issue, before_us=before_us,
            )  # fmt: skip

    assert listed({stays: "50", missed: None, since: None}, site.clock.us) == (0, 0)
    assert site.fleet_of(stays) == "50"
    site.clock.us += 10
    asked_us = site.clock.us
    await site.said(event("access_removed_from_vehicle", vehicleId=3))  # after asking, before the answer
    assert listed({stays: "50", since: None}, asked_us) == (0, 1)
    assert [site.open(v) for v in (stays, missed, since)] == [True, False, False]
    site.clock.us += 10
    assert listed({stays: None, missed: None, since: None}, site.clock.us) == (2, 0)
    assert [site.open(v) for v in (stays, missed, since)] == [True, True, True]
    assert site.fleet_of(stays) is None


async def test_without_a_provider_to_follow_nothing_is_read_or_written(site: Site) -> None:
    await site.kill()
    site.log = MemoryLog(0, clock=site.clock)
    for _ in range(3):
        await site.say(event("access_removed_from_vehicle", vehicleId=7))
    site.view = replace(site.view, providers={})
    site.start()
    await site.followed()
    assert site.follower.position == site.log.next_position
    assert await site.log.delivery.cursors() == {}

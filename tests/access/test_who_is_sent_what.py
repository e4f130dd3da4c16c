"""A small model of the rules of access and the hub agree on exactly what each subscription is sent, whatever happens.

Grants and selections change, vehicles move, customers fail and recover, the hub stops and is killed; after each step what
every customer has received, what was skipped, and what stands in the log is what the model says.
"""

import asyncio
import json
import random
import shutil
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from fixtures.access_hub import AccessHub, Customer, InStep, Received
from fixtures.access_rules import NOTHING, Item, Rules, Selector, Subscription, Told, Vehicle, Word
from postroad.db import schema
from postroad.errors import StoreUnavailable
from postroad.layout import REGISTRY_FILE
from postroad.model.identifiers import PLATE
from postroad.registry import consents
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service.declarable import catalogue
from postroad.transports.base import Delivered, Failed

PLATES = {"Andes": ("A1", "A2", "A3"), "Baltic": ("B1", "B2")}
FLEETS = {"Andes": ("north", "south"), "Baltic": ("east",)}
HOMES = {"A1": "north", "A2": "south", "B1": "east"}
PROVIDERS = ("gps", "can")
RETRY_S = 0.01
BULK = 3
OWNERS = {plate: organization for organization, plates in PLATES.items() for plate in plates}
SUBSCRIPTIONS = (
    Subscription("picked", "insurer", "Andes", "operator"),
    Subscription("quiet", "insurer", "Andes", "operator", admin=False),
    Subscription("lanes", "garage", "Baltic", "operator"),
)
IN_LANES = {"lanes"}

names = st.sampled_from([subscription.name for subscription in SUBSCRIPTIONS])
plates = st.sampled_from(sorted(OWNERS))
fleets = st.sampled_from([fleet for of_one in FLEETS.values() for fleet in of_one])
seen = st.sampled_from([True, True, True, False])
"""Whether the hub looks at once at what was changed."""


class Post:
    """What one subscription is sent, compared with what the model has for it."""

    def __init__(self, of: Subscription, customer: Customer) -> None:
        self.of = of
        self.customer = customer
        self.paused = False
        """As far as the hub knows."""
        self.got: list[Item] = []
        self.skipped: list[Item] = []
        self.in_flight: list[Item] = []
        """Sent, and not answered yet."""
        self._seen = 0

    def compare(self, received: list[tuple[int, tuple[Told, ...]]]) -> None:
        """What came since the last comparison is what was to come first, and all of it if nothing held it up."""
        due = [item for item in self.of.waiting if item.due]
        if self.of.name in IN_LANES:
            taken = [item for item in due if item.position in {position for position, _ in received}]
            for subject in {item.subject for item in due}:
                theirs = [item for item in due if item.subject == subject]
                assert [item for item in taken if item.subject == subject] == theirs[: len(theirs)][
                    : len([item for item in taken if item.subject == subject])
                ]
            assert sorted(received) == sorted((item.position, item.said) for item in taken)
        else:
            taken = due[: len(received)]
            assert received == [(item.position, item.said) for item in taken]
        if not self.paused and self.customer.mood == "takes":
            assert taken == due
            self.skipped += [item for item in self.of.waiting if not item.due]
            self.of.waiting = []
        else:
            self.of.waiting = [item for item in self.of.waiting if item not in taken]
        if self.customer.mood == "hangs":
            self.in_flight += taken
        self.got += taken

    def news(self) -> list[Received]:
        news, self._seen = self.customer.received[self._seen :], len(self.customer.received)
        return news

    def interrupted(self, cursor: int) -> None:
        """Whoever sent is gone: it goes on at its cursor."""
        again = {item for item in [*self.got, *self.skipped] if item.position >= cursor}
        if self.of.name not in IN_LANES:
            assert again == set(self.in_flight)
        self.skipped = [item for item in self.skipped if item not in again]
        self.in_flight = []
        self.of.waiting = sorted({*again, *self.of.waiting}, key=lambda item: item.position)
        self.customer.answer(Failed(reason="broken"))


class Machine(RuleBasedStateMachine):
    """The steps."""

    template: Path
    keys: KeyRing
    folders: Iterator[Path]

    def __init__(self) -> None:
        super().__init__()
        self.folder = next(self.folders)
        shutil.copytree(self.template, self.folder)
        self.random = random.Random(0)
        self.loop = InStep(lambda: self.random.choice((0, 0, 1, 3)))
        subscriptions = [Subscription(s.name, s.integration, s.organization, s.chosen_by, s.data, s.admin) for s in SUBSCRIPTIONS]
        self.rules = Rules(subscriptions)
        self.rules.fleets = {fleet: organization for organization, fleets in FLEETS.items() for fleet in fleets}
        self.homes: dict[str, str | None] = {plate: HOMES.get(plate) for plate in OWNERS}
        self.count = 0
        self.names: dict[tuple[str, int], str] = {}
        self.ids: dict[str, int] = {}
        self.said: set[int] = set()
        self.read_to = 1
        self.owed: list[Word] = []

    def go(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize(queue_bytes=st.sampled_from([300, 1 << 20]), seed=st.integers(0, 3))
    def begin(self, queue_bytes: int, seed: int) -> None:
        self.random.seed(seed)
        self.hub = AccessHub(self.folder, loop=self.loop, queue_bytes=queue_bytes)
        self.go(self._begin())

    async def _begin(self) -> None:
        await self.hub.start()
        self.posts = {
            name: Post(of, self.hub.customers.setdefault(name, Customer())) for name, of in self.rules.subscriptions.items()
        }
        self.subscription_ids = {s.name: s.id for s in self.hub.view.subscriptions.values()}
        for plate in OWNERS:
            self._register(plate)
        self.learn()
        await self.look()
        await self.compare()

    # What is declared.

    def _register(self, plate: str) -> None:
        self.count += 1
        name = f"{plate}#{self.count}"
        self.rules.vehicles[name] = Vehicle(name, OWNERS[plate], plate, self.homes[plate])

    def vehicle(self, plate: str) -> Vehicle | None:
        return next((v for v in self.rules.vehicles.values() if v.plate == plate), None)

    def declare(self) -> None:
        path = self.folder / "declared.yaml"
        path.write_text(json.dumps(document(self.rules)), encoding="utf-8")
        apply_file(self.hub.registry, path, catalogue=catalogue(), keys=self.keys, environment={}, prune=True)
        self.rules.select()
        self.learn()

    def learn(self) -> None:
        """The numbers by which customers know those that live."""
        subjects, identifiers = schema.subjects.c, schema.identifiers.c
        with self.hub.registry._database.read() as connection:
            live = sa.select(subjects.id, subjects.name).where(subjects.kind == "fleet", subjects.removed_us.is_(None))
            known = {row.name: row.id for row in connection.execute(live)}
            named = sa.select(identifiers.value, identifiers.subject_id).where(identifiers.namespace == PLATE)
            by_plate = {row.value: row.subject_id for row in connection.execute(named)}
            issued = schema.issued_numbers.c
            numbers = {(row.namespace, row.subject_id): row.number for row in connection.execute(sa.select(issued.namespace, issued.subject_id, issued.number))}
        self.ids |= known | {vehicle.name: by_plate[vehicle.plate] for vehicle in self.rules.vehicles.values()}
        for name, id_ in self.ids.items():
            kind = "fleet" if "#" not in name else "vehicle"
            self.names[kind, numbers[f"connected_cars.{kind}_id", id_]] = name
        self.by_id = {id_: name for name, id_ in self.ids.items()}

    async def changed(self, look: bool) -> None:
        if look:
            await self.look()
        await self.compare()

    # The hub looks, and what it tells.

    async def look(self) -> None:
        position = self.hub.log.next_position
        await self.hub.look()
        self.looked(position)
        await self.note_words()

    def looked(self, position: int) -> None:
        self.owed += self.rules.look(position)
        states = {s.name: s.state for s in self.hub.follower.view.subscriptions.values()}
        for name, post in self.posts.items():
            post.paused = states[name] == "paused"

    async def note_words(self) -> None:
        """What was told since stands in the log, each word once, and in order for each subject."""
        owed: dict[tuple[int, int], deque[Word]] = defaultdict(deque)
        for word in self.owed:
            owed[self.subscription_ids[word.to.name], self.ids[word.subject]].append(word)
        batches = await self.hub.recorded(self.read_to)
        for batch in batches:
            if batch.protocol != "postroad":
                continue
            for position, raw in enumerate(batch.items(), batch.position):
                told = json.loads(raw)
                queue = owed[told["subscription_id"], told["subject_id"]]
                assert queue, f"nobody was to be told {told}"
                word = queue.popleft()
                assert self._said(told) == word.said
                self.rules.told(word, position)
        self.owed = [word for queue in owed.values() for word in queue]
        self.read_to = self.hub.log.next_position
        assert self.owed == []

    def _said(self, told: dict[str, Any]) -> tuple[Told, ...]:
        subject = self.by_id[told["subject_id"]]
        if told["type"].endswith("_from_fleet") and told["type"].startswith("access") or told["type"] == "access_granted_to_fleet":
            return ((told["type"], subject, subject),)
        fleet = told.get("fleet_id")
        left = told.get("left_fleet_id")
        more = () if left is None else (("vehicle_removed_from_fleet", subject, self.by_id[left]),)
        return ((told["type"], subject, None if fleet is None else self.by_id[fleet]), *more)

    # Comparing.

    async def compare(self) -> None:
        await self.hub.settled()
        for name, post in self.posts.items():
            items: list[tuple[int, tuple[Told, ...]]] = []
            for position, type_, vehicle_id, fleet_id in post.news():
                fleet = None if fleet_id is None else self.names["fleet", fleet_id]
                subject = fleet if vehicle_id is None else self.names["vehicle", vehicle_id]
                assert subject is not None
                told = (type_, subject, fleet)
                if items and items[-1][0] == position:
                    items[-1] = (position, (*items[-1][1], told))
                else:
                    items.append((position, (told,)))
            post.compare(items)
            if not post.of.waiting and not post.paused and post.customer.mood == "takes":
                await self.compare_skips(post)

    async def compare_skips(self, post: Post) -> None:
        skips = await self.hub.skips(self.subscription_ids[post.of.name])
        assert {skip.reason for skip in skips} <= {"access_ended"}
        log = [(b.position, b.protocol, b.subjects, list(b.items()) if b.protocol=="postroad" else "") for b in await self.hub.recorded(1)]
        assert {at for skip in skips for at in range(skip.first, skip.end)} == {item.position for item in post.skipped}, (post.of.name, log, [s for s in self.hub.view.streams.values() if s.subscription_id == self.subscription_ids[post.of.name]])
        assert sum(skip.events for skip in skips) == sum(len(item.said) for item in post.skipped)

    # Steps: what vehicles say.

    @rule(said=st.lists(plates, min_size=1, max_size=4))
    def say(self, said: list[str]) -> None:
        vehicles = [vehicle for plate in said if (vehicle := self.vehicle(plate)) is not None]
        if vehicles:
            self.go(self._say(vehicles))

    async def _say(self, vehicles: list[Vehicle]) -> None:
        for position, vehicle in zip(await self.hub.say([self.ids[v.name] for v in vehicles]), vehicles, strict=True):
            self.rules.say(vehicle.name, position)
        self.read_to = self.hub.log.next_position
        await self.compare()

    # What changes.

    @rule(name=names, everything=st.booleans(), some=st.frozensets(fleets, max_size=2), by=st.frozensets(plates, max_size=2), look=seen)
    def select(self, name: str, everything: bool, some: frozenset[str], by: frozenset[str], look: bool) -> None:
        subscription = self.rules.subscriptions[name]
        if everything and not some:
            subscription.selector = Selector(everything=True)
        else:
            mine = frozenset(fleet for fleet in some if self.rules.fleets.get(fleet) == subscription.organization)
            subscription.selector = Selector(fleets=mine, plates=frozenset(p for p in by if OWNERS[p] == subscription.organization))
        self.declare()
        self.go(self.changed(look))

    @rule(plate=plates, fleet=st.none() | fleets, look=seen)
    def move(self, plate: str, fleet: str | None, look: bool) -> None:
        vehicle = self.vehicle(plate)
        if vehicle is None or (fleet is not None and self.rules.fleets.get(fleet) != vehicle.organization):
            return
        vehicle.fleet = fleet
        self.declare()
        self.go(self.changed(look))

    @rule(fleet=fleets, look=seen)
    def delete_or_make_fleet(self, fleet: str, look: bool) -> None:
        if fleet in self.rules.fleets:
            del self.rules.fleets[fleet]
            for vehicle in self.rules.vehicles.values():
                vehicle.fleet = None if vehicle.fleet == fleet else vehicle.fleet
            for to in self.rules.subscriptions.values():
                to.selector = Selector(to.selector.everything, to.selector.fleets - {fleet}, to.selector.plates)
        else:
            self.rules.fleets[fleet] = next(o for o, of_one in FLEETS.items() if fleet in of_one)
        self.declare()
        self.go(self.changed(look))

    @rule(plate=plates, look=seen)
    def retire_or_register(self, plate: str, look: bool) -> None:
        vehicle = self.vehicle(plate)
        if vehicle is None:
            self.homes[plate] = None
            self._register(plate)
        else:
            del self.rules.vehicles[vehicle.name]
        self.declare()
        self.go(self.changed(look))

    @rule(plate=plates, provider=st.sampled_from(PROVIDERS), look=seen)
    def refuse_or_consent(self, plate: str, provider: str, look: bool) -> None:
        vehicle = self.vehicle(plate)
        if vehicle is None:
            return
        registry = self.hub.registry
        provider_id = registry.provider_id(f"{vehicle.organization}/{provider}")
        organization_id = registry.view().providers[provider_id].organization_id
        with registry.transaction() as transaction:
            if provider in vehicle.refused:
                self.rules.consent(vehicle.name, provider)
                consents.give(transaction, provider_id, organization_id, [self.ids[vehicle.name]])
            else:
                self.rules.refuse(vehicle.name, provider)
                consents.withdraw(transaction, provider_id, [self.ids[vehicle.name]], None)
        self.go(self.changed(look))

    @rule(name=names, look=seen)
    def pause_or_resume(self, name: str, look: bool) -> None:
        self.go(self._pause_or_resume(name, look))

    async def _pause_or_resume(self, name: str, look: bool) -> None:
        id_ = self.subscription_ids[name]
        state = self.hub.view.subscriptions[id_].state
        self.hub.registry.set_subscription_state(id_, "paused" if state == "active" else "active")
        before = {post: post.paused for post in self.posts.values()}
        await self.changed(look)

    @rule()
    def look_now(self) -> None:
        self.go(self.changed(look=True))

    # Customers.

    @rule(name=names, mood=st.sampled_from(["takes", "fails", "hangs"]), patience=st.none() | st.integers(0, 2))
    def mood(self, name: str, mood: Any, patience: int | None) -> None:
        customer = self.posts[name].customer
        customer.mood, customer.patience = mood, patience if mood == "takes" else None
        self.go(self.after_mood(self.posts[name]))

    async def after_mood(self, post: Post) -> None:
        if post.customer.mood == "takes":
            post.in_flight = []
            post.customer.answer(Delivered(status=200, elapsed_s=0.01))
        elif post.customer.mood == "fails":
            post.of.waiting = sorted({*post.in_flight, *post.of.waiting}, key=lambda item: item.position)
            post.in_flight = []
            post.customer.answer(Failed(reason="server_error", status=503))
        await self.hub.settled()
        for _ in range(3):
            await self.hub.pass_time(RETRY_S)
        await self.compare()

    # The hub's life.

    @rule(kill=st.booleans())
    def restart(self, kill: bool) -> None:
        self.go(self._restart(kill))

    async def _restart(self, kill: bool) -> None:
        cursors = {name: await self.hub.cursor(id_) for name, id_ in self.subscription_ids.items()}
        position = self.hub.log.next_position
        await (self.hub.kill() if kill else self.hub.stop())
        for name, post in self.posts.items():
            post.interrupted(cursors[name])
        await self.hub.start()
        self.looked(position)
        await self.note_words()
        await self.compare()

    def teardown(self) -> None:
        if hasattr(self, "hub"):
            self.go(self.hub.kill())
        self.loop.close()
        shutil.rmtree(self.folder)


def document(rules: Rules) -> dict[str, Any]:
    """What is declared, for ``postroad apply``."""
    return {"organizations": [_organization(rules, name) for name in PLATES]}


def _organization(rules: Rules, name: str) -> dict[str, Any]:
    mine = [s for s in rules.subscriptions.values() if s.organization == name]
    [integration] = {s.integration for s in mine}
    url = {"url": "https://customer.example/"}
    return {
        "name": name,
        "providers": [{"name": provider, "protocol": "drivetech"} for provider in PROVIDERS],
        "fleets": [{"name": fleet} for fleet, owner in rules.fleets.items() if owner == name],
        "vehicles": [
            {"plate": vehicle.plate} | ({} if vehicle.fleet is None else {"fleet": vehicle.fleet})
            for vehicle in rules.vehicles.values()
            if vehicle.organization == name
        ],
        "integrations": [
            {
                "name": integration,
                "destinations": [{"name": s.name, "transport": "https", "config": url} for s in mine],
                "subscriptions": [_subscription(s) for s in mine],
            }
        ],
    }


def _subscription(of: Subscription) -> dict[str, Any]:
    selector = of.selector
    some = {"fleets": sorted(selector.fleets), "plates": sorted(selector.plates)}
    lanes = {"order": "subject", "max_items": 1, "window": 4} if of.name in IN_LANES else {"max_items": BULK}
    return {
        "name": of.name,
        "protocol": "connected_cars",
        "destination": of.name,
        "types": ["gps_position"],
        "vehicles": "all" if selector.everything else some,
        "options": {"admin_events": of.admin},
        "delivery": lanes | {"linger_ms": 0, "retry": {"first_waits_s": [], "then_s": RETRY_S, "cap_s": RETRY_S}},
    }


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, keys: KeyRing) -> type[Machine]:
    """A machine whose every run has a folder of its own, in which the same is declared."""
    folder = tmp_path_factory.mktemp("access")
    template = folder / "template"
    template.mkdir()
    rules = Rules([Subscription(s.name, s.integration, s.organization, s.chosen_by, s.data, s.admin) for s in SUBSCRIPTIONS])
    rules.fleets = {fleet: organization for organization, fleets in FLEETS.items() for fleet in fleets}
    rules.vehicles = {plate: Vehicle(plate, OWNERS[plate], plate, HOMES.get(plate)) for plate in OWNERS}
    store = RegistryStore.open(template / REGISTRY_FILE)
    path = folder / "declared.yaml"
    path.write_text(json.dumps(document(rules)), encoding="utf-8")
    apply_file(store, path, catalogue=catalogue(), keys=keys, environment={}, prune=True)
    store.close()

    class Prepared(Machine):
        pass

    Prepared.template, Prepared.keys = template, keys
    Prepared.folders = (folder / f"run-{n}" for n in range(1_000_000))
    return Prepared


PROFILE = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_each_subscription_is_sent_exactly_what_the_rules_give_it(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=PROFILE)

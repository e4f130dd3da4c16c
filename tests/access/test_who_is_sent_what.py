"""A small model of the rules of access and the hub agree on exactly what each subscription is sent, whatever happens.

Access is given and taken back, vehicles move, customers fail and recover, the hub stops and is killed. After each step
what every customer has received, what was skipped, and what stands in the log is what the model says.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from fixtures.access_declared import FLEETS, HOMES, INTEGRATIONS, PROVIDERS, subscriptions
from fixtures.access_hub import InStep, Mood
from fixtures.access_place import Place
from fixtures.access_rules import Selector
from fixtures.access_site import AccessSite

STEPS_OF_LOOKING = ("activate_streams", "pending", "append", "relayed")

plates = st.sampled_from(sorted(HOMES))
fleets = st.sampled_from(sorted(FLEETS))
names = st.sampled_from([to.name for to in subscriptions()])
selected = st.sampled_from([to.name for to in subscriptions() if to.by == "operator"])
CHOSEN = [to.name for to in subscriptions() if to.by == "chosen"]
chosen = st.sampled_from(CHOSEN)
integrations = st.sampled_from(sorted(INTEGRATIONS))
selectors = st.just(Selector(everything=True)) | st.builds(
    Selector, fleets=st.frozensets(fleets, max_size=2), plates=st.frozensets(plates, max_size=2)
)
moods: st.SearchStrategy[Mood] = st.sampled_from(["takes", "fails", "hangs"])
looks = st.sampled_from([True, True, True, False])
"""Whether the hub looks at once at what was changed."""


class Machine(RuleBasedStateMachine):
    """The steps; what is checked is in ``AccessSite``."""

    place: Place
    site: AccessSite
    """Once it has begun: Hypothesis ends some walks before that."""

    def go(self, work: Awaitable[None]) -> None:
        self.loop.run_until_complete(work)

    def change(self, looks: bool, change: Callable[..., None], *arguments: Any) -> None:
        """Change something; every vehicle speaks after it."""
        change(*arguments)
        if looks:
            self.go(self.site.look())
        self.go(self.site.say(list(self.site.rules.vehicles.values())))

    @initialize(
        queue_bytes=st.sampled_from([300, 1 << 20]),
        seed=st.integers(0, 9),
        grants=st.frozensets(st.tuples(integrations, plates | fleets), min_size=2),
        selections=st.dictionaries(selected, selectors, min_size=1),
        streams=st.lists(plates, max_size=3, unique=True),
        moods=st.dictionaries(names, moods),
    )
    def begin(self, queue_bytes: int, seed: int, grants: Any, selections: Any, streams: list[str], moods: Any) -> None:
        self.chance = random.Random(seed)
        self.loop = InStep(lambda: self.chance.choice((0, 0, 1, 3)))
        self.site = self.place.site(self.loop, queue_bytes=queue_bytes)
        self.go(self.site.start())
        for integration, subject in sorted(grants):
            self.give(integration, subject, looks=False)
        for name, selector in selections.items():
            self.select(name, selector, looks=False)
        for plate in streams:
            for name in CHOSEN:
                self.choose(name, [plate], looks=False)
        self.look()
        for name, mood in moods.items():
            self.treat({name}, mood, None)

    # Vehicles speak, and come and go.

    @rule(plates=st.lists(plates, min_size=1, max_size=4))
    def say(self, plates: list[str]) -> None:
        vehicles = [vehicle for plate in plates if (vehicle := self.site.vehicle(plate)) is not None]
        self.go(self.site.say(vehicles))

    @rule(plate=plates, fleet=st.none() | fleets, looks=looks, by_file=st.sampled_from([False, False, True]))
    def move(self, plate: str, fleet: str | None, looks: bool, by_file: bool) -> None:
        vehicle, into = self.site.vehicle(plate), None if fleet is None else self.site.fleet(fleet)
        if vehicle is not None and (into is None or into.organization == vehicle.organization):
            self.change(looks, self.site.move_by_file if by_file else self.site.move, vehicle, into)

    @rule(plate=plates, fleet=fleets, looks=looks)
    def retire_or_make_vehicle(self, plate: str, fleet: str, looks: bool) -> None:
        vehicle, into = self.site.vehicle(plate), self.site.fleet(fleet)
        if vehicle is not None:
            self.change(looks, self.site.retire, vehicle)
        else:
            mine = into is not None and into.organization[0] == plate[0]
            self.change(looks, self.site.make_vehicle, plate, into if mine else None)

    @rule(name=fleets, looks=looks, by_file=st.booleans())
    def delete_or_make_fleet(self, name: str, looks: bool, by_file: bool) -> None:
        fleet = self.site.fleet(name)
        if fleet is None:
            self.change(looks, self.site.make_fleet, name)
        else:
            self.change(looks, self.site.drop_fleet if by_file else self.site.delete_fleet, fleet)

    # Access.

    @rule(integration=integrations, subject=plates | fleets, looks=looks)
    def give(self, integration: str, subject: str, looks: bool) -> None:
        giving = self.site.vehicle(subject) or self.site.fleet(subject)
        if giving is not None:
            self.change(looks, self.site.give, integration, giving)

    @rule(integration=integrations, subject=plates | fleets, looks=looks)
    def revoke(self, integration: str, subject: str, looks: bool) -> None:
        giving = self.site.vehicle(subject) or self.site.fleet(subject)
        if giving is not None:
            self.change(looks, self.site.revoke, integration, giving)

    @rule(name=chosen, plates=st.lists(plates, min_size=1, max_size=2, unique=True), looks=looks)
    def choose(self, name: str, plates: list[str], looks: bool) -> None:
        vehicles = [vehicle for plate in plates if (vehicle := self.site.vehicle(plate)) is not None]
        self.change(looks, self.site.choose, self.site.rules.subscriptions[name], vehicles)

    @rule(name=chosen, plate=plates, looks=looks)
    def drop(self, name: str, plate: str, looks: bool) -> None:
        vehicle = self.site.vehicle(plate)
        if vehicle is not None:
            self.change(looks, self.site.drop, self.site.rules.subscriptions[name], vehicle)

    @rule(integration=integrations, plates=st.lists(plates, min_size=1, max_size=3, unique=True), looks=looks)
    def drop_all(self, integration: str, plates: list[str], looks: bool) -> None:
        vehicles = [vehicle for plate in plates if (vehicle := self.site.vehicle(plate)) is not None]
        if vehicles:
            self.change(looks, self.site.drop_all, integration, vehicles)

    @rule(name=selected, selector=selectors, looks=looks)
    def select(self, name: str, selector: Selector, looks: bool) -> None:
        self.change(looks, self.site.select, self.site.rules.subscriptions[name], selector)

    @rule(plate=plates, provider=st.sampled_from(PROVIDERS), looks=looks)
    def refuse_or_consent(self, plate: str, provider: str, looks: bool) -> None:
        vehicle = self.site.vehicle(plate)
        if vehicle is not None:
            self.change(looks, self.site.refuse_or_consent, vehicle, provider)

    # Customers and subscriptions.

    @rule(which=st.sets(names, min_size=1), mood=moods, patience=st.none() | st.integers(0, 2))
    def treat(self, which: set[str], mood: Mood, patience: int | None) -> None:
        for name in sorted(which):
            to = self.site.rules.subscriptions[name]
            self.go(self.site.treat(to, mood, patience if mood == "takes" else None))

    @rule(name=names, looks=looks)
    def pause_or_resume(self, name: str, looks: bool) -> None:
        self.change(looks, self.site.pause_or_resume, self.site.rules.subscriptions[name])

    # The hub.

    @rule()
    def look(self) -> None:
        self.go(self.site.look())

    @rule()
    def be_away(self) -> None:
        self.go(self.site.be_away())

    @rule(kill=st.booleans())
    def restart(self, kill: bool) -> None:
        self.go(self.site.restart(kill=kill))

    @rule(steps=st.permutations(STEPS_OF_LOOKING), integration=integrations, subject=plates | fleets)
    def die_looking(self, steps: list[str], integration: str, subject: str) -> None:
        for step in steps[:2]:
            self.give_or_revoke(integration, subject)  # so that there is something to see
            self.go(self.site.die_looking(step))

    @rule(integration=integrations, subject=plates | fleets, first=st.booleans())
    def say_while_looking(self, integration: str, subject: str, first: bool) -> None:
        self.give_or_revoke(integration, subject)
        self.go(self.site.say_while_looking(list(self.site.rules.vehicles.values()), first=first))

    def give_or_revoke(self, integration: str, subject: str) -> None:
        giving = self.site.vehicle(subject) or self.site.fleet(subject)
        if giving is not None:
            given = (integration, giving.key) in self.site.rules.grants
            (self.site.revoke if given else self.site.give)(integration, giving)

    def teardown(self) -> None:
        if not hasattr(self, "site"):
            return
        try:
            self.go(self.site.account())
        finally:
            self.go(self.site.hub.kill())
            self.loop.close()


@pytest.fixture
def machine(access_place: Place) -> type[Machine]:
    class Placed(Machine):
        place = access_place

    return Placed


def test_a_walk_that_ends_before_it_begins_leaves_nothing_open(machine: type[Machine]) -> None:
    walk = machine()
    walk.teardown()
    assert not hasattr(walk, "loop")


DEFAULT = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
DEEP = settings(DEFAULT, max_examples=600, stateful_step_count=50)


@pytest.mark.timeout(600)  # of that a failure takes most, to be made small
def test_each_subscription_is_sent_exactly_what_the_rules_give_it(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=DEFAULT)


@pytest.mark.slow
@pytest.mark.timeout(7200)  # twenty minutes on an idle machine
def test_each_subscription_is_sent_exactly_what_the_rules_give_it_over_many_walks(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=DEEP)

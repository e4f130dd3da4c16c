"""What the registry promises of those that providers name: many at once, and the links that the account feed makes."""

from typing import Any

import pytest

from postroad.errors import ConfigError, NotFound
from postroad.model.identifiers import CONNECTED_CARS_FLEET, LEGACY_USER_ID, PLATE, Issue
from postroad.registry import account_links, subjects
from postroad.registry.account_links import LinkChange
from postroad.registry.store import RegistryStore

NAMESPACE = "connected_cars.vehicle_id"
FLEET = """
organizations:
  - name: Andes
    providers: [{name: gps, protocol: drivetech}]
    vehicles: [{plate: KXRT41}]
    integrations:
      - name: insurer
        destinations:
          - {name: webhook, transport: https, config: {url: "https://customer.example/events"}}
        subscriptions:
          - {name: all, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: all}
"""


@pytest.fixture
def fleet(store: RegistryStore, declare: Any) -> RegistryStore:
    declare(store, FLEET)
    return store


def named(store: RegistryStore, namespace: str, *values: str, organization_id: int = 1) -> list[int]:
    with store.transaction() as under_way:
        return subjects.create_named(
            under_way, organization_id, namespace, values, shard=0, issue=[Issue(NAMESPACE, "vehicle")]
        )


@pytest.mark.parametrize("count", [1, 3, 2500])
def test_many_are_created_at_once_each_with_a_number_and_its_streams(fleet: RegistryStore, count: int) -> None:
    version = fleet.version()
    made = named(fleet, PLATE, "kx rt-41", *(f"NEW{number}" for number in range(count)))
    view = fleet.view()
    assert view.version == version + 1
    assert len(set(made)) == count + 1
    assert {view.identifiers[1, PLATE, f"NEW{number}"] for number in range(count)} < set(made)
    assert sorted(view.subjects[id_].issued[NAMESPACE] for id_ in made) == list(range(1, count + 2))
    assert {stream.subject_id for stream in view.streams.values()} == set(made)
    assert sorted(named(fleet, PLATE, "KXRT41", "NEW0")) == sorted(
        [view.identifiers[1, PLATE, "KXRT41"], view.identifiers[1, PLATE, "NEW0"]]
    )
    assert fleet.version() == view.version, "who is there already changes nothing"


@pytest.mark.parametrize(("namespace", "kind"), [(LEGACY_USER_ID, "account"), (CONNECTED_CARS_FLEET, "fleet")])
def test_who_is_no_vehicle_gets_no_number_and_no_stream(fleet: RegistryStore, namespace: str, kind: str) -> None:
    [made] = named(fleet, namespace, "7")
    view = fleet.view()
    assert (view.subjects[made].kind, view.subjects[made].issued) == (kind, {})
    assert made not in {stream.subject_id for stream in view.streams.values()}


def test_one_that_cannot_be_stored_or_has_no_organization_creates_none(fleet: RegistryStore) -> None:
    with pytest.raises(ConfigError):
        named(fleet, PLATE, "GOOD1", "x" * 65)
    with pytest.raises(NotFound):
        named(fleet, PLATE, "GOOD1", organization_id=99)
    assert (1, PLATE, "GOOD1") not in fleet.view().identifiers


def record(store: RegistryStore, *changes: LinkChange, at_us: int = 5) -> None:
    with store.transaction() as under_way:
        account_links.record(under_way, 1, changes, at_us)


def links(store: RegistryStore) -> list[tuple[str, int, int | None, bool]]:
    found = store.account_links(1)
    return [(one.car_id, one.since_us, one.until_us, one.visited_us is not None) for one in found]


def test_the_feed_links_and_ends_and_saying_it_again_changes_nothing(fleet: RegistryStore) -> None:
    version = fleet.version()
    for at_us in (5, 6):
        record(fleet, LinkChange("u", True, ("a", "b", "c")), at_us=at_us)
    record(fleet, LinkChange("u", False, ("b",)), LinkChange("other", False, None), at_us=7)
    assert links(fleet) == [("a", 5, None, False), ("b", 5, 7, False), ("c", 5, None, False)]
    record(fleet, LinkChange("u", False, None), LinkChange("u", True, ("a",)), at_us=8)
    assert links(fleet) == [("a", 5, 8, False), ("b", 5, 7, False), ("c", 5, 8, False), ("a", 8, None, False)]
    assert fleet.version() == version, "no view shows links"


def test_a_visit_and_the_feed_meet_in_either_order(fleet: RegistryStore) -> None:
    assert fleet.visit_landing("u", "a") == "waiting"
    record(fleet, LinkChange("u", True, ("a", "b")))
    assert fleet.visit_landing("u", "b") == "connected"
    assert links(fleet) == [("a", 5, None, True), ("b", 5, None, True)]


def test_visits_that_wait_are_bounded_and_the_newest_is_among_them(
    fleet: RegistryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_links, "MAX_WAITING", 2)
    for user in ("one", "two", "three"):
        assert fleet.visit_landing(user, "a") == "waiting"
    record(fleet, *(LinkChange(user, True, ("a",)) for user in ("one", "two", "three")))
    visited = [came for *_, came in links(fleet)]
    assert (sum(visited), visited[-1]) == (2, True)

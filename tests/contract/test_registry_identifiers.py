"""Vehicles that a file ties to what providers call them, on every database that the registry runs on."""

from typing import Any

import pytest

from postroad.errors import ConfigError
from postroad.model.identifiers import Issue
from postroad.registry import consents
from postroad.registry.records import Subject
from postroad.registry.store import RegistryStore

CALLED = "connected_cars.vehicle"
ISSUE = (Issue("connected_cars.vehicle_id", "vehicle"),)


def declared(*vehicles: str) -> str:
    return f"""
organizations:
  - name: Andes
    providers:
      - {{name: gps, protocol: drivetech}}
      - {{name: cars, protocol: connected_cars}}
    vehicles: [{", ".join(vehicles)}]
    integrations:
      - name: insurer
        destinations:
          - {{name: webhook, transport: https, config: {{url: "https://customer.example/events"}}}}
        subscriptions:
          - {{name: all, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: all}}
"""


PLATED = f"{{plate: KXRT41, identifiers: {{{CALLED}: 77}}}}"


@pytest.fixture
def fleet(store: RegistryStore, declare: Any) -> RegistryStore:
    declare(store, declared())
    return store


def learnt(store: RegistryStore, **identifiers: str) -> Subject:
    """A vehicle that the hub made known by itself; ``called`` is what the provider calls it."""
    named = {CALLED if field == "called" else field: value for field, value in identifiers.items()}
    return store.create_vehicle(1, named, shard=0, issue=ISSUE)


def owner(store: RegistryStore, namespace: str, value: str) -> int | None:
    return store.view().identifiers.get((1, namespace, value))


def open_streams(store: RegistryStore) -> set[int]:
    return {stream.subject_id for stream in store.view().streams.values() if not stream.ended}


def fields(changes: Any) -> dict[str, Any]:
    return {change.name: change.fields for change in changes if change.kind == "vehicle"}


def test_a_new_vehicle_is_found_by_its_plate_and_by_what_a_provider_calls_it(
    fleet: RegistryStore, declare: Any
) -> None:
    declare(fleet, declared(PLATED))
    vehicle = owner(fleet, CALLED, "77")
    assert vehicle is not None
    assert vehicle == owner(fleet, "plate", "KXRT41")
    assert learnt(fleet, called="77").id == vehicle, "what comes from the provider makes no other vehicle"
    assert declare(fleet, declared(PLATED)) == []


def test_a_learnt_vehicle_gets_the_declared_plate_and_keeps_its_number_and_streams(
    fleet: RegistryStore, declare: Any
) -> None:
    before = learnt(fleet, called="77")
    streams = fleet.view().streams
    changes = declare(fleet, declared(PLATED))
    assert fields(changes) == {"Andes/KXRT41": {"plate": (None, "KXRT41"), "declared": (None, True)}}
    after = fleet.view().subjects[before.id]
    assert (after.plate, after.issued) == ("KXRT41", before.issued)
    assert fleet.view().streams == streams


def test_what_a_learnt_vehicle_is_called_goes_over_to_a_declared_one_from_now_on(
    fleet: RegistryStore, declare: Any
) -> None:
    """What waits of the old one is still delivered: its stream stays, until somebody prunes."""
    old, mine = learnt(fleet, called="77"), learnt(fleet, plate="KXRT41")
    changes = declare(fleet, declared(PLATED))
    assert fields(changes) == {
        f"Andes/vehicle {old.id}": {CALLED: ("77", None)},
        "Andes/KXRT41": {CALLED: (None, "77"), "declared": (None, True)},
    }
    assert owner(fleet, CALLED, "77") == mine.id
    assert open_streams(fleet) == {old.id, mine.id}
    assert declare(fleet, declared(PLATED)) == []


def test_pruning_removes_a_learnt_vehicle_that_nobody_can_name_any_more(fleet: RegistryStore, declare: Any) -> None:
    old, mine = learnt(fleet, called="77"), learnt(fleet, plate="KXRT41")
    other = learnt(fleet, called="78")
    declare(fleet, declared(PLATED))
    changes = declare(fleet, declared(PLATED), prune=True)
    deleted = [change.name for change in changes if change.action == "delete" and change.kind == "vehicle"]
    assert deleted == [f"Andes/vehicle {old.id}"]
    assert open_streams(fleet) == {mine.id, other.id}


def test_an_identifier_of_another_declared_vehicle_is_refused_and_both_are_named(
    fleet: RegistryStore, declare: Any
) -> None:
    declare(fleet, declared(PLATED, "{plate: BBCC22}"))
    before = fleet.view()
    with pytest.raises(ConfigError) as caught:
        declare(fleet, declared(f"{{plate: BBCC22, identifiers: {{{CALLED}: 77}}}}"))
    assert caught.value.field == f"organizations[0].vehicles[0].identifiers.{CALLED}"
    assert "belongs to vehicle 1 (KXRT41), which is not declared beside it" in caught.value.message
    assert fleet.view() == before


def test_two_declared_vehicles_can_swap_what_a_provider_calls_them(fleet: RegistryStore, declare: Any) -> None:
    def called(one: int, two: int) -> str:
        names = {"P1": one, "P2": two}
        return declared(*(f"{{plate: {plate}, identifiers: {{{CALLED}: {n}}}}}" for plate, n in names.items()))

    declare(fleet, called(77, 78))
    before = {n: owner(fleet, CALLED, n) for n in ("77", "78")}
    changes = declare(fleet, called(78, 77))
    assert [change.action for change in changes] == ["update", "update"]
    assert {n: owner(fleet, CALLED, n) for n in ("77", "78")} == {"77": before["78"], "78": before["77"]}


def test_a_vehicle_that_a_provider_names_can_change_its_plate(fleet: RegistryStore, declare: Any) -> None:
    declare(fleet, declared(PLATED))
    vehicle = owner(fleet, CALLED, "77")
    changes = declare(fleet, declared(f"{{plate: NEW-001, identifiers: {{{CALLED}: 77}}}}"))
    assert fields(changes) == {"Andes/NEW001": {"plate": ("KXRT41", "NEW001")}}
    assert owner(fleet, "plate", "NEW001") == vehicle


def test_a_name_that_a_provider_uses_again_makes_no_vehicle_of_one_with_another_vin(
    fleet: RegistryStore, declare: Any
) -> None:
    old = learnt(fleet, called="77", vin="V1")
    declare(fleet, declared(f"{{vin: V2, identifiers: {{{CALLED}: 77}}}}"))
    assert owner(fleet, "vin", "V1") == old.id
    assert owner(fleet, "vin", "V2") == owner(fleet, CALLED, "77") != old.id


def test_a_provider_that_is_told_by_vin_is_tied_to_the_declared_vehicle(fleet: RegistryStore, declare: Any) -> None:
    declare(fleet, declared("{plate: KXRT41, vin: V1}"))
    assert learnt(fleet, called="77", vin="V1").plate == "KXRT41"
    assert owner(fleet, CALLED, "77") == owner(fleet, "plate", "KXRT41")


def test_access_that_a_provider_withdrew_stays_withdrawn_when_its_name_goes_to_another_vehicle(
    fleet: RegistryStore, declare: Any
) -> None:
    old, mine = learnt(fleet, called="77"), learnt(fleet, plate="KXRT41")
    [cars] = [provider for provider in fleet.view().providers.values() if provider.name == "cars"]
    with fleet.transaction() as transaction:
        consents.withdraw(transaction, cars.id, [old.id], None)
    assert open_streams(fleet) == {mine.id}
    declare(fleet, declared(PLATED))
    assert mine.id not in open_streams(fleet)
    with fleet.transaction() as transaction:
        consents.give(transaction, cars.id, 1, [mine.id])
    assert mine.id in open_streams(fleet)


def test_swapping_swaps_what_the_provider_said_of_access(fleet: RegistryStore, declare: Any) -> None:
    def called(one: int, two: int) -> str:
        names = {"P1": one, "P2": two}
        return declared(*(f"{{plate: {plate}, identifiers: {{{CALLED}: {n}}}}}" for plate, n in names.items()))

    declare(fleet, called(77, 78))
    first, second = owner(fleet, "plate", "P1"), owner(fleet, "plate", "P2")
    assert first is not None
    [cars] = [provider for provider in fleet.view().providers.values() if provider.name == "cars"]
    with fleet.transaction() as transaction:
        consents.withdraw(transaction, cars.id, [first], None)
    assert open_streams(fleet) == {second}
    declare(fleet, called(78, 77))
    assert open_streams(fleet) == {first}

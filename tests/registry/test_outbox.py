"""What changes in the registry is told: in the same transaction, to whom it concerns, once."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.access.streams import StreamIndex
from postroad.model.identifiers import LEGACY_CAR_ID, LEGACY_USER_ID, Issue
from postroad.registry import coverage
from postroad.registry.records import Stream
from postroad.registry.store import RegistryStore

ISSUES = (
    Issue("connected_cars.vehicle_id", "vehicle"),
    Issue("connected_cars.fleet_id", "fleet"),
    Issue(LEGACY_CAR_ID, "vehicle", text=True),
    Issue(LEGACY_USER_ID, "account", text=True),
)


@pytest.fixture
def store(tmp_path: Any, step_clock: Any) -> Any:
    store = RegistryStore.open(tmp_path / "registry.db", clock=step_clock)
    yield store
    store.close()


@pytest.fixture
def site(store: RegistryStore, declare: Any, catalogue: Any) -> Callable[..., None]:
    """``site(vehicles, selector)``: vehicles are plate -> fleet."""

    class Choices(msgspec.Struct, frozen=True):
        feed: str = "car"

    chosen = msgspec.structs.replace(catalogue, issues=ISSUES, target_options={"connected_cars": Choices})

    def site(vehicles: Mapping[str, str | None], selector: Any, *, feed: str = "car", subscribed: bool = True) -> None:
        subscription = {
            "name": "all",
            "protocol": "connected_cars",
            "destination": "hook",
            "types": ["gps_position"],
            "vehicles": selector,
            "options": {"feed": feed},
        }
        hook = {"name": "hook", "transport": "https", "config": {"url": "https://customer.example/"}}
        organization = {
            "name": "Andes",
            "fleets": [{"name": "F"}, {"name": "G"}],
            "vehicles": [{"plate": plate} | ({"fleet": fleet} if fleet else {}) for plate, fleet in vehicles.items()],
            "integrations": [
                {"name": "i", "destinations": [hook], "subscriptions": [subscription] if subscribed else []}
            ],
        }
        declare(store, json.dumps({"organizations": [organization]}), prune=True, catalogue=chosen)

    return site


def told(store: RegistryStore) -> list[tuple[str, str]]:
    """Type and subject of what waits, in order; then it is relayed, each row to its id as its position."""
    store.activate_streams(0, 1)
    rows, view = store.pending(0, limit=1_000), store.view()
    store.relayed(rows, {row.id: 100 + row.id for row in rows})
    assert store.pending(0, limit=1_000) == []
    kinds = {id_: subject.plate or subject.kind for id_, subject in view.subjects.items()}
    names = {subject_id: value for (_, _, value), subject_id in view.identifiers.items()}
    return [(json.loads(row.payload)["type"], names.get(row.subject_id) or kinds[row.subject_id]) for row in rows]


def test_a_vehicle_that_is_selected_by_itself_is_told_as_given_and_as_taken_away(
    store: RegistryStore, site: Any
) -> None:
    site({"A": None, "B": None}, {"plates": ["A"]})
    assert told(store) == [("access_granted_to_vehicle", "A")]
    site({"A": None, "B": None}, {"plates": ["B"]})
    assert told(store) == [("access_removed_from_vehicle", "A"), ("access_granted_to_vehicle", "B")]


def test_a_fleet_that_is_selected_is_told_as_one_and_not_vehicle_by_vehicle(store: RegistryStore, site: Any) -> None:
    site({"A": "F", "B": "F"}, {"fleets": ["F"]})
    assert told(store) == [("access_granted_to_fleet", "fleet")]
    site({"A": "F", "B": "F"}, "none")
    assert told(store) == [("access_removed_from_fleet", "fleet")]


def test_who_joins_and_leaves_a_selected_fleet_is_told(store: RegistryStore, site: Any) -> None:
    site({"A": "F", "B": None}, {"fleets": ["F"]})
    told(store)
    site({"A": "F", "B": "F"}, {"fleets": ["F"]})
    assert told(store) == [("vehicle_added_to_fleet", "B")]
    site({"A": None, "B": "F"}, {"fleets": ["F"]})
    assert told(store) == [("access_removed_from_vehicle", "A")]


def test_a_move_between_selected_fleets_is_told_as_leaving_first_and_joining_then(
    store: RegistryStore, site: Any
) -> None:
    site({"A": "F"}, {"fleets": ["F", "G"]})
    told(store)
    site({"A": "G"}, {"fleets": ["F", "G"]})
    assert told(store) == [("vehicle_removed_from_fleet", "A"), ("vehicle_added_to_fleet", "A")]
    assert sum(not s.ended for s in store.view().streams.values()) == 3  # the vehicle's own goes on


def test_a_vehicle_that_is_no_more_is_told_as_taken_away_with_its_number(store: RegistryStore, site: Any) -> None:
    site({"A": None, "B": None}, "all")
    told(store)
    before = {s.plate: s.issued for s in store.view().subjects.values()}
    site({"B": None}, "all")
    assert [kind for kind, _ in told(store)] == ["access_removed_from_vehicle"]
    [gone] = [s for s in store.view().subjects.values() if s.removed]
    assert gone.issued == before["A"]


def test_nobody_is_told_when_the_subscription_itself_goes_and_its_streams_end_all_the_same(
    store: RegistryStore, site: Any
) -> None:
    site({"A": None}, "all")
    told(store)
    site({"A": None}, "all", subscribed=False)
    assert store.pending(0, limit=10) == []
    store.activate_streams(0, 77)
    assert {(s.ended, s.until_position, s.farewell_position) for s in store.view().streams.values()} == {
        (True, 77, None)
    }


def test_an_account_signs_up_with_its_first_vehicles_and_goes_with_its_last(store: RegistryStore, site: Any) -> None:
    site({"A": None, "B": None, "C": None}, {"plates": ["A", "B"]}, feed="account")
    assert ("user_signed_up", "account") in told(store)
    site({"A": None, "B": None, "C": None}, {"plates": ["A", "C"]}, feed="account")
    assert [kind for kind, name in told(store) if name == "account"] == ["vehicle_unshared", "vehicles_shared"]
    site({"A": None, "B": None, "C": None}, "none", feed="account")
    assert [kind for kind, name in told(store) if name == "account"] == ["user_removed"]


def test_texts_are_issued_once_and_fleets_have_numbers(store: RegistryStore, site: Any) -> None:
    site({"A": "F"}, "all", feed="account")
    first = {id_: dict(s.issued) for id_, s in store.view().subjects.items()}
    site({"A": "G"}, "all", feed="account")
    assert {id_: dict(s.issued) for id_, s in store.view().subjects.items()} == first
    by_kind = {s.kind: s.issued for s in store.view().subjects.values()}
    assert uuid.UUID(str(by_kind["vehicle"][LEGACY_CAR_ID])).version == 4
    assert uuid.UUID(str(by_kind["account"][LEGACY_USER_ID])).version == 4
    assert by_kind["fleet"]["connected_cars.fleet_id"] in (1, 2)


def test_what_is_undone_is_not_told(store: RegistryStore, site: Any) -> None:
    site({"A": None}, "none")
    with pytest.raises(ZeroDivisionError), store.transaction() as under_way:
        under_way.connection.exec_driver_sql("""UPDATE subscriptions SET vehicles = '{"everything": true}'""")
        coverage.reconcile(under_way, 1)
        raise ZeroDivisionError
    assert told(store) == []


def test_nothing_is_told_of_a_stream_before_it_has_begun(store: RegistryStore, site: Any) -> None:
    site({"A": None}, "all")
    assert store.pending(0, limit=10) == []
    store.activate_streams(0, 5)
    assert len(store.pending(0, limit=10)) == 1


def test_authorised_scopes_are_kept_with_the_stream(store: RegistryStore, site: Any) -> None:
    site({"A": None}, "all")
    [id_] = store.view().streams
    store.authorise(id_, ["vehicle_position"])
    assert store.view().streams[id_].scopes == {"vehicle_position"}
    store.authorise(id_, None)
    assert store.view().streams[id_].scopes is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5))
def test_intervals_never_leak_across_a_gap(lengths: list[tuple[int, int]]) -> None:
    """Streams of one vehicle after one another: only the last, open one gives, and each ended one its farewell."""
    streams, at = {}, 1
    allowed = set[int]()
    for n, (open_for, gap) in enumerate(lengths):
        last = n == len(lengths) - 1
        end = at + open_for
        streams[n] = Stream(
            id=n,
            subscription_id=1,
            subject_id=1,
            shard=0,
            from_position=at,
            until_position=None if last else end,
            ended=not last,
            farewell_position=None if last else end - 1,
        )
        allowed |= set(range(at, 200)) if last else {end - 1}
        at = end + gap
    index = StreamIndex(streams)
    assert {position for position in range(200) if index.covers(1, 1, position)} == allowed

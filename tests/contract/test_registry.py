"""What the registry promises, on every database that it runs on."""

import hashlib
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from postroad.db import schema
from postroad.db.engine import Database
from postroad.db.migrate import migrate
from postroad.errors import ConfigError, NotFound, StoreUnavailable
from postroad.model.identifiers import Issue
from postroad.registry.attempts import MAX_SUCCESS_ROW_US, FailedAttempt, Success
from postroad.registry.store import RegistryStore

NAMESPACE = "connected_cars.vehicle_id"
ISSUE = (Issue(NAMESPACE, "vehicle"),)

FLEET = """
organizations:
  - name: Andes
    providers:
      - {name: gps-one, protocol: drivetech}
      - {name: gps-two, protocol: drivetech}
    fleets: [{name: Trucks}]
    vehicles:
      - {plate: KXRT41, fleet: Trucks}
      - {plate: BBCC22}
    integrations:
      - name: insurer
        destinations:
          - {name: webhook, transport: https, config: {url: "https://customer.example/events"}}
        subscriptions:
          - {name: everything, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: all}
          - name: trucks
            protocol: connected_cars
            destination: webhook
            types: [car_ignition]
            vehicles: {fleets: [Trucks], plates: [new-001]}
          - {name: nothing, protocol: connected_cars, destination: webhook, types: [car_ignition]}
"""


@pytest.fixture
def fleet(store: RegistryStore, declare: Any) -> RegistryStore:
    declare(store, FLEET)
    return store


def organization_id(store: RegistryStore) -> int:
    return next(iter(store.view().organizations))


def subscriptions(store: RegistryStore) -> dict[str, int]:
    return {subscription.name: id_ for id_, subscription in store.view().subscriptions.items()}


# Tables


def test_the_models_and_the_migrations_agree(url: str) -> None:
    database = Database(url)
    migrate(database)
    with database.read() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), schema.metadata) == []
    database.close()


def test_the_models_and_the_migrations_agree_on_constraints_and_partial_indexes(url: str) -> None:
    """What Alembic's comparison does not look at: checks, conditions of indexes, AUTOINCREMENT."""
    queries = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE "
        "'alembic%' UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%'",
    }
    found = []
    for make in (migrate, lambda database: schema.metadata.create_all(database.engine)):
        database = Database(url)
        with database.write() as transaction:
            schema.metadata.drop_all(transaction.connection)
            transaction.connection.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))
        make(database)
        with database.read() as connection:
            rows = connection.execute(sa.text(queries[connection.dialect.name]))
            # The order of a table's columns and constraints says nothing: SQLite adds new columns at the end.
            found.append({name: sorted(re.findall(r"[^\s,()]+", text)) for name, text in rows})
        database.close()
    assert found[0] == found[1]
    assert len(found[0]) > 20


def test_opening_twice_at_once_migrates_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: RegistryStore.open(url), range(4)))
    assert [store.version() for store in stores] == [1] * 4
    for store in stores:
        store.close()


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    RegistryStore.open(url).close()
    database = Database(url)
    with database.write() as transaction:
        transaction.connection.execute(sa.text("UPDATE alembic_version SET version_num = 'registry_999'"))
    database.close()
    with pytest.raises(ConfigError, match="newer Postroad"):
        RegistryStore.open(url)


# Version and view


def test_every_change_raises_the_version_and_what_changes_nothing_does_not(fleet: RegistryStore) -> None:
    provider, subscription = "gps-one", "everything"
    andes = organization_id(fleet)
    token_id, _ = fleet.issue_token(provider, "first")

    def raised_by(act: Callable[[], object]) -> bool:
        before = fleet.version()
        act()
        assert fleet.view().version == fleet.version()
        return fleet.version() == before + 1

    acts: list[Callable[[], object]] = [
        lambda: fleet.create_vehicle(andes, {"plate": "ZZ1"}, shard=0, issue=ISSUE),
        lambda: fleet.activate_streams(0, 10),
        lambda: fleet.end_stream(1, 20),
        lambda: fleet.set_subscription_state(subscription, "paused"),
        lambda: fleet.revoke_token(token_id),
    ]
    for act in acts:
        assert raised_by(act)
        before = fleet.version()
        act()
        assert fleet.version() == before


def test_a_change_that_fails_half_way_leaves_nothing(fleet: RegistryStore) -> None:
    before = fleet.view()

    def fail() -> None:
        with fleet.transaction() as transaction:
            transaction.connection.execute(sa.delete(schema.streams))
            transaction.touched = True
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert fleet.view() == before


def test_a_view_is_of_one_moment(fleet: RegistryStore) -> None:
    """Vehicles are created while views are read: each view must hold a number and streams for each of its vehicles."""
    andes = organization_id(fleet)
    stop = threading.Event()

    def create() -> None:
        for i in range(30):
            fleet.create_vehicle(andes, {"plate": f"V{i}"}, shard=0, issue=ISSUE)
        stop.set()

    with ThreadPoolExecutor(1) as pool:
        created = pool.submit(create)
        while not stop.is_set() and not created.done():
            view = fleet.view()
            vehicles = {s.id for s in view.subjects.values() if s.kind == "vehicle"}
            assert all(view.subjects[id_].issued for id_ in vehicles)
            assert vehicles <= {stream.subject_id for stream in view.streams.values()}
            assert set(view.identifiers.values()) == vehicles
            assert view.version == 2 + len(vehicles) - 2
        created.result()


# Vehicles


def test_a_vehicle_is_found_by_any_spelling_of_its_plate(fleet: RegistryStore) -> None:
    view = fleet.view()
    found = fleet.create_vehicle(organization_id(fleet), {"plate": "kx-rt.4 1"}, shard=9, issue=ISSUE)
    assert found.id == view.identifiers[organization_id(fleet), "plate", "KXRT41"]
    assert found.shard == 0
    assert fleet.view() == view


def test_calls_at_once_with_one_identifier_give_one_vehicle(fleet: RegistryStore) -> None:
    andes = organization_id(fleet)
    barrier = threading.Barrier(6)

    def create(_: int) -> Any:
        barrier.wait()
        return fleet.create_vehicle(andes, {"plate": "RACE01"}, shard=0, issue=ISSUE)

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(lambda i: create(i).id, range(6)))) == 1
    view = fleet.view()
    assert sorted(s.issued[NAMESPACE] for s in view.subjects.values() if s.kind == "vehicle") == [1, 2, 3]


def test_numbers_are_issued_from_one_upward_and_never_again(fleet: RegistryStore, declare: Any) -> None:
    andes = organization_id(fleet)
    third = fleet.create_vehicle(andes, {"plate": "C3"}, shard=0, issue=ISSUE)
    assert third.issued == {NAMESPACE: 3}
    declare(fleet, FLEET.replace("      - {plate: BBCC22}\n", ""), prune=True)
    assert fleet.create_vehicle(andes, {"plate": "BBCC22"}, shard=0, issue=ISSUE).issued == {NAMESPACE: 4}
    other = fleet.create_vehicle(andes, {"plate": "BBCC22"}, shard=0, issue=(*ISSUE, Issue("other", "vehicle")))
    assert other.issued == {NAMESPACE: 4, "other": 1}


def test_when_numbers_run_out_it_says_so(fleet: RegistryStore) -> None:
    with fleet.transaction() as transaction:
        table = schema.issued_numbers
        transaction.connection.execute(sa.update(table).where(table.c.number == 2).values(number=schema.INT32_MAX))
    before = fleet.view()
    with pytest.raises(ConfigError, match="no numbers left"):
        fleet.create_vehicle(organization_id(fleet), {"plate": "LAST"}, shard=0, issue=ISSUE)
    assert fleet.view() == before


def test_a_found_vehicle_gets_the_identifiers_that_nobody_has(fleet: RegistryStore) -> None:
    andes = organization_id(fleet)
    first = fleet.create_vehicle(andes, {"plate": "KXRT41", "vin": "VIN1"}, shard=0, issue=ISSUE)
    second = fleet.create_vehicle(andes, {"vin": "vin-1"}, shard=0, issue=ISSUE)
    assert first == second
    both = fleet.create_vehicle(andes, {"plate": "BBCC22", "vin": "VIN1"}, shard=0, issue=ISSUE)
    assert both.id == fleet.view().identifiers[andes, "plate", "BBCC22"] != first.id


@pytest.mark.parametrize("identifiers", [{}, {"plate": " - "}, {"plate": "A" * 65}, {"badge": "a\0b"}])
def test_an_identifier_that_cannot_be_stored_is_refused(fleet: RegistryStore, identifiers: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        fleet.create_vehicle(organization_id(fleet), identifiers, shard=0, issue=ISSUE)


def test_a_vehicle_of_no_organization_is_not_found(fleet: RegistryStore) -> None:
    with pytest.raises(NotFound):
        fleet.create_vehicle(4711, {"plate": "X1"}, shard=0, issue=ISSUE)


# Streams


def test_a_new_vehicle_gets_a_stream_for_each_subscription_that_covers_it(fleet: RegistryStore) -> None:
    ids = subscriptions(fleet)
    plain = fleet.create_vehicle(organization_id(fleet), {"plate": "PLAIN"}, shard=3, issue=ISSUE)
    chosen = fleet.create_vehicle(organization_id(fleet), {"plate": "NEW 001"}, shard=3, issue=ISSUE)
    streams = fleet.view().streams.values()
    assert {s.subscription_id for s in streams if s.subject_id == plain.id} == {ids["everything"]}
    assert {s.subscription_id for s in streams if s.subject_id == chosen.id} == {ids["everything"], ids["trucks"]}
    assert all(s.shard == 3 and s.from_position is None for s in streams if s.subject_id in (plain.id, chosen.id))


def test_activating_gives_a_beginning_to_open_streams_of_the_shard_that_have_none(fleet: RegistryStore) -> None:
    elsewhere = fleet.create_vehicle(organization_id(fleet), {"plate": "ELSE"}, shard=1, issue=ISSUE)
    fleet.end_stream(1, None)
    assert fleet.activate_streams(0, 100) == 3  # two of vehicles, and that of the fleet
    assert fleet.activate_streams(0, 200) == 0
    begins = {s.from_position for s in fleet.view().streams.values() if s.shard == 0 and not s.ended}
    assert begins == {100}
    assert fleet.view().streams[1].from_position is None
    assert [s.from_position for s in fleet.view().streams.values() if s.subject_id == elsewhere.id] == [None]


def test_an_end_is_told_once(fleet: RegistryStore) -> None:
    fleet.end_stream(1, None)
    assert (fleet.view().streams[1].ended, fleet.view().streams[1].until_position) == (True, None)
    fleet.end_stream(1, 50)
    fleet.end_stream(1, 60)
    assert fleet.view().streams[1].until_position == 50
    with pytest.raises(NotFound):
        fleet.end_stream(4711, 1)


# Tokens and states


def test_a_token_is_found_by_its_hash_until_it_is_revoked(fleet: RegistryStore) -> None:
    first_id, first = fleet.issue_token("gps-one", "first")
    second_id, second = fleet.issue_token("Andes/gps-one", "second")
    assert re.fullmatch(r"prt_[A-Za-z0-9_-]{43}", first)
    assert first != second
    hashed = [hashlib.sha256(token.encode()).digest() for token in (first, second)]
    view = fleet.view()
    assert [view.providers[view.tokens[key]].name for key in hashed] == ["gps-one", "gps-one"]
    fleet.revoke_token(first_id)
    assert set(fleet.view().tokens) == {hashed[1]}
    listed = fleet.list_tokens()
    assert [(t.id, t.label, t.revoked_us is None) for t in listed] == [
        (first_id, "first", False),
        (second_id, "second", True),
    ]
    assert first not in repr(listed)
    with pytest.raises(NotFound):
        fleet.revoke_token("nosuch")
    with pytest.raises(NotFound):
        fleet.issue_token("nobody", "x")


def test_the_token_itself_is_nowhere_in_the_database(fleet: RegistryStore) -> None:
    _, token = fleet.issue_token("gps-one", "first")
    with fleet.transaction() as transaction:
        for table in schema.metadata.sorted_tables:
            for row in transaction.connection.execute(sa.select(table)):
                assert token not in repr(row)
                assert token.removeprefix("prt_").encode() not in b"".join(v for v in row if isinstance(v, bytes))


def test_a_name_that_two_things_have_must_be_written_out(fleet: RegistryStore, declare: Any) -> None:
    declare(fleet, FLEET.replace("name: Andes", "name: Pampa"))
    with pytest.raises(ConfigError, match="Andes/gps-one, Pampa/gps-one"):
        fleet.issue_token("gps-one", "x")
    with pytest.raises(ConfigError, match="Andes/insurer/trucks, Pampa/insurer/trucks"):
        fleet.set_subscription_state("insurer/trucks", "paused")
    paused = fleet.set_subscription_state("Pampa/insurer/trucks", "paused")
    assert [id_ for id_, s in fleet.view().subscriptions.items() if s.state == "paused"] == [paused]
    assert fleet.set_subscription_state(paused, "active") == paused
    assert fleet.view().subscriptions[paused].state == "active"


# Attempts


def failed(position: int, **fields: Any) -> FailedAttempt:
    defaults: dict[str, Any] = {
        "subscription_id": 1,
        "shard": 0,
        "items": 10,
        "at_us": position * 1000,
        "attempt": 1,
        "reason": "timeout",
    }
    return FailedAttempt(first_position=position, last_position=position + 9, **(defaults | fields))


def succeeded(position: int, **fields: Any) -> Success:
    defaults: dict[str, Any] = {
        "subscription_id": 1,
        "shard": 0,
        "items": 10,
        "at_us": position * 1000,
        "elapsed_ms": 5.0,
    }
    return Success(first_position=position, last_position=position + 9, **(defaults | fields))


def test_successes_in_a_row_share_one_row(store: RegistryStore) -> None:
    store.record_successes([succeeded(1, elapsed_ms=7.0), succeeded(11, elapsed_ms=3.0)])
    store.record_successes([succeeded(21, elapsed_ms=9.5)])
    [row] = store.attempts(1)
    assert (row.succeeded, row.first_position, row.last_position, row.items, row.bulks) == (True, 1, 30, 30, 3)
    assert (row.first_at_us, row.last_at_us, row.min_elapsed_ms, row.max_elapsed_ms) == (1000, 21000, 3.0, 9.5)


def test_a_failure_between_two_successes_keeps_them_apart(store: RegistryStore) -> None:
    store.record_successes([succeeded(1)])
    store.record_attempts([failed(11, status=503, reason="server_error", detail="busy", request_id="r-1")])
    store.record_successes([succeeded(11)])
    rows = store.attempts(1)
    assert [(row.succeeded, row.first_position) for row in rows] == [(True, 11), (False, 11), (True, 1)]
    assert (rows[1].status, rows[1].reason, rows[1].detail, rows[1].request_id) == (503, "server_error", "busy", "r-1")


def test_subscriptions_and_shards_have_rows_of_their_own(store: RegistryStore) -> None:
    store.record_successes([succeeded(1), succeeded(2, subscription_id=2), succeeded(3, shard=1), succeeded(4)])
    assert {(row.subscription_id, row.shard, row.bulks) for row in store.attempts()} == {
        (1, 0, 2),
        (2, 0, 1),
        (1, 1, 1),
    }


def test_a_row_of_successes_is_closed_after_an_hour(store: RegistryStore) -> None:
    store.record_successes([succeeded(1, at_us=0), succeeded(2, at_us=MAX_SUCCESS_ROW_US - 1)])
    store.record_successes([succeeded(3, at_us=MAX_SUCCESS_ROW_US)])
    assert [row.bulks for row in store.attempts(1)] == [1, 2]


def test_attempts_are_found_by_a_position_that_they_reached_over(store: RegistryStore) -> None:
    store.record_attempts([failed(1), failed(11), failed(11, attempt=2), failed(11, shard=1)])
    assert [row.attempt for row in store.attempts(1, shard=0, position=15)] == [2, 1]
    assert [row.first_position for row in store.attempts(1, position=10)] == [1]
    assert len(store.attempts(1, limit=2)) == 2


def test_old_attempts_are_forgotten(store: RegistryStore) -> None:
    store.record_attempts([failed(1), failed(2), failed(3)])
    assert store.prune_attempts(3000) == 2
    assert [row.first_position for row in store.attempts()] == [3]


def test_whatever_an_answer_said_can_be_recorded(store: RegistryStore) -> None:
    store.record_attempts([failed(1, detail="nul \0, half a pair \ud83d, ñ")])
    assert store.attempts()[0].detail == "nul \N{REPLACEMENT CHARACTER}, half a pair ?, ñ"


def test_recording_attempts_leaves_the_version_alone(store: RegistryStore) -> None:
    before = store.version()
    store.record_attempts([failed(1)])
    store.record_successes([succeeded(1)])
    store.record_attempts([])
    assert store.version() == before


# Errors


def test_errors_of_the_database_are_translated(store: RegistryStore) -> None:
    with store.transaction() as transaction:
        schema.metadata.drop_all(transaction.connection)
    with pytest.raises(StoreUnavailable) as caught:
        store.version()
    assert caught.value.reason == "io"

"""What the registry promises to delivery, on every database: pauses, signing secrets, alerts, tasks, the upgrade."""

import base64
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from postroad.db import schema
from postroad.db.engine import Database
from postroad.errors import ConfigError, NotFound, StoreCorrupt
from postroad.registry.records import Subscription
from postroad.registry.secrets import KeyRing
from postroad.registry.signing import MAX_SECRETS, decoded, opened_signing, signing_place
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import TaskUnfinished
from postroad.registry.tokens import digest

FLEET = """
organizations:
  - name: Andes
    providers: [{name: gps-one, protocol: drivetech}]
    integrations:
      - name: insurer
        destinations:
          - {name: webhook, transport: https, config: {url: "https://customer.example/events"}}
        subscriptions:
          - {name: telemetry, protocol: connected_cars, destination: webhook, types: [gps_position]}
      - {name: broker}
"""
HOUR_US = 3600 * 1_000_000


@pytest.fixture
def fleet(store: RegistryStore, declare: Any) -> RegistryStore:
    declare(store, FLEET)
    return store


def telemetry(store: RegistryStore) -> Subscription:
    [subscription] = store.view().subscriptions.values()
    return subscription


def insurer(store: RegistryStore) -> int:
    return telemetry(store).integration_id


# The upgrade


def test_a_registry_of_the_first_version_is_upgraded_with_all_that_is_in_it(url: str) -> None:
    database = Database(url)
    with database.write() as transaction:
        config = alembic.config.Config()
        config.set_main_option("script_location", "postroad.db:migrations")
        config.attributes["connection"] = transaction.connection
        alembic.command.upgrade(config, "registry_1")
        for statement in (
            "INSERT INTO organizations (name) VALUES ('Andes')",
            "INSERT INTO integrations (organization_id, name) VALUES (1, 'insurer')",
            "INSERT INTO destinations (integration_id, name, transport, config) VALUES (1, 'hook', 'https', '{}')",
            "INSERT INTO destination_secrets (destination_id, path, sealed) VALUES (1, 'auth.password', 'x')",
            (
                "INSERT INTO providers (organization_id, name, protocol, unknown_vehicles, revision)"
                " VALUES (1, 'gps', 'drivetech', 'create', 1)"
            ),
            "INSERT INTO provider_revisions (provider_id, revision, settings, created_us) VALUES (1, 1, '{}', 5)",
            (
                "INSERT INTO provider_tokens (provider_id, public_id, sha256, label, created_us)"
                " VALUES (1, 'abc', 'hash', 'l', 5)"
            ),
            (
                "INSERT INTO subscriptions (integration_id, destination_id, name, protocol, types, vehicles, options,"
                " delivery, state) VALUES (1, 1, 'telemetry', 'connected_cars', '[\"gps_position\"]', '{}', '{}', '{}',"
                " 'paused')"
            ),
            "UPDATE registry_version SET version = 41",
        ):
            transaction.connection.exec_driver_sql(statement)
    with pytest.raises(ConfigError, match="postroad upgrade"):
        RegistryStore.open(url)

    store = RegistryStore.open(url, upgrade=True)
    view = store.view()
    assert (view.version, view.organizations[1].name, list(view.tokens.values())) == (41, "Andes", [1])
    assert (view.destinations[1].limits, list(view.destinations[1].sealed)) == ({}, ["auth.password"])
    subscription = view.subscriptions[1]
    assert (subscription.state, subscription.types, subscription.signing) == ("paused", ("gps_position",), ())
    assert (subscription.paused_reason, subscription.paused_us) == (None, None), "nobody recorded it"
    assert (store.alerts(open_only=False), store.tasks(), view.integration_tokens) == ([], [], {})
    store.set_subscription_state("telemetry", "active")
    store.close()
    RegistryStore.open(url).close()
    with database.read() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), schema.metadata) == []
    database.close()


# Pauses


def test_a_pause_of_the_hub_has_a_reason_and_resuming_forgets_it(fleet: RegistryStore, step_clock: Any) -> None:
    id_ = telemetry(fleet).id
    step_clock.us += 7
    fleet.set_subscription_state(id_, "paused", reason="410 Gone \0")
    paused = telemetry(fleet)
    assert (paused.state, paused.paused_us) == ("paused", step_clock.us)
    assert paused.paused_reason == "410 Gone \N{REPLACEMENT CHARACTER}"
    fleet.set_subscription_state(id_, "active")
    resumed = telemetry(fleet)
    assert (resumed.state, resumed.paused_reason, resumed.paused_us) == ("active", None, None)


def test_who_paused_first_is_remembered(fleet: RegistryStore, step_clock: Any) -> None:
    fleet.set_subscription_state("telemetry", "paused")
    began, version = step_clock.us, fleet.version()
    step_clock.us += 1
    fleet.set_subscription_state("telemetry", "paused", reason="410")
    assert (telemetry(fleet).paused_reason, telemetry(fleet).paused_us) == (None, began)
    assert fleet.version() == version


def test_resuming_clears_the_alert_of_the_pause_and_no_other(fleet: RegistryStore) -> None:
    about = str(telemetry(fleet).id)
    fleet.set_subscription_state("telemetry", "paused", reason="410")
    fleet.raise_alert("destination_gone", about, "410")
    fleet.raise_alert("destination_gone", "4711", "410")
    fleet.raise_alert("dead_letters", about, "3")
    fleet.set_subscription_state("telemetry", "active")
    assert {(alert.kind, alert.about) for alert in fleet.alerts()} == {
        ("destination_gone", "4711"),
        ("dead_letters", about),
    }


def test_an_automatic_pause_survives_applying_the_file_and_one_by_hand_does_not(
    fleet: RegistryStore, declare: Any
) -> None:
    says_active = FLEET.replace("types: [gps_position]}", "types: [gps_position], state: active}")
    assert declare(fleet, says_active) == []
    fleet.set_subscription_state("telemetry", "paused", reason="410")
    before = fleet.view()
    assert declare(fleet, says_active) == []
    assert declare(fleet, FLEET) == []
    assert fleet.view() == before
    fleet.set_subscription_state("telemetry", "active")
    fleet.set_subscription_state("telemetry", "paused")
    [change] = declare(fleet, says_active)
    assert change.fields == {"state": ("paused", "active")}
    assert (telemetry(fleet).state, telemetry(fleet).paused_us) == ("active", None)


def test_a_file_that_pauses_dates_the_pause(fleet: RegistryStore, declare: Any, step_clock: Any) -> None:
    step_clock.us += 5
    declare(fleet, FLEET.replace("types: [gps_position]}", "types: [gps_position], state: paused}"))
    assert (telemetry(fleet).state, telemetry(fleet).paused_us) == ("paused", step_clock.us)


# Signing secrets


def opened(store: RegistryStore, keys: KeyRing, now_us: int) -> tuple[str, ...]:
    return opened_signing(telemetry(store), keys, now_us)


def test_a_secret_that_is_made_is_of_the_standards_form_and_stored_sealed(fleet: RegistryStore, keys: KeyRing) -> None:
    version = fleet.version()
    secret = fleet.rotate_signing_secret("telemetry", keys, overlap_us=HOUR_US)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    assert decoded(secret) == base64.b64decode(secret.removeprefix("whsec_"))
    assert fleet.version() == version + 1
    assert opened(fleet, keys, 0) == (secret,)
    with fleet.transaction() as transaction:
        for table in schema.metadata.sorted_tables:
            for row in transaction.connection.execute(sa.select(table)):
                assert secret not in repr(row)


def test_the_secrets_before_it_stay_valid_until_the_overlap_is_over(
    fleet: RegistryStore, keys: KeyRing, step_clock: Any
) -> None:
    first = fleet.rotate_signing_secret("telemetry", keys, overlap_us=HOUR_US)
    second = fleet.rotate_signing_secret("telemetry", keys, overlap_us=HOUR_US)
    now_us = step_clock.us
    assert opened(fleet, keys, now_us) == (second, first), "the newest first"
    assert opened(fleet, keys, now_us + HOUR_US - 1) == (second, first)
    assert opened(fleet, keys, now_us + HOUR_US) == (second,)
    third = fleet.rotate_signing_secret("telemetry", keys, overlap_us=5 * HOUR_US)
    assert opened(fleet, keys, now_us + HOUR_US) == (third, second), "an end that was set comes no later"
    step_clock.us += HOUR_US
    fourth = fleet.rotate_signing_secret("telemetry", keys, overlap_us=0)
    assert [secret.expires_us for secret in telemetry(fleet).signing] == [None]
    assert opened(fleet, keys, step_clock.us) == (fourth,)


def test_there_is_a_bound_on_secrets_that_are_valid_at_once(fleet: RegistryStore, keys: KeyRing) -> None:
    for _ in range(MAX_SECRETS):
        fleet.rotate_signing_secret("telemetry", keys, overlap_us=HOUR_US)
    before = fleet.view()
    with pytest.raises(ConfigError, match="--overlap 0"):
        fleet.rotate_signing_secret("telemetry", keys, overlap_us=HOUR_US)
    assert fleet.view() == before


def test_a_signing_secret_cannot_be_moved_to_another_subscription(fleet: RegistryStore, keys: KeyRing) -> None:
    fleet.rotate_signing_secret("telemetry", keys, overlap_us=0)
    [secret] = telemetry(fleet).signing
    with pytest.raises(StoreCorrupt, match="subscription/99"):
        keys.unseal(signing_place(99, secret.number), secret.sealed)


def test_a_removed_subscription_keeps_no_secret(fleet: RegistryStore, declare: Any, keys: KeyRing) -> None:
    fleet.rotate_signing_secret("telemetry", keys, overlap_us=0)
    declare(fleet, "organizations: [{name: Andes}]", prune=True)
    with fleet.transaction() as transaction:
        assert transaction.connection.execute(sa.select(schema.subscription_secrets)).all() == []


# Tokens of integrations


def test_an_integrations_token_is_found_by_its_hash_until_it_is_revoked(fleet: RegistryStore) -> None:
    id_, token = fleet.issue_integration_token("insurer", "support")
    provider_token_id, _ = fleet.issue_token("gps-one", "x")
    assert re.fullmatch(r"pit_[A-Za-z0-9_-]{43}", token)
    view = fleet.view()
    assert view.integration_tokens == {digest(token): insurer(fleet)}
    assert digest(token) not in view.tokens, "it opens no entrance for events"
    assert [(t.role, t.owner, t.id) for t in fleet.list_tokens()] == [
        ("provider", "gps-one", provider_token_id),
        ("integration", "insurer", id_),
    ]
    version = fleet.version()
    fleet.revoke_token(id_)
    fleet.revoke_token(id_)
    assert (fleet.view().integration_tokens, fleet.version()) == ({}, version + 1)
    assert len(fleet.view().tokens) == 1
    with pytest.raises(NotFound, match="no integration 'nobody'"):
        fleet.issue_integration_token("nobody", "x")


def test_a_removed_integration_loses_its_tokens(fleet: RegistryStore, declare: Any) -> None:
    fleet.issue_integration_token("broker", "x")
    declare(fleet, FLEET.replace("      - {name: broker}\n", ""), prune=True)
    assert fleet.view().integration_tokens == {}
    assert fleet.list_tokens()[0].revoked_us is not None


def test_an_integrations_token_is_nowhere_in_the_database(fleet: RegistryStore) -> None:
    _, token = fleet.issue_integration_token("insurer", "x")
    with fleet.transaction() as transaction:
        for table in schema.metadata.sorted_tables:
            for row in transaction.connection.execute(sa.select(table)):
                assert token not in repr(row)


# Alerts


def test_an_alert_that_is_open_is_not_raised_twice(store: RegistryStore, step_clock: Any) -> None:
    began = step_clock.us
    store.raise_alert("dead_letters", "7", "1 event")
    step_clock.us += 10
    store.raise_alert("dead_letters", "7", "2 events \0")
    store.raise_alert("dead_letters", "8", "other")
    other, alert = store.alerts()
    assert (alert.kind, alert.about, alert.detail) == ("dead_letters", "7", "2 events \N{REPLACEMENT CHARACTER}")
    assert (alert.raised_us, alert.last_us, alert.cleared_us) == (began, began + 10, None)
    assert (other.about, other.raised_us) == ("8", began + 10)


def test_a_cleared_alert_is_history_and_is_raised_anew(store: RegistryStore, step_clock: Any) -> None:
    store.clear_alert("parked_full", "7")
    store.raise_alert("parked_full", "7", "first")
    step_clock.us += 10
    store.clear_alert("parked_full", "7")
    assert store.alerts() == []
    cleared_us = step_clock.us
    step_clock.us += 10
    store.clear_alert("parked_full", "7")
    store.raise_alert("parked_full", "7", "second")
    assert [(a.detail, a.cleared_us) for a in store.alerts(open_only=False)] == [
        ("second", None),
        ("first", cleared_us),
    ]
    assert len(store.alerts(open_only=False, limit=1)) == 1


def test_alerts_raised_at_once_are_one(store: RegistryStore) -> None:
    barrier = threading.Barrier(4)

    def say(i: int) -> None:
        barrier.wait()
        store.raise_alert("destination_failing", "7", str(i))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(say, range(4)))
    assert len(store.alerts()) == 1


def test_old_alerts_are_forgotten_once_they_are_cleared(store: RegistryStore, step_clock: Any) -> None:
    store.raise_alert("dead_letters", "1", "still open")
    store.raise_alert("dead_letters", "2", "cleared")
    store.clear_alert("dead_letters", "2")
    assert store.prune_alerts(step_clock.us) == 0
    assert store.prune_alerts(step_clock.us + 1) == 1
    assert [alert.about for alert in store.alerts(open_only=False)] == ["1"]


def test_alerts_and_tasks_leave_the_version_alone(store: RegistryStore) -> None:
    before = store.version()
    store.raise_alert("dead_letters", "7", "x")
    store.clear_alert("dead_letters", "7")
    id_ = store.add_task("REDRIVE").id
    store.next_task()
    store.progress_task(id_, items=1)
    store.finish_task(id_)
    assert store.version() == before


# Tasks


def test_a_task_goes_its_way(fleet: RegistryStore, step_clock: Any) -> None:
    asked = fleet.add_task("REDRIVE", filter_={"types": ["a"]}, rate_per_s=2.5, integration_id=insurer(fleet))
    assert re.fullmatch(r"[0-9a-f]{24}", asked.id)
    assert (asked.status, asked.filter, asked.rate_per_s, asked.items) == ("PENDING", {"types": ["a"]}, 2.5, 0)
    assert fleet.task(asked.id) == asked
    step_clock.us += 1
    begun = fleet.next_task()
    assert begun is not None
    assert (begun.id, begun.status, begun.started_us) == (asked.id, "IN_PROGRESS", step_clock.us)
    assert fleet.progress_task(asked.id, items=3, remaining=4)
    assert fleet.next_task() == fleet.task(asked.id), "a hub that starts again goes on with it"
    step_clock.us += 1
    assert fleet.finish_task(asked.id)
    done = fleet.task(asked.id)
    assert (done.status, done.items, done.remaining, done.completed_us) == ("COMPLETED", 3, 4, step_clock.us)
    assert fleet.next_task() is None


def test_of_one_type_and_integration_one_task_at_a_time(fleet: RegistryStore) -> None:
    for owner in (None, insurer(fleet)):
        first = fleet.add_task("PUSH_FAILED_TRIPS", integration_id=owner)
        with pytest.raises(TaskUnfinished, match="wait until it is finished, or cancel it") as caught:
            fleet.add_task("PUSH_FAILED_TRIPS", integration_id=owner)
        assert caught.value.task_id == first.id
        fleet.add_task("PUSH_FAILED_CRASHES", integration_id=owner)
    assert len(fleet.tasks()) == 4
    assert {task.integration_id for task in fleet.tasks(integration_ids={insurer(fleet)})} == {insurer(fleet)}
    fleet.cancel_task(first.id)
    assert fleet.add_task("PUSH_FAILED_TRIPS", integration_id=insurer(fleet)).id != first.id


def test_finished_tasks_are_forgotten_in_time_and_unfinished_ones_never(store: RegistryStore, step_clock: Any) -> None:
    kept_us = step_clock.us
    done, cancelled, waiting = store.add_task("REDRIVE"), store.add_task("PUSH_FAILED_TRIPS"), store.add_task("DROP")
    store.next_task()
    store.finish_task(done.id)
    step_clock.us += 5
    store.cancel_task(cancelled.id)
    assert store.prune_tasks(kept_us + 5) == 1
    assert {task.id for task in store.tasks()} == {cancelled.id, waiting.id}
    assert store.prune_tasks(kept_us + 100) == 1
    assert [task.id for task in store.tasks()] == [waiting.id]


def test_tasks_asked_for_at_once_are_one(store: RegistryStore) -> None:
    barrier = threading.Barrier(4)

    def ask(_: int) -> bool:
        barrier.wait()
        try:
            store.add_task("DROP")
        except TaskUnfinished:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(ask, range(4))) == 1


def test_the_oldest_task_comes_first_but_after_the_one_under_way(store: RegistryStore, step_clock: Any) -> None:
    first = store.add_task("REDRIVE")
    step_clock.us += 1
    second = store.add_task("DROP")
    begun = store.next_task()
    assert begun is not None
    assert begun.id == first.id
    assert [task.id for task in store.tasks()] == [second.id, first.id], "the newest first"
    step_clock.us -= 10  # a wall clock may step back: a task that seems older is asked for while one is under way
    store.cancel_task(second.id)
    second = store.add_task("DROP")
    assert store.next_task() == begun
    store.finish_task(first.id, failed="no \0 room")
    assert (store.task(first.id).status, store.task(first.id).detail) == ("FAILED", "no \N{REPLACEMENT CHARACTER} room")
    following = store.next_task()
    assert following is not None
    assert following.id == second.id


def test_a_task_that_is_being_carried_out_keeps_no_other_waiting(store: RegistryStore, step_clock: Any) -> None:
    first = store.add_task("REDRIVE")
    step_clock.us += 1
    second = store.add_task("DROP")
    store.next_task()
    following = store.next_task(besides={first.id})
    assert following is not None
    assert (following.id, following.status) == (second.id, "IN_PROGRESS")
    assert store.next_task(besides={first.id, second.id}) is None


def test_a_task_may_begin_with_its_events_counted(store: RegistryStore) -> None:
    assert store.task(store.add_task("REDRIVE", remaining=42).id).remaining == 42


def test_what_is_finished_stays_so(store: RegistryStore) -> None:
    id_ = store.add_task("REDRIVE").id
    store.next_task()
    assert store.cancel_task(id_)
    cancelled = store.task(id_)
    assert cancelled.status == "CANCELED"
    assert not store.progress_task(id_, items=9), "whoever carries it out hears of it"
    assert not store.finish_task(id_)
    assert not store.cancel_task(id_)
    assert store.task(id_) == cancelled
    for act in (store.task, store.cancel_task, store.finish_task):
        with pytest.raises(NotFound):
            act("0" * 24)
    with pytest.raises(NotFound):
        store.progress_task("0" * 24, items=1)
    with pytest.raises(NotFound):
        store.add_task("DROP", integration_id=4711)

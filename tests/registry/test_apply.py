"""``postroad apply``: what it changes, and that it changes nothing else."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError
from postroad.model.identifiers import Issue
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing, opened_config
from postroad.registry.store import RegistryStore

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "apply.md"
ENVIRONMENT = {"INSURER_SECRET": "hunter2-hunter2"}
EXAMPLE = re.findall(r"```yaml\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)[0]


@pytest.fixture
def store(tmp_path: Path, step_clock: Any) -> Iterator[RegistryStore]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=step_clock)
    yield store
    store.close()


def told(changes: Any) -> list[tuple[str, str, str]]:
    return [(change.action, change.kind, change.name) for change in changes]


def vehicles(store: RegistryStore) -> dict[str, int]:
    return {value: subject_id for (_, _, value), subject_id in store.view().identifiers.items()}


def covered(store: RegistryStore) -> set[int]:
    """Vehicles with an open stream."""
    view = store.view()
    open_ = {stream.subject_id for stream in view.streams.values() if not stream.ended}
    return {subject_id for subject_id in open_ if view.subjects[subject_id].kind == "vehicle"}


def test_the_example_of_the_how_to_can_be_applied(store: RegistryStore, declare: Any) -> None:
    changes = declare(store, EXAMPLE, ENVIRONMENT)
    assert told(changes) == [
        ("create", "organization", "Andes Transport"),
        ("create", "provider", "Andes Transport/gps-one"),
        ("create", "fleet", "Andes Transport/Trucks"),
        ("create", "vehicle", "Andes Transport/KXRT41"),
        ("create", "vehicle", "Andes Transport/BBCC22"),
        ("create", "vehicle", "Andes Transport/DDFF33"),
        ("create", "integration", "Andes Transport/insurer"),
        ("create", "destination", "Andes Transport/insurer/webhook"),
        ("create", "subscription", "Andes Transport/insurer/telemetry"),
        ("create", "identifier", "Andes Transport/connected_cars.vehicle_id"),
        ("create", "stream", "Andes Transport/insurer/telemetry"),
    ]
    view = store.view()
    [provider] = view.providers.values()
    assert (provider.protocol, provider.revision, provider.settings) == ("drivetech", 1, {"profile": "lenient"})
    [subscription] = view.subscriptions.values()
    assert subscription.types == ("gps_position", "car_ignition")
    assert (subscription.delivery, subscription.state) == ({"max_items": 1000, "linger_ms": 2}, "active")
    assert covered(store) == set(vehicles(store).values())
    assert vehicles(store)["51848"] == vehicles(store)["DDFF33"]


def test_applying_again_changes_nothing_not_even_the_version(store: RegistryStore, declare: Any) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    before = store.view()
    assert declare(store, EXAMPLE, ENVIRONMENT) == []
    assert declare(store, EXAMPLE, ENVIRONMENT, prune=True) == []
    assert store.view() == before


def test_a_whole_file_raises_the_version_by_one(store: RegistryStore, declare: Any) -> None:
    before = store.version()
    declare(store, EXAMPLE, ENVIRONMENT)
    assert store.version() == before + 1


def test_a_dry_run_tells_the_same_and_writes_nothing(store: RegistryStore, declare: Any) -> None:
    before = store.view()
    dry = declare(store, EXAMPLE, ENVIRONMENT, dry_run=True)
    assert store.view() == before
    assert declare(store, EXAMPLE, ENVIRONMENT) == dry


def test_an_error_that_only_the_registry_shows_leaves_nothing_of_the_file(store: RegistryStore, declare: Any) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    before = store.view()
    text = EXAMPLE.replace("{plate: BBCC-22, vin: 9BWZZZ377VT004251}", "{vin: 9BWZZZ377VT004251, plate: KXRT41}")
    text = text.replace("      - {plate: KXRT41, fleet: Trucks}\n", "").replace("name: Trucks", "name: Lorries")
    with pytest.raises(
        ConfigError, match=r"vehicles\[0\]\.plate: belongs to vehicle \d+ \(KXRT41\), which is not declared"
    ):
        declare(store, text.replace("fleets: [Trucks]", ""), ENVIRONMENT)
    assert store.view() == before


# Secrets


def test_a_secret_is_sealed_at_rest_and_never_shown(store: RegistryStore, declare: Any, keys: KeyRing) -> None:
    changes = declare(store, EXAMPLE, ENVIRONMENT)
    secret = ENVIRONMENT["INSURER_SECRET"]
    assert secret not in repr(changes)
    [destination] = store.view().destinations.values()
    assert "client_secret" not in destination.config["auth"]
    assert list(destination.sealed) == ["auth.client_secret"]
    assert opened_config(destination, keys)["auth"]["client_secret"] == secret
    assert "client_secret" not in destination.config["auth"]
    with store.transaction() as transaction:
        for table in schema.metadata.sorted_tables:
            for row in transaction.connection.execute(sa.select(table)):
                assert secret not in repr(row)


def test_only_a_changed_secret_is_sealed_again(store: RegistryStore, declare: Any, keys: KeyRing) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    [change] = declare(store, EXAMPLE, {"INSURER_SECRET": "other"})
    assert (change.action, change.kind) == ("update", "destination")
    assert change.fields == {"config.auth.client_secret": ("(secret)", "(secret)")}
    [destination] = store.view().destinations.values()
    assert opened_config(destination, keys)["auth"]["client_secret"] == "other"


def test_a_lost_key_is_cured_by_applying_again(store: RegistryStore, declare: Any) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    fresh = KeyRing({b"0002": bytes(range(32))}, b"0002")
    assert told(declare(store, EXAMPLE, ENVIRONMENT, keys=fresh)) == [
        ("update", "destination", "Andes Transport/insurer/webhook")
    ]
    [destination] = store.view().destinations.values()
    assert opened_config(destination, fresh)["auth"]["client_secret"] == "hunter2-hunter2"


def test_a_secret_can_come_from_a_file_beside_the_declaring_one(
    store: RegistryStore, declare: Any, keys: KeyRing, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    declare(store, EXAMPLE.replace("{env: INSURER_SECRET}", "{file: secret}"))
    [destination] = store.view().destinations.values()
    assert opened_config(destination, keys)["auth"]["client_secret"] == "from a file"


def test_each_value_of_a_secret_mapping_is_a_reference(store: RegistryStore, declare: Any, keys: KeyRing) -> None:
    text = EXAMPLE.replace(
        "              auth:\n", "              headers: {X-Api.Key: {env: KEY}}\n              auth:\n"
    )
    declare(store, text, {**ENVIRONMENT, "KEY": "abc"})
    [destination] = store.view().destinations.values()
    assert destination.config["headers"] == {}
    assert opened_config(destination, keys)["headers"] == {"X-Api.Key": "abc"}


def test_a_secret_that_is_no_more_wanted_is_forgotten(store: RegistryStore, declare: Any) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    auth = re.search(r"              auth:\n(?:                .*\n)+", EXAMPLE)
    assert auth
    declare(store, EXAMPLE.replace(auth[0], ""))
    [destination] = store.view().destinations.values()
    assert (destination.config, destination.sealed) == ({"url": "https://customer.example/events"}, {})


# Providers and subscriptions


def test_changed_settings_are_a_new_revision_and_older_ones_stay_readable(store: RegistryStore, declare: Any) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    changed = EXAMPLE.replace("profile: lenient", "profile: strict")
    [change] = declare(store, changed, ENVIRONMENT)
    assert change.fields["revision"] == (1, 2)
    view = store.view()
    [provider] = view.providers.values()
    assert (provider.revision, provider.settings) == (2, {"profile": "strict"})
    assert view.provider_settings[provider.id, 1] == {"profile": "lenient"}


def test_a_removed_provider_loses_its_tokens_and_keeps_its_settings(store: RegistryStore, declare: Any) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    store.issue_token("gps-one", "x")
    without = re.sub(r"    providers:\n(      .*\n)+?(?=    fleets)", "", EXAMPLE)
    assert told(declare(store, without, ENVIRONMENT)) == []
    assert told(declare(store, without, ENVIRONMENT, prune=True)) == [("delete", "provider", "Andes Transport/gps-one")]
    view = store.view()
    assert (view.providers, view.tokens) == ({}, {})
    assert list(view.provider_settings.values()) == [{"profile": "lenient"}]
    assert store.list_tokens()[0].revoked_us is not None


def test_a_pause_is_left_alone_unless_the_file_says_otherwise(store: RegistryStore, declare: Any) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    store.set_subscription_state("telemetry", "paused")
    assert declare(store, EXAMPLE, ENVIRONMENT) == []
    [change] = declare(store, EXAMPLE + "            state: active\n", ENVIRONMENT)
    assert change.fields == {"state": ("paused", "active")}


def test_an_id_is_never_used_twice(store: RegistryStore, declare: Any) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    before = set(store.view().subscriptions)
    declare(store, "organizations: []", prune=True)
    declare(store, EXAMPLE, ENVIRONMENT)
    assert not before & set(store.view().subscriptions)


# Vehicles and streams


def with_vehicles(*lines: str, selector: str = "all") -> str:
    text = re.sub(r"    vehicles:\n(      - .*\n)+", "    vehicles: [" + ", ".join(lines) + "]\n", EXAMPLE)
    return re.sub(r"vehicles: all .*", f"vehicles: {selector}", text)


def test_a_vehicle_that_leaves_the_selection_has_its_stream_ended(store: RegistryStore, declare: Any) -> None:
    declare(store, with_vehicles("{plate: A1, fleet: Trucks}", "{plate: B2}"), ENVIRONMENT)
    store.activate_streams(0, 5)
    changes = declare(
        store,
        with_vehicles("{plate: A1, fleet: Trucks}", "{plate: B2}", selector="{fleets: [Trucks]}"),
        ENVIRONMENT,
    )
    assert ("delete", "stream", "Andes Transport/insurer/telemetry") in told(changes)
    ids = vehicles(store)
    by_subject = {stream.subject_id: stream for stream in store.view().streams.values()}
    assert (by_subject[ids["B2"]].ended, by_subject[ids["B2"]].until_position) == (True, None)
    assert not by_subject[ids["A1"]].ended
    # Moving between fleets is enough, and a stream that opens again is a new one without a beginning.
    declare(
        store, with_vehicles("{plate: A1}", "{plate: B2, fleet: Trucks}", selector="{fleets: [Trucks]}"), ENVIRONMENT
    )
    assert covered(store) == {ids["B2"]}
    assert [s.from_position for s in store.view().streams.values() if s.subject_id == ids["B2"]] == [5, None]


def test_a_membership_is_dated_and_kept(store: RegistryStore, declare: Any, step_clock: Any) -> None:
    declare(store, with_vehicles("{plate: A1, fleet: Trucks}"), ENVIRONMENT)
    began, step_clock.us = step_clock.us, step_clock.us + 1
    declare(store, with_vehicles("{plate: A1}"), ENVIRONMENT)
    with store.transaction() as transaction:
        [row] = transaction.connection.execute(sa.select(schema.memberships))
    assert (row.since_us, row.until_us) == (began, began + 1)


def test_pruning_leaves_vehicles_that_were_learnt(store: RegistryStore, declare: Any) -> None:
    declare(store, with_vehicles("{plate: A1}"), ENVIRONMENT)
    andes = next(iter(store.view().organizations))
    learnt = store.create_vehicle(
        andes, {"plate": "L1"}, shard=0, issue=(Issue("connected_cars.vehicle_id", "vehicle"),)
    )
    changes = declare(store, with_vehicles(), ENVIRONMENT, prune=True)
    assert ("delete", "vehicle", "Andes Transport/A1") in told(changes)
    assert vehicles(store) == {"L1": learnt.id}
    # Once declared, it is the file's.
    [change] = declare(store, with_vehicles("{plate: l-1}"), ENVIRONMENT)
    assert change.fields == {"declared": (None, True)}
    declare(store, with_vehicles(), ENVIRONMENT, prune=True)
    assert vehicles(store) == {}


def test_two_vehicles_with_vins_can_swap_their_plates(store: RegistryStore, declare: Any) -> None:
    declare(store, with_vehicles("{plate: P1, vin: V1}", "{plate: P2, vin: V2}"), ENVIRONMENT)
    before = vehicles(store)
    changes = declare(store, with_vehicles("{plate: P2, vin: V1}", "{plate: P1, vin: V2}"), ENVIRONMENT)
    after = vehicles(store)
    assert [change.action for change in changes] == ["update", "update"]
    assert (after["V1"], after["P2"]) == (before["V1"], before["V1"])
    assert (after["V2"], after["P1"]) == (before["V2"], before["V2"])


def test_a_vehicle_keeps_a_vin_that_the_file_leaves_out_until_it_is_pruned(store: RegistryStore, declare: Any) -> None:
    declare(store, with_vehicles("{plate: P1, vin: V1}"), ENVIRONMENT)
    assert declare(store, with_vehicles("{plate: P1}"), ENVIRONMENT) == []
    assert set(vehicles(store)) == {"P1", "V1"}
    [change] = declare(store, with_vehicles("{plate: P1}"), ENVIRONMENT, prune=True)
    assert change.fields == {"vin": ("V1", None)}


def test_what_a_provider_calls_a_vehicle_stays_when_the_file_leaves_it_out_even_when_pruning(
    store: RegistryStore, declare: Any
) -> None:
    """It may be learnt: without it the provider's next event would make another vehicle."""
    declare(store, with_vehicles("{plate: P1, identifiers: {connected_cars.vehicle: 77}}"), ENVIRONMENT)
    assert declare(store, with_vehicles("{plate: P1}"), ENVIRONMENT, prune=True) == []
    assert set(vehicles(store)) == {"P1", "77"}
    [change] = declare(
        store, with_vehicles("{plate: P1, identifiers: {connected_cars.vehicle: '78'}}"), ENVIRONMENT, prune=True
    )
    assert change.fields == {"connected_cars.vehicle": ("77", "78")}
    assert set(vehicles(store)) == {"P1", "78"}


def test_two_vehicles_of_one_file_cannot_have_one_identifier(store: RegistryStore, declare: Any) -> None:
    one = "identifiers: {connected_cars.vehicle: 77}}"
    with pytest.raises(ConfigError) as caught:
        declare(store, with_vehicles(f"{{plate: P1, {one}", "{plate: P2}", f"{{plate: P3, {one}"), ENVIRONMENT)
    assert caught.value.field == "organizations[0].vehicles[2].identifiers.connected_cars.vehicle"
    assert caught.value.message == "the same as that of vehicle [0]"


def test_an_organization_goes_with_everything_in_it(store: RegistryStore, declare: Any) -> None:
    declare(store, EXAMPLE, ENVIRONMENT)
    andes = next(iter(store.view().organizations))
    store.create_vehicle(andes, {"plate": "L1"}, shard=0, issue=())
    declare(store, "organizations: []", prune=True)
    view = store.view()
    left = (view.organizations, view.providers, view.identifiers, view.destinations, view.subscriptions)
    assert not any(left)
    assert all(subject.removed for subject in view.subjects.values())
    assert all(stream.ended for stream in view.streams.values())


# Errors: file, line and field


def line_of(text: str, part: str) -> int:
    return next(n for n, line in zip(itertools.count(1), text.splitlines()) if part in line)


DESTINATION = "integrations[0].destinations[0]"
SUBSCRIPTION = "integrations[0].subscriptions[0]"


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("protocol: drivetech", "protocl: x", "providers[0].protocl", "unknown key; did you mean protocol?"),
        ("protocol: drivetech", "protocol: drivetek", "providers[0].protocol", "did you mean drivetech?"),
        ("profile: lenient", "profil: lenient", "providers[0].settings.profil", "did you mean profile?"),
        ("profile: lenient", "profile: 3", "providers[0].settings.profile", "expected text, got `int`"),
        ("unknown_vehicles: create", "unknown_vehicles: maybe", "providers[0].unknown_vehicles", "invalid enum value"),
        ("- name: Trucks", "- name: Trucks\n      - {name: Trucks}", "fleets[1].name", "the same name as [0]"),
        ("name: gps-one", "name: '12'", "providers[0].name", "regex"),
        ("plate: KXRT41, fleet: Trucks", "plate: bbcc22", "vehicles[1].plate", "the same as that of vehicle [0]"),
        ("plate: KXRT41", "plate: 123456", "vehicles[0].plate", "expected `str | null`, got `int`"),
        ("plate: KXRT41", "plate: 012345", "vehicles[0].plate", "quote it"),
        ("plate: KXRT41", "plate: KXRT41, plate: A1", "vehicles[0].plate", "the same key twice"),
        ("plate: KXRT41", "plate: '-'", "vehicles[0].plate", "1 to 64"),
        (
            "plate: KXRT41",
            "identifiers: {connected_cars.vehicle_id: 77}",
            "vehicles[0].identifiers.connected_cars.vehicle_id",
            "no namespace of vehicles is called 'connected_cars.vehicle_id'; did you mean connected_cars.vehicle?",
        ),
        ("plate: KXRT41", "identifiers: {vin: A1}", "vehicles[0].identifiers.vin", "; there is connected_cars.vehicle"),
        (
            "plate: KXRT41",
            "identifiers: {connected_cars.vehicle: 7.5}",
            "vehicles[0].identifiers.connected_cars.vehicle",
            "expected `int | str`",
        ),
        (
            "{plate: KXRT41, fleet: Trucks}",
            "{fleet: Trucks}",
            "vehicles[0]",
            "a vehicle needs a plate, a vin or another identifier",
        ),
        ("fleet: Trucks", "fleet: Truks", "vehicles[0].fleet", "did you mean Trucks?"),
        ("transport: https", "transport: http", DESTINATION + ".transport", "did you mean https?"),
        ("url: https", "ulr: https", DESTINATION + ".config.ulr", "did you mean url?"),
        ("client_id: postroad", "clientid: x", DESTINATION + ".config.auth.clientid", "client_id?"),
        ("type: oauth2_client", "type: oauth9", DESTINATION + ".config.auth.type", "invalid value"),
        ("{env: INSURER_SECRET}", "hunter2", DESTINATION + ".config.auth.client_secret", "{env: NAME}"),
        ("INSURER_SECRET}", "NOPE}", DESTINATION + ".config.auth.client_secret", "NOPE is not set"),
        ("{env: INS", "{file: no, x: INS", DESTINATION + ".config.auth.client_secret", "{env: NAME}"),
        ("{env: INSURER_SECRET}", "{file: gone}", DESTINATION + ".config.auth.client_secret", "No such"),
        ("destination: webhook", "destination: hook", SUBSCRIPTION + ".destination", "webhook"),
        ("gps_position, car", "gps_positon, car", SUBSCRIPTION + ".types[0]", "gps_position?"),
        ("gps_position, car_ignition", "gps_position, gps_position", SUBSCRIPTION + ".types[1]", "twice"),
        ("vehicles: all", "vehicles: {fleets: [X]}", SUBSCRIPTION + ".vehicles.fleets[0]", "no fleet"),
        ("vehicles: all", "vehicles: {fleet: [X]}", SUBSCRIPTION + ".vehicles.fleet", "fleets?"),
        ("max_items: 1000", "max_items: 0", SUBSCRIPTION + ".delivery.max_items", ">= 1"),
    ],
)
def test_an_error_names_file_line_and_field(
    store: RegistryStore, declare: Any, old: str, new: str, field: str, message: str
) -> None:
    text = EXAMPLE.replace(old, new, 1)
    line = line_of(text, "BBCC-22" if field == "vehicles[1].plate" else new.splitlines()[-1])
    with pytest.raises(ConfigError) as caught:
        declare(store, text, ENVIRONMENT)
    assert (caught.value.field, caught.value.line) == (f"organizations[0].{field}", line)
    assert caught.value.file is not None
    assert caught.value.file.endswith("fleet.yaml")
    assert message in caught.value.message
    assert store.version() == 1


def test_a_secret_that_stands_in_the_file_is_not_echoed(store: RegistryStore, declare: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(store, EXAMPLE.replace("{env: INSURER_SECRET}", "hunter2"))
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "hunter2" not in str(chain)
        chain = chain.__cause__ or chain.__context__


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("a:\n  - [", "fleet.yaml:2: not YAML"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("a: \x01", "not YAML"),
        ("- 1", "expected a mapping, got a list"),
        ("organizations: {}", "organizations: expected a list, got a mapping"),
        ("1: 2", "a key that is not text"),
        ("organizations: &a [*a]", "an alias of what it stands in"),
        ("organizations: .inf", "not a plain decimal number"),
        ("organizations: !!binary aGk=", "has no place here"),
        ('organizations: "a\\0b"', "a character that cannot be stored"),
        ('"a\\0b": 1', "a character that cannot be stored"),
        ('organizations: "\\ud83d"', "half a character"),
        ('{"\\ud83d": 1}', "half a character"),
        ('{"\\ud83d\\ude9a": 1}', "unknown key"),
        ("organizations: " + "[" * 5000, "fleet.yaml"),
        ("{}", "missing required field `organizations`"),
    ],
)
def test_what_is_no_document_is_refused(store: RegistryStore, declare: Any, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(store, text)
    assert message in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(
    store: RegistryStore, catalogue: Any, keys: KeyRing, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"nosuch\.yaml: cannot be read"):
        apply_file(store, tmp_path / "nosuch.yaml", catalogue=catalogue, keys=keys, environment={})


def test_what_json_escapes_as_two_halves_is_one_character(store: RegistryStore, declare: Any) -> None:
    declare(store, json.dumps({"organizations": [{"name": "nord 🚚"}]}))
    assert [organization.name for organization in store.view().organizations.values()] == ["nord 🚚"]


def test_dates_and_words_stay_the_text_that_they_are(store: RegistryStore, declare: Any) -> None:
    declare(store, "organizations: [{name: 2024-01-02}, {name: no}, {name: On}]")
    assert [organization.name for organization in store.view().organizations.values()] == ["2024-01-02", "no", "On"]

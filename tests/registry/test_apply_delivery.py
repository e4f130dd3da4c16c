"""``postroad apply``: limits of destinations and signing secrets of subscriptions."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect

from postroad import service
from postroad.errors import ConfigError
from postroad.registry.apply import document
from postroad.registry.apply.hints import structs_and_more
from postroad.registry.records import Destination, Subscription
from postroad.registry.secrets import KeyRing
from postroad.registry.signing import MAX_SECRETS, decoded, opened_signing
from postroad.registry.store import RegistryStore


def whsec(fill: int, length: int = 32) -> str:
    return "whsec_" + base64.b64encode(bytes([fill]) * length).decode()


OLD, NEW = whsec(1), whsec(2)
ENVIRONMENT = {"OLD": OLD, "NEW": NEW, "PLAIN": "hunter2", "SHORT": whsec(3, 23), "LONG": whsec(3, 65)}


def fleet(*, limits: str = "", signing: str = "") -> str:
    return f"""
organizations:
  - name: Andes
    integrations:
      - name: insurer
        destinations:
          - name: webhook
            transport: https
            config: {{url: "https://customer.example/events"}}
            {limits}
        subscriptions:
          - name: telemetry
            protocol: connected_cars
            destination: webhook
            types: [gps_position]
            {signing}
"""


SIGNED = fleet(signing="signing: {secrets: [{env: OLD}]}")
OVERLAPPING = fleet(signing="signing: {secrets: [{env: NEW}, {env: OLD}]}")


@pytest.fixture
def store(tmp_path: Path, step_clock: Any) -> Iterator[RegistryStore]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=step_clock)
    yield store
    store.close()


def webhook(store: RegistryStore) -> Destination:
    [destination] = store.view().destinations.values()
    return destination


def telemetry(store: RegistryStore) -> Subscription:
    [subscription] = store.view().subscriptions.values()
    return subscription


# Limits


def test_limits_are_declared_changed_and_given_up(store: RegistryStore, declare: Any) -> None:
    declare(store, fleet(limits="limits: {concurrency: 8, requests_per_s: 20}"))
    assert webhook(store).limits == {"concurrency": 8, "requests_per_s": 20}
    [change] = declare(store, fleet(limits="limits: {concurrency: 4}"))
    assert change.fields == {"limits": ({"concurrency": 8, "requests_per_s": 20}, {"concurrency": 4})}
    assert declare(store, fleet(limits="limits: {concurrency: 4}")) == []
    declare(store, fleet())
    assert webhook(store).limits == {}


@pytest.mark.parametrize(
    ("limits", "field", "message"),
    [
        ("{concurrency: 0}", "limits.concurrency", ">= 1"),
        ("{concurency: 2}", "limits.concurency", "did you mean concurrency?"),
        ("5", "limits", "expected a mapping"),
    ],
)
def test_limits_that_cannot_be_are_refused(
    store: RegistryStore, declare: Any, limits: str, field: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")) as caught:
        declare(store, fleet(limits=f"limits: {limits}"))
    assert caught.value.field == f"organizations[0].integrations[0].destinations[0].{field}"
    assert caught.value.line == 10


# Overrides of the contract


SCHEDULED = """
organizations:
  - name: Andes
    integrations:
      - name: insurer
        destinations:
          - {name: webhook, transport: https, config: {url: "https://customer.example/events"}}
        subscriptions:
          - name: telemetry
            protocol: connected_cars
            destination: webhook
            types: [gps_position]
            delivery:
              order: none
              retry_of:
                gps_position: {then_s: 5}
"""
DELIVERY = "organizations[0].integrations[0].subscriptions[0].delivery"


@pytest.mark.parametrize(
    ("other", "field", "message"),
    [
        ("car_igniton: {then_s: 5}", "retry_of.car_igniton", "no type of connected_cars .* did you mean car_ignition"),
        ("car_ignition: {then_ss: 5}", "retry_of.car_ignition.then_ss", "unknown key; did you mean then_s"),
        ("car_ignition: {then_s: soon}", "retry_of.car_ignition.then_s", "expected `float"),
        ("car_ignition: 5", "retry_of.car_ignition", "expected a mapping"),
    ],
)
def test_a_schedule_of_a_type_that_cannot_be_is_refused_by_its_name(
    store: RegistryStore, declare: Any, other: str, field: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        declare(store, f"{SCHEDULED}                {other}\n", catalogue=service.catalogue())
    assert caught.value.field == f"{DELIVERY}.{field}"
    assert caught.value.line == 17


def test_where_everything_stays_in_order_no_type_has_a_schedule_of_its_own(store: RegistryStore, declare: Any) -> None:
    for text in (SCHEDULED.replace("order: none", "split: true"), SCHEDULED.replace("none", "bulk")):
        with pytest.raises(ConfigError, match="all types wait by one schedule") as caught:
            declare(store, text, catalogue=service.catalogue())
        assert caught.value.field == f"{DELIVERY}.retry_of"
    declare(store, SCHEDULED, catalogue=service.catalogue())
    assert telemetry(store).delivery["retry_of"] == {"gps_position": {"then_s": 5}}


def structs_within(info: inspect.Type) -> Iterator[inspect.StructType]:
    """The structs that declared data of a type is made of."""
    for one in structs_and_more(info):
        match one:
            case inspect.StructType(fields=fields):
                yield one
                for field in fields:
                    yield from structs_within(field.type)
            case inspect.DictType(value_type=inner) | inspect.VarTupleType(item_type=inner):
                yield from structs_within(inner)


def test_no_struct_that_is_declared_passes_a_misspelled_member_over() -> None:
    known = service.catalogue()
    declared = [known.delivery_type, known.limits_type, document.Document]
    for by_name in (
        known.source_settings,
        known.target_options,
        known.transport_config,
        known.upstream_config,
        known.receiver_config,
    ):
        declared += by_name.values()
    structs = [struct for type_ in declared for struct in structs_within(inspect.type_info(type_))]
    assert len({struct.cls for struct in structs}) > len(declared), "those within are found, too"
    assert [struct.cls for struct in structs if not struct.cls.__struct_config__.forbid_unknown_fields] == []


# Signing


def test_declared_secrets_are_sealed_newest_first_and_never_shown(
    store: RegistryStore, declare: Any, keys: KeyRing
) -> None:
    changes = declare(store, SIGNED, ENVIRONMENT)
    assert OLD not in repr(changes)
    [change] = declare(store, OVERLAPPING, ENVIRONMENT)
    assert change.fields == {"signing.secrets": ("(secret)", "(secret)")}
    assert opened_signing(telemetry(store), keys, 0) == (NEW, OLD)
    before = store.view()
    assert declare(store, OVERLAPPING, ENVIRONMENT) == []
    assert store.view() == before, "sealing the same again would change its bytes"
    [change] = declare(store, fleet(signing="signing: {secrets: []}"), ENVIRONMENT)
    assert change.fields == {"signing.secrets": ("(secret)", None)}
    assert telemetry(store).signing == ()


def test_the_order_of_declared_secrets_counts(store: RegistryStore, declare: Any, keys: KeyRing) -> None:
    declare(store, OVERLAPPING, ENVIRONMENT)
    declare(store, fleet(signing="signing: {secrets: [{env: OLD}, {env: NEW}]}"), ENVIRONMENT)
    assert opened_signing(telemetry(store), keys, 0) == (OLD, NEW)


def test_a_secret_that_was_made_here_is_left_alone_by_a_file_that_is_silent(
    store: RegistryStore, declare: Any, keys: KeyRing
) -> None:
    declare(store, fleet())
    made = store.rotate_signing_secret("telemetry", keys, overlap_us=0)
    assert declare(store, fleet(), prune=True) == []
    assert opened_signing(telemetry(store), keys, 0) == (made,)
    declare(store, SIGNED, ENVIRONMENT)
    assert opened_signing(telemetry(store), keys, 0) == (OLD,), "a file that speaks decides"


def test_declared_secrets_are_not_rotated_behind_the_files_back(
    store: RegistryStore, declare: Any, keys: KeyRing
) -> None:
    declare(store, SIGNED, ENVIRONMENT)
    before = store.view()
    with pytest.raises(ConfigError, match="put a new one first in its list"):
        store.rotate_signing_secret("telemetry", keys, overlap_us=0)
    assert store.view() == before
    assert declare(store, fleet()) == []
    assert store.view() == before
    made = store.rotate_signing_secret("telemetry", keys, overlap_us=1)
    assert opened_signing(telemetry(store), keys, 0) == (made, OLD)


def test_a_lost_sealing_key_is_cured_by_applying_again(store: RegistryStore, declare: Any) -> None:
    declare(store, OVERLAPPING, ENVIRONMENT)
    fresh = KeyRing({b"0002": bytes(range(32))}, b"0002")
    assert [change.kind for change in declare(store, OVERLAPPING, ENVIRONMENT, keys=fresh)] == ["subscription"]
    assert opened_signing(telemetry(store), fresh, 0) == (NEW, OLD)


@pytest.mark.parametrize(
    ("signing", "field", "message"),
    [
        ("{secrets: [{env: OLD}, {env: OLD}]}", "secrets[1]", "the same secret as [0]"),
        ("{secrets: [{env: NOPE}]}", "secrets[0]", "NOPE is not set"),
        ("{secrets: [{env: PLAIN}]}", "secrets[0]", "not a signing secret: whsec_"),
        ("{secrets: [{env: SHORT}]}", "secrets[0]", "24 to 64 random bytes"),
        ("{secrets: [{env: LONG}]}", "secrets[0]", "24 to 64 random bytes"),
        ("{secrets: [hunter2]}", "secrets[0]", "does not stand in the file"),
        ("{secret: hunter2}", "secret", "did you mean secrets?"),
    ],
)
def test_what_is_no_signing_secret_is_refused_and_not_echoed(
    store: RegistryStore, declare: Any, signing: str, field: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(store, fleet(signing=f"signing: {signing}"), ENVIRONMENT)
    assert message in caught.value.message
    assert caught.value.field == f"organizations[0].integrations[0].subscriptions[0].signing.{field}"
    chain: BaseException | None = caught.value
    while chain is not None:
        assert not any(secret in str(chain) for secret in ENVIRONMENT.values())
        chain = chain.__cause__ or chain.__context__
    assert store.version() == 1


def test_too_many_secrets_are_refused(store: RegistryStore, declare: Any) -> None:
    names = {f"S{i}": whsec(i) for i in range(MAX_SECRETS + 1)}
    references = ", ".join(f"{{env: {name}}}" for name in names)
    with pytest.raises(ConfigError, match=f"length <= {MAX_SECRETS}"):
        declare(store, fleet(signing=f"signing: {{secrets: [{references}]}}"), names)


@pytest.mark.parametrize("length", [24, 32, 64])
def test_secrets_of_24_to_64_bytes_are_taken(length: int) -> None:
    assert decoded(whsec(9, length)) == bytes([9]) * length


@pytest.mark.parametrize(
    "text", ["", "whsec_", whsec(1).removeprefix("whsec_"), whsec(1)[:-1], whsec(1) + " ", whsec(1).upper(), "whsec_ñ"]
)
def test_other_texts_are_no_signing_secrets(text: str) -> None:
    with pytest.raises(ConfigError, match="not a signing secret"):
        decoded(text)

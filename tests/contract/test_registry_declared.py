"""What REST asks of a registry, on every engine: parts that are declared, subjects by page, answers that are kept."""

import pytest

from postroad.clock import DAY_US
from postroad.errors import ConfigError, NotFound
from postroad.registry import idempotency, subject_list
from postroad.registry.apply import Catalogue, Declared, Declaring, InUse
from postroad.registry.idempotency import Kept
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.subject_list import Which
from postroad.registry.transaction import Transaction

ANSWER = Kept(fingerprint=b"\x00\xff", status=201, body=b'{"secret":"\xc3\xa4"}', headers={"ETag": '"1"'})
HOOK = {"name": "hook", "transport": "https", "config": {"url": "https://a.example/", "headers": {"X": "s3cret"}}}
POSITIONS = {"name": "positions", "protocol": "connected_cars", "destination": "hook", "types": ["gps_position"]}


def declaring(under_way: Transaction, catalogue: Catalogue, keys: KeyRing) -> Declaring:
    return Declaring(under_way, catalogue=catalogue, keys=keys, shard=0)


@pytest.fixture
def company(store: RegistryStore, catalogue: Catalogue, keys: KeyRing) -> RegistryStore:
    """With a fleet, a destination and a subscription, put one by one."""
    with store.transaction() as under_way:
        put = declaring(under_way, catalogue, keys)
        put.put_organization("Andes")
        andes = put.declared.organization("Andes")
        put.put_fleet(andes, {"name": "Trucks"})
        put.put_provider(andes, {"name": "gps", "protocol": "drivetech"})
        put.put_integration(andes, {"name": "insurer"})
        insurer = put.declared.integration(andes.id, "insurer")
        put.put_destination(andes, insurer, HOOK)
        put.put_subscription(andes, insurer, POSITIONS)
    return store


def test_what_was_put_is_read_back_and_putting_it_again_changes_nothing(
    company: RegistryStore, catalogue: Catalogue, keys: KeyRing
) -> None:
    version = company.version()
    with company.transaction() as under_way:
        put = declaring(under_way, catalogue, keys)
        andes = put.declared.organization("Andes")
        insurer = put.declared.integration(andes.id, "insurer")
        hook = put.declared.destination(insurer.id, "hook")
        assert hook.data["config"] == {"url": "https://a.example/", "headers": {"X": None}}
        assert hook.secrets == ("config.headers.X",)
        again = [
            put.put_organization("Andes"),
            put.put_fleet(andes, put.declared.fleet(andes.id, "Trucks").data),
            put.put_provider(andes, put.declared.provider(andes.id, "gps").data),
            put.put_integration(andes, insurer.data),
            put.put_destination(andes, insurer, hook.data),
            put.put_subscription(andes, insurer, put.declared.subscription(insurer.id, "positions").data),
        ]
    assert (again, company.version()) == ([[]] * 6, version)


def test_what_is_in_use_stays_and_what_is_not_goes_with_its_secrets(
    company: RegistryStore, catalogue: Catalogue, keys: KeyRing
) -> None:
    with company.transaction() as under_way:
        put = declaring(under_way, catalogue, keys)
        andes = put.declared.organization("Andes")
        insurer = put.declared.integration(andes.id, "insurer")
        hook = put.declared.destination(insurer.id, "hook")
        with pytest.raises(InUse, match="positions"):
            put.remove("destination", hook, andes, insurer)
        put.remove("subscription", put.declared.subscription(insurer.id, "positions"), andes, insurer)
        put.remove("destination", hook, andes, insurer)
        assert under_way.connection.exec_driver_sql("SELECT count(*) FROM destination_secrets").scalar() == 0
        put.remove("organization", andes)
        with pytest.raises(NotFound):
            put.declared.organization("Andes")


def test_an_error_leaves_nothing_of_the_part(company: RegistryStore, catalogue: Catalogue, keys: KeyRing) -> None:
    version = company.version()
    with pytest.raises(ConfigError) as caught, company.transaction() as under_way:
        put = declaring(under_way, catalogue, keys)
        andes = put.declared.organization("Andes")
        put.put_fleet(andes, {"name": "Vans"})
        put.put_provider(andes, {"name": "gps", "protocol": "drivetech", "settings": {"profile": "none"}})
    assert (caught.value.field, company.version()) == ("settings.profile", version)
    with company.reading() as connection:
        assert [one.name for one in Declared(connection).fleets(1)] == ["Trucks"]


def test_subjects_come_by_page_and_by_what_they_are_known_by(
    company: RegistryStore, catalogue: Catalogue, keys: KeyRing
) -> None:
    with company.transaction() as under_way:
        put = declaring(under_way, catalogue, keys)
        andes = put.declared.organization("Andes")
        ids = [put.put_vehicle(andes, {"plate": f"AA-{n}", "fleet": "Trucks" if n else None})[0] for n in range(4)]
        assert put.put_vehicle(andes, {"plate": "aa 0"}) == (ids[0], False)
    with company.reading() as connection:
        every = Which(organization_id=1, kind="vehicle")
        assert [one.id for one in subject_list.listed(connection, every, after=ids[0], limit=2)] == ids[1:3]
        by_plate = subject_list.listed(connection, Which(value="aa 2"), after=0, limit=9)
        assert [(one.id, one.fleet, one.identifiers) for one in by_plate] == [(ids[2], "Trucks", {"plate": ["AA2"]})]
        fleet_id = by_plate[0].fleet_id
        assert [one.id for one in subject_list.listed(connection, Which(fleet_id=fleet_id), after=0, limit=9)] == ids[
            1:
        ]
        assert subject_list.one(connection, ids[0]).issued.keys() == {"connected_cars.vehicle_id"}
        with pytest.raises(NotFound):
            subject_list.one(connection, ids[0], kind="driver")


def test_an_answer_is_kept_for_its_owner_and_gone_after_a_day(store: RegistryStore, keys: KeyRing) -> None:
    version = store.version()
    with store.transaction() as under_way:
        idempotency.keep(under_way, "somebody", "k1", ANSWER, keys)
    with store.transaction() as under_way:
        assert idempotency.find(under_way, "somebody", "k1", keys) == ANSWER
        assert idempotency.find(under_way, "somebody else", "k1", keys) is None
        assert idempotency.find(under_way, "somebody", "k2", keys) is None
        under_way.now_us += DAY_US
        assert idempotency.find(under_way, "somebody", "k1", keys) is None
        idempotency.keep(under_way, "somebody", "k1", ANSWER, keys)
        now_us = under_way.now_us
    assert store.version() == version  # no view shows it
    assert (store.prune_answered(now_us), store.prune_answered(now_us + 1)) == (0, 1)


def test_an_answer_goes_with_the_change_that_fails(store: RegistryStore, keys: KeyRing) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction() as under_way:
        idempotency.keep(under_way, "somebody", "k1", ANSWER, keys)
        raise ZeroDivisionError
    with store.transaction() as under_way:
        assert idempotency.find(under_way, "somebody", "k1", keys) is None


def test_what_methods_write_within_a_change_that_goes_on_is_part_of_it(store: RegistryStore) -> None:
    with store.transaction() as under_way:
        within = store.within(under_way)
        within.raise_alert("kind", "about", "detail")
        assert len(within.alerts()) == 1
        with pytest.raises(NotFound):
            within.issue_token("nobody", "label")
        assert len(within.alerts()) == 1
        under_way.dropped = True
    assert store.alerts() == []

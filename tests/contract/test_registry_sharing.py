"""What the registry promises of owners, their sessions and what they share, on every database that it runs on."""

import json
from typing import Any

import pytest

from fixtures.consent_page import declared, feeds, service_of
from postroad.errors import ConfigError, Forbidden, NotFound
from postroad.registry import granted, grants, owner_sessions, sharing, vehicle_owners
from postroad.registry.records import Person, Service
from postroad.registry.sharing import OwnVehicle
from postroad.registry.store import RegistryStore
from postroad.registry.vehicle_owners import Owner
from postroad.service.declarable import catalogue

S_US = 1_000_000


class Registry:
    """Ida has A and B, in fleet F; bo has C. An insurer is offered to them, and a garage."""

    def __init__(self, store: RegistryStore, declare: Any) -> None:
        self.store, self._declare = store, declare
        self.declare(service_of("insurer", "Insurer"), service_of("garage", "Garage"))
        self.ida, self.bo = self.add("ida", "A", "B"), self.add("bo", "C")

    def declare(self, *services: Any) -> None:
        vehicles = [{"plate": plate, "fleet": "F"} for plate in "AB"] + [{"plate": "C"}]
        document = json.dumps(declared(*services, vehicles=vehicles))
        self._declare(self.store, document, catalogue=catalogue(), prune=True)

    def add(self, login: str, *plates: str) -> Owner:
        view = self.store.view()
        [organization_id] = [o.id for o in view.organizations.values() if o.name == "nord"]
        with self.store.transaction() as under_way:
            person = Person(first_names=login.capitalize())
            owner = vehicle_owners.add(under_way, organization_id, login, password="$hash", person=person, shard=0)
            for plate in plates:
                vehicle_owners.give_vehicle(under_way, owner, self.vehicle(plate))
        return owner

    def vehicle(self, plate: str) -> int:
        return next(s.id for s in self.store.view().subjects.values() if s.plate == plate)

    def fleet(self) -> int:
        return next(s.id for s in self.store.view().subjects.values() if s.kind == "fleet")

    def integration(self, name: str = "insurer") -> int:
        return next(one.id for one in self.store.view().integrations.values() if one.name == name)

    def share(self, owner: Owner, plate: str, *scopes: str, to: str = "insurer") -> bool:
        with self.store.transaction() as under_way:
            of = self.integration(to), self.vehicle(plate), owner.account_id
            return sharing.share(under_way, *of, scopes, personal={"user_name", "user_email"})

    def unshare(self, owner: Owner, plate: str, to: str = "insurer") -> bool:
        with self.store.transaction() as under_way:
            return sharing.unshare(under_way, self.integration(to), self.vehicle(plate), owner.account_id)

    def vehicles(self, owner: Owner) -> dict[str, OwnVehicle]:
        with self.store.reading() as connection:
            return {one.name: one for one in sharing.vehicles_of(connection, owner.id)}

    def streams(self, plate: str) -> set[tuple[str, frozenset[str] | None, int | None]]:
        """Of the open ones: into what, within which scopes, by whose account."""
        view, id_ = self.store.view(), self.vehicle(plate)
        mine = [s for s in view.streams.values() if s.subject_id == id_ and not s.ended]
        return {(view.subscriptions[s.subscription_id].name, s.scopes, s.account_id) for s in mine}


@pytest.fixture
def registry(store: RegistryStore, declare: Any) -> Registry:
    return Registry(store, declare)


def test_an_owner_is_found_by_his_login_in_any_spelling_and_nobody_else_gets_it(registry: Registry) -> None:
    with registry.store.reading() as connection:
        assert vehicle_owners.find(connection, " IDA ") == vehicle_owners.by_id(connection, registry.ida.id)
        assert vehicle_owners.find(connection, "eve") is None
        with pytest.raises(NotFound):
            vehicle_owners.get(connection, "eve")
    for login in ("Ida", " ida", "\uff49\uff44\uff41"):
        with pytest.raises(ConfigError, match="somebody has this login already"):
            registry.add(login)
    for login in ("", "  ", "a\nb", "x" * 201):
        with pytest.raises(ConfigError, match="1 to 200 printable"):
            registry.add(login)
    assert "$hash" not in repr(registry.ida)


def test_owners_are_listed_with_what_is_theirs(registry: Registry) -> None:
    registry.share(registry.ida, "A")
    registry.share(registry.ida, "B", to="garage")
    with registry.store.transaction() as under_way:
        vehicle_owners.disable(under_way, registry.bo.id)
    with registry.store.reading() as connection:
        listed = vehicle_owners.listed(connection)
    shown = [(one.login, one.organization, one.vehicles, one.services, one.disabled_us is None) for one in listed]
    assert shown == [("ida", "nord", ("A", "B"), 2, True), ("bo", "nord", ("C",), 0, False)]
    assert registry.store.view().people[registry.bo.account_id] == Person(first_names="Bo")


def test_a_vehicle_of_another_organization_is_given_to_nobody(registry: Registry) -> None:
    with registry.store.transaction() as under_way:
        shop = vehicle_owners.add(
            under_way,
            next(o.id for o in registry.store.view().organizations.values() if o.name == "shop"),
            "eve",
            password="$hash",
            person=Person(),
            shard=0,
        )
        with pytest.raises(ConfigError, match="another organization"):
            vehicle_owners.give_vehicle(under_way, shop, registry.vehicle("A"))


def test_what_is_shared_has_a_grant_and_streams_with_its_scopes_and_its_owners_account(registry: Registry) -> None:
    assert registry.share(registry.ida, "A", "vehicle_position", "user_name")
    [grant] = registry.store.view().grants.values()
    assert (grant.account_id, grant.scopes) == (registry.ida.account_id, {"vehicle_position", "user_name"})
    of = frozenset({"vehicle_position", "user_name"}), registry.ida.account_id
    assert registry.streams("A") == {("account", *of), ("car", *of)}
    assert registry.vehicles(registry.ida)["A"].shares[registry.integration()].scopes == of[0]
    assert not registry.share(registry.ida, "A")
    assert registry.streams("A") == {(name, frozenset(), registry.ida.account_id) for name in ("account", "car")}
    assert registry.unshare(registry.ida, "A")
    assert not registry.unshare(registry.ida, "A")
    assert registry.streams("A") == set()


def test_a_grant_without_scopes_is_told_from_one_without_any(registry: Registry) -> None:
    """None is whatever is requested; an empty set is nothing. The database keeps the two apart."""
    registry.share(registry.ida, "A")
    with registry.store.transaction() as under_way:
        grants.give(under_way, registry.integration(), registry.vehicle("C"))
    with registry.store.reading() as connection:
        scoped = granted.vehicles(connection, registry.integration(), scoped=True)
        rest = granted.vehicles(connection, registry.integration())
    assert {id_: one.scopes for id_, one in scoped.items()} == {registry.vehicle("A"): (), registry.vehicle("C"): None}
    assert rest.keys() == {registry.vehicle("C")}
    assert registry.store.view().accesses == {registry.integration(): frozenset({registry.vehicle("C")})}
    assert registry.streams("C") == {("account", None, None), ("car", None, None)}


def test_nobody_takes_back_or_changes_what_another_has_granted(registry: Registry) -> None:
    registry.share(registry.ida, "A", "vehicle_position")
    before = registry.store.view()
    assert not registry.unshare(registry.bo, "A")
    with pytest.raises(Forbidden):
        registry.share(registry.bo, "A", "vehicle_odometer")
    with registry.store.transaction() as under_way:
        assert not grants.give(under_way, registry.integration(), registry.vehicle("A")), "it is had already"
    assert registry.store.view() == before


def test_what_its_fleet_shares_an_owner_does_not_share_beside(registry: Registry) -> None:
    with registry.store.transaction() as under_way:
        grants.give(under_way, registry.integration(), registry.fleet())
    vehicles = registry.vehicles(registry.ida)
    assert vehicles["A"].had_by == vehicles["B"].had_by == {registry.integration()}
    with pytest.raises(Forbidden):
        registry.share(registry.ida, "A", "vehicle_position")
    assert not registry.unshare(registry.ida, "A")
    assert registry.share(registry.ida, "A", "vehicle_position", to="garage")


def test_what_an_owner_shares_stays_his_when_its_fleet_shares_it_too(registry: Registry) -> None:
    registry.share(registry.ida, "A", "vehicle_position")
    with registry.store.transaction() as under_way:
        grants.give(under_way, registry.integration(), registry.fleet())
    of = frozenset({"vehicle_position"}), registry.ida.account_id
    assert registry.streams("A") == {("account", *of), ("car", *of)}
    vehicles = registry.vehicles(registry.ida)
    assert (vehicles["A"].had_by, vehicles["B"].had_by) == (frozenset(), {registry.integration()})


def test_a_service_is_declared_changed_and_declared_no_more(registry: Registry) -> None:
    registry.declare(service_of("insurer", "Other title"))
    [integration] = [one for one in registry.store.view().integrations.values() if one.name == "insurer"]
    assert integration.service == Service(title="Other title", url="https://insurer.example/welcome?from=hub")
    before = registry.store.version()
    registry.declare(service_of("insurer", "Other title"))
    assert registry.store.version() == before
    plain = {name: value for name, value in service_of("insurer", "").items() if name != "service"}
    registry.declare(plain)
    assert next(iter(registry.store.view().integrations.values())).service is None
    with registry.store.reading() as connection:
        assert sharing.offers(connection) == {}


def test_an_offer_asks_for_what_all_feeds_of_the_service_request_together(registry: Registry) -> None:
    account, car = feeds()
    account["options"]["scopes"], car["options"]["scopes"] = ["user_name"], ["vehicle_position"]
    selected = {**feeds(["vehicle_dtc"], vehicles="all")[1], "name": "selected"}
    registry.declare(service_of("insurer", "Insurer", subscriptions=[account, car, selected]))
    with registry.store.reading() as connection:
        [offer] = sharing.offers(connection).values()
    assert (offer.organization, offer.name, offer.requested) == ("shop", "insurer", {"user_name", "vehicle_position"})


def test_a_session_ends_when_it_is_ended_unused_or_old(registry: Registry, step_clock: Any) -> None:
    store, version = registry.store, registry.store.version()

    def find(token: str, *, unused_s: int = 100, session_s: int = 1000) -> int | None:
        now_us = step_clock.now_us()
        ends = {"unused_since_us": now_us - unused_s * S_US, "begun_since_us": now_us - session_s * S_US}
        with store.reading() as connection:
            found = owner_sessions.find(connection, token, **ends)
        return None if found is None else found[0]

    with store.transaction() as under_way:
        for token in ("one", "two", "three"):
            owner_sessions.begin(under_way, registry.ida.id, token)
        owner_sessions.begin(under_way, registry.bo.id, "four")
    assert [find(token) for token in ("one", "four", "none", "")] == [registry.ida.id, registry.bo.id, None, None]
    step_clock.us += 60 * S_US
    with store.transaction() as under_way:
        owner_sessions.note_use(under_way, "one")
        owner_sessions.end(under_way, "two")
    step_clock.us += 40 * S_US
    assert [find(token) for token in ("one", "two", "three")] == [registry.ida.id, None, None]
    assert find("one", session_s=100) is None
    with store.transaction() as under_way:
        now_us = under_way.now_us
        gone = owner_sessions.prune(
            under_way.connection, unused_since_us=now_us - 100 * S_US, begun_since_us=now_us - 1000 * S_US
        )
        owner_sessions.end_all(under_way, registry.bo.id)
    assert gone == 2
    assert (find("one"), find("four")) == (registry.ida.id, None)
    assert store.version() == version, "no view shows them"

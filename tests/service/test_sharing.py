"""What owners share, from their word to what the service is sent: both feeds, in virtual time."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.consent_page import SCOPES, declared, feeds, service_of
from fixtures.followed import Followed
from fixtures.pipeline import failed
from postroad.api.consent.words import PERSONAL
from postroad.model.identifiers import LEGACY_CAR_ID, LEGACY_USER_ID
from postroad.registry import consents, erasures, grants, sharing, vehicle_owners
from postroad.registry.records import Person
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service.declarable import catalogue

PEOPLE = {
    "ida": Person(first_names="Ida", last_name="Holm", email="ida@example.org", phone="+4587654321"),
    "bo": Person(first_names="Bo"),
}


class Site(Followed):
    """Vehicles A and B are ida's, C is bo's; D is nobody's. Both share with an insurer."""

    declare: Any
    _cars: dict[str, str]

    def add(self, login: str, *plates: str) -> None:
        [organization_id] = [o.id for o in self.store.view().organizations.values() if o.name == "nord"]
        with self.store.transaction() as under_way:
            owner = vehicle_owners.add(under_way, organization_id, login, password="", person=PEOPLE[login], shard=0)
            for plate in plates:
                vehicle_owners.give_vehicle(under_way, owner, self.vehicle(plate))

    def owner(self, login: str) -> vehicle_owners.Owner:
        with self.store.reading() as connection:
            return vehicle_owners.get(connection, login)

    def user(self, login: str) -> str:
        return str(self.store.view().subjects[self.owner(login).account_id].issued[LEGACY_USER_ID])

    def car(self, plate: str) -> str:
        """By which services know a vehicle, also one that is no more."""
        if plate not in self._cars:
            self._cars[plate] = str(self.issued(plate, LEGACY_CAR_ID))
        return self._cars[plate]

    def integration(self) -> int:
        return next(one.id for one in self.store.view().integrations.values() if one.name == "insurer")

    async def share(self, login: str, plate: str, *scopes: str) -> None:
        account_id = self.owner(login).account_id
        with self.store.transaction() as under_way:
            sharing.share(under_way, self.integration(), self.vehicle(plate), account_id, scopes, personal=PERSONAL)
        await self.refresh()

    async def unshare(self, login: str, plate: str) -> None:
        account_id = self.owner(login).account_id
        with self.store.transaction() as under_way:
            assert sharing.unshare(under_way, self.integration(), self.vehicle(plate), account_id)
        await self.refresh()

    @property
    def told(self) -> list[tuple[Any, ...]]:
        """Of each account message its type, whose it is, and which cars it names."""
        users = {self.user(login): login for login in PEOPLE}
        cars = {self.car(plate): plate for plate in "ABCD"}
        return [
            (
                message["type"],
                users.get(message["userId"], "nord"),
                "".join(cars[car] for car in _cars(message)),
            )
            for message in self.sent("account")
        ]


def _cars(message: Any) -> list[str]:
    return [car["carId"] for car in message.get("cars", [])] + [message[key] for key in ("carId",) if key in message]


@pytest.fixture
async def site(tmp_path: Path, declare: Any, clock: Any) -> AsyncIterator[Site]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=clock)
    site = Site(store, clock)
    site._cars = {}

    def declared_with(**fields: Any) -> None:
        vehicles = [{"plate": plate} for plate in "ABC"] + [{"plate": "D", "fleet": "F"}]
        fields.setdefault("subscriptions", feeds(delivery={"linger_ms": 0}))
        document = declared(service_of("insurer", "Insurer", **fields), vehicles=vehicles)
        declare(store, json.dumps(document), catalogue=catalogue(), prune=True)

    site.declare = declared_with
    site.declare()
    site.add("ida", "A", "B")
    site.add("bo", "C")
    await site.start()
    yield site
    await site.audit()
    await site.stop()
    store.close()


async def test_what_an_owner_shares_is_told_by_his_own_account_and_then_sent_within_its_scopes(site: Site) -> None:
    await site.say(site.vehicle("A"))
    await site.share("ida", "A", "user_name", "vehicle_license_plate", "vehicle_position")
    [signup] = site.sent("account")
    assert signup == {
        "type": "user_signup",
        "userId": site.user("ida"),
        "firstName": "Ida",
        "lastName": "Holm",
        "cars": [{"carId": site.car("A"), "licensePlate": "A"}],
    }
    await site.say(*map(site.vehicle, "ABCD"))
    assert {(message["type"], message["carId"]) for message in site.sent("car")} == {("position", site.car("A"))}


async def test_more_vehicles_and_their_end_are_told_and_nothing_is_sent_afterwards(site: Site) -> None:
    await site.share("ida", "A", "vehicle_position")
    await site.share("ida", "B", "vehicle_position")
    await site.unshare("ida", "A")
    sent = len(site.sent("car"))
    await site.say(*map(site.vehicle, "AB"))
    assert {message["carId"] for message in site.sent("car")[sent:]} == {site.car("B")}
    await site.unshare("ida", "B")
    sent = len(site.sent("car"))
    await site.say(*map(site.vehicle, "AB"))
    assert len(site.sent("car")) == sent
    assert site.told == [
        ("user_signup", "ida", "A"), ("car_add", "ida", "B"), ("car_remove", "ida", "A"), ("user_remove", "ida", "")
    ]  # fmt: skip


async def test_each_owner_is_a_user_of_his_own_and_the_organization_another(site: Site) -> None:
    await site.share("ida", "A", "user_name")
    await site.share("bo", "C", "user_name")
    with site.store.transaction() as under_way:
        [fleet] = [s.id for s in site.store.view().subjects.values() if s.kind == "fleet"]
        grants.give(under_way, site.integration(), fleet)
    await site.refresh()
    await site.unshare("bo", "C")
    assert site.told == [
        ("user_signup", "ida", "A"), ("user_signup", "bo", "C"), ("user_signup", "nord", "D"), ("user_remove", "bo", "")
    ]  # fmt: skip
    assert [message.get("firstName") for message in site.sent("account")[:3]] == ["Ida", "Bo", None]


async def test_scopes_that_are_taken_back_count_for_what_waits_already(site: Site) -> None:
    await site.share("ida", "A", "vehicle_position", "vehicle_odometer", "user_email")
    site.transports["car"].answers.append(failed())
    site.transports["account"].answers.append(failed())
    await site.say(site.vehicle("A"))
    await site.share("ida", "B", "user_email")
    assert "position" in {message["type"] for message in site.sent("car")}
    sent = len(site.sent("car")), len(site.sent("account"))
    await site.share("ida", "A", "vehicle_odometer")
    for _ in range(8):
        await site.pass_time(60)
    assert {message["type"] for message in site.sent("car")[sent[0] :]} == {"odometer"}
    await site.unshare("ida", "A")
    await site.unshare("ida", "B")
    await site.share("ida", "A", "user_name")
    again = site.sent("account")[-1]
    assert (again["type"], again.get("email"), again.get("firstName")) == ("user_signup", None, "Ida")


async def test_a_sign_up_that_waits_goes_without_what_its_owner_has_taken_back_since(site: Site) -> None:
    site.transports["account"].answers.append(failed())
    await site.share("ida", "A", "user_name", "user_email", "vehicle_license_plate")
    await site.share("ida", "A", "user_name")
    await site.pass_time(20)
    first, second = site.sent("account")
    assert (first["email"], first["cars"][0]["licensePlate"]) == ("ida@example.org", "A")
    assert second == {
        "type": "user_signup", "userId": site.user("ida"), "firstName": "Ida", "lastName": "Holm",
        "cars": [{"carId": site.car("A")}],
    }  # fmt: skip


async def test_what_is_said_of_the_owner_with_one_vehicle_holds_for_all_with_that_service(site: Site) -> None:
    await site.share("ida", "A", "user_name", "user_email", "vehicle_position")
    await site.share("ida", "B", "user_name", "vehicle_odometer")
    with site.store.reading() as connection:
        shared = {one.name: one.shares for one in sharing.vehicles_of(connection, site.owner("ida").id)}
    assert shared["A"][site.integration()].scopes == {"user_name", "vehicle_position"}
    assert shared["B"][site.integration()].scopes == {"user_name", "vehicle_odometer"}
    streams = site.store.view().streams.values()
    [account] = [s.scopes for s in streams if s.subject_id == site.owner("ida").account_id]
    assert account == {"user_name", "vehicle_position", "vehicle_odometer"}


async def test_the_same_again_tells_and_opens_nothing(site: Site) -> None:
    await site.share("ida", "A", "vehicle_position")
    streams = dict(site.store.view().streams)
    await site.share("ida", "A", "vehicle_position")
    assert site.store.view().streams == streams
    assert [kind for kind, *_ in site.told] == ["user_signup"]


async def test_a_subscription_that_is_declared_later_gets_what_was_agreed_and_no_more(site: Site) -> None:
    account, car = feeds(delivery={"linger_ms": 0})
    site.declare(subscriptions=[account])
    await site.share("ida", "A", "vehicle_position")
    site.declare(subscriptions=[account, car])
    await site.refresh()
    await site.say(site.vehicle("A"))
    assert {message["type"] for message in site.sent("car")} == {"position"}


async def test_a_service_that_asks_for_more_later_gets_no_more_until_the_owner_agrees(site: Site) -> None:
    site.declare(subscriptions=feeds(["vehicle_position"], delivery={"linger_ms": 0}))
    await site.share("ida", "A", "vehicle_position")
    site.declare(subscriptions=feeds(SCOPES, delivery={"linger_ms": 0}))
    await site.refresh()
    await site.say(site.vehicle("A"))
    assert {message["type"] for message in site.sent("car")} == {"position"}
    await site.share("ida", "A", "vehicle_position", "vehicle_odometer")
    await site.say(site.vehicle("A"))
    assert {message["type"] for message in site.sent("car")} == {"position", "odometer"}


async def test_while_a_provider_has_lost_access_nothing_is_sent_and_then_as_agreed(site: Site) -> None:
    await site.share("ida", "A", "vehicle_position")
    [provider] = site.store.view().providers
    [organization_id] = {s.organization_id for s in site.store.view().subjects.values()}
    with site.store.transaction() as under_way:
        consents.withdraw(under_way, provider, [site.vehicle("A")], None)
    await site.refresh()
    await site.say(site.vehicle("A"))
    assert site.sent("car") == []
    with site.store.transaction() as under_way:
        consents.give(under_way, provider, organization_id, [site.vehicle("A")])
    await site.refresh()
    await site.say(site.vehicle("A"))
    assert {message["type"] for message in site.sent("car")} == {"position"}
    assert [kind for kind, *_ in site.told] == ["user_signup", "user_remove", "user_signup"]


async def test_a_vehicle_that_is_taken_from_its_owner_is_shared_no_more(site: Site) -> None:
    await site.share("ida", "A", "vehicle_position")
    with site.store.transaction() as under_way:
        owner = vehicle_owners.get(under_way.connection, "ida")
        assert vehicle_owners.take_vehicle(under_way, owner, site.vehicle("A"))
        assert not vehicle_owners.take_vehicle(under_way, owner, site.vehicle("A"))
    await site.refresh()
    await site.say(site.vehicle("A"))
    assert site.sent("car") == []
    assert [kind for kind, *_ in site.told] == ["user_signup", "user_remove"]


async def test_the_erasure_of_a_vehicle_ends_what_its_owner_shares_of_it_and_is_told(site: Site, keys: KeyRing) -> None:
    await site.share("ida", "A", "vehicle_position")
    await site.share("ida", "B", "vehicle_position")
    assert len(site.told) == 2
    with site.store.transaction() as under_way:
        assert erasures.ask_subject(under_way, keys, site.vehicle("A"), by="operator")
    await site.refresh()
    assert [kind for kind, *_ in site.told] == ["user_signup", "car_add", "car_remove"]
    with site.store.reading() as connection:
        assert [one.name for one in sharing.vehicles_of(connection, site.owner("ida").id)] == ["B"]


async def test_what_the_organization_still_grants_begins_again_as_its_own_and_with_no_more_scopes(site: Site) -> None:
    """A vehicle whose owner shares it, and then its fleet, and then he no more."""
    await site.share("ida", "A", "vehicle_position")
    [fleet] = [s.id for s in site.store.view().subjects.values() if s.kind == "fleet"]
    with site.store.transaction() as under_way:
        grants.give(under_way, site.integration(), fleet)
        grants.move(under_way, site.vehicle("A"), fleet)
    await site.refresh()
    await site.unshare("ida", "A")
    assert site.told[-2:] == [("user_remove", "ida", ""), ("car_add", "nord", "A")]
    await site.say(site.vehicle("A"))
    assert {message["type"] for message in site.sent("car")} == {"position"}

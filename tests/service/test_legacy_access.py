"""The older push sends what is authorised when it is its turn: scopes that ended, and cars that are shared no more."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.followed import Followed
from fixtures.pipeline import failed, quiet
from postroad.model.identifiers import LEGACY_CAR_ID
from postroad.registry import consents
from postroad.registry.store import RegistryStore
from postroad.service.declarable import catalogue

CAR_SCOPES = ("vehicle_position", "vehicle_odometer")
ACCOUNT_SCOPES = ("vehicle_license_plate", "vehicle_make")
DECLARED = """
organizations:
  - name: Andes
    providers: [{{name: gps, protocol: drivetech}}]
    vehicles: {vehicles}
    integrations:
      - name: garage
        destinations:
          - {{name: car, transport: https, config: {{url: "https://customer.example/car"}}}}
          - {{name: account, transport: https, config: {{url: "https://customer.example/account"}}}}
        subscriptions:
          - name: car
            protocol: connected_cars_legacy
            destination: car
            types: [position, odometer]
            vehicles: all
            options: {{scopes: {car_scopes}}}
            delivery: {delivery}
          - name: account
            protocol: connected_cars_legacy
            destination: account
            types: [user_signup, user_remove, car_add, car_remove]
            vehicles: {selected}
            options: {{scopes: {account_scopes}, feed: account}}
            delivery: {delivery}
"""
REFUSED = failed("rejected", status=422)
IN_ORDER, IN_LANES = "{linger_ms: 0}", "{order: subject, max_items: 1}"
WITH_LETTERS = "{isolate: true, linger_ms: 0}"


class Site(Followed):
    """Two vehicles, A and B, and a customer of both feeds."""

    declare: Callable[..., None]

    @property
    def cars(self) -> list[list[str]]:
        """The plates named by each message of the account feed that names any."""
        plates = {self.issued(plate, LEGACY_CAR_ID): plate for plate in "AB"}
        return [[plates[car["carId"]] for car in message.get("cars", [])] for message in self.sent("account")]

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.sent("car")]

    def authorise(self, subscription: str, subject_id: int, *scopes: str) -> None:
        """Only these from now on."""
        self.store.authorise(self.stream(subscription, subject_id), scopes)

    def account(self) -> int:
        return next(s.id for s in self.store.view().subjects.values() if s.kind == "account")

    def withdraw(self, plate: str) -> None:
        """A provider says that access to a vehicle has ended."""
        vehicle_id = self.vehicle(plate)
        with self.store.transaction() as transaction:
            consents.withdraw(transaction, 1, [vehicle_id], None)


@pytest.fixture
async def site(tmp_path: Path, declare: Any, clock: Any) -> AsyncIterator[Site]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=clock)
    site = Site(store, clock)

    def declared(
        *,
        vehicles: str = "[{plate: A}, {plate: B}]",
        selected: str = "all",
        car_scopes: tuple[str, ...] = CAR_SCOPES,
        account_scopes: tuple[str, ...] = ACCOUNT_SCOPES,
        delivery: str = IN_ORDER,
    ) -> None:
        text = DECLARED.format(
            vehicles=vehicles,
            selected=selected,
            car_scopes=list(car_scopes),
            account_scopes=list(account_scopes),
            delivery=delivery,
        )
        declare(store, text, catalogue=catalogue(), prune=True)

    site.declare = declared  # type: ignore[method-assign]  # of this very registry
    yield site
    await site.audit()
    await site.stop()
    store.close()


# Scopes of the car feed.


@pytest.mark.parametrize("delivery", [IN_ORDER, IN_LANES])
async def test_what_waits_behind_a_failing_destination_goes_without_what_is_no_longer_authorised(
    site: Site, delivery: str
) -> None:
    site.declare(delivery=delivery)
    await site.start()
    site.transports["car"].answers.append(failed())
    vehicle = site.vehicle("A")
    await site.say(vehicle)
    assert "position" in site.types
    sent = len(site.transports["car"].sent)
    site.authorise("car", vehicle, "vehicle_odometer")
    await site.refresh()
    for _ in range(8):
        await site.pass_time(60)
    after = [message["type"] for bulk in site.transports["car"].sent[sent:] for message in json.loads(bulk.body)]
    assert set(after) == {"odometer"}
    assert await site.skipped("car") == [("scope_ended", 1)]


async def test_a_bulk_that_lost_a_scope_is_another_bulk_and_one_that_did_not_is_the_same(site: Site) -> None:
    site.declare()
    await site.start()
    site.transports["car"].answers.extend([failed()] * 3)
    vehicle = site.vehicle("A")
    await site.say(vehicle)
    await site.pass_time(20)
    site.authorise("car", vehicle, *CAR_SCOPES)
    await site.refresh()
    await site.pass_time(20)
    first, second, third = site.transports["car"].sent
    assert (first.body, first.request_id) == (second.body, second.request_id) == (third.body, third.request_id)
    site.authorise("car", vehicle, "vehicle_position")
    await site.refresh()
    await site.pass_time(20)
    fourth = site.transports["car"].sent[3]
    assert fourth.request_id != first.request_id
    assert [message["type"] for message in json.loads(fourth.body)] == ["position"]


async def test_where_no_scope_is_left_nothing_is_sent_and_the_cursor_passes(site: Site) -> None:
    site.declare()
    await site.start()
    site.transports["car"].answers.append(failed())
    vehicle = site.vehicle("A")
    position = await site.say(vehicle)
    site.authorise("car", vehicle)
    await site.refresh()
    sent = len(site.transports["car"].sent)
    await site.pass_time(20)
    assert len(site.transports["car"].sent) == sent
    assert await site.skipped("car") == [("scope_ended", 2)]
    cursor = (await site.log.delivery.cursors())[site.store.subscription_id("car")]
    assert cursor.position > position


@pytest.mark.parametrize("how", ["authorised", "requested"])
async def test_a_dead_letter_that_is_redriven_goes_only_as_far_as_its_scope_is_there(site: Site, how: str) -> None:
    site.declare(delivery=WITH_LETTERS)
    await site.start()
    site.transports["car"].answers.extend([REFUSED] * 3)  # the bulk, its first half, and its second, known by then
    vehicle = site.vehicle("A")
    await site.say(vehicle)
    await quiet(300)
    counts = await site.log.delivery.letter_counts()
    assert counts[site.store.subscription_id("car")].dead == 2
    if how == "authorised":
        site.authorise("car", vehicle, "vehicle_odometer")
    else:
        site.declare(delivery=WITH_LETTERS, car_scopes=("vehicle_odometer",))
    await site.refresh()
    site.transports["car"].answers.clear()
    sent = len(site.transports["car"].sent)
    await site.redrive("car")
    await quiet(300)
    after = [message["type"] for bulk in site.transports["car"].sent[sent:] for message in json.loads(bulk.body)]
    assert after == ["odometer"]
    assert await site.skipped("car") == [("scope_ended", 1)]
    assert not (await site.log.delivery.letter_counts()).get(site.store.subscription_id("car"))


async def test_what_is_parked_in_a_lane_is_not_sent_once_its_scope_has_ended(site: Site) -> None:
    site.declare(delivery="{order: none, max_items: 1, retry: {first_waits_s: [], then_s: 60, cap_s: 60}}")
    await site.start()
    site.transports["car"].answers.extend([failed("timeout", status=None)] * 2)
    vehicle = site.vehicle("A")
    await site.say(vehicle)
    assert len(await site.log.delivery.parked(site.store.subscription_id("car"))) == 2
    site.authorise("car", vehicle, "vehicle_odometer")
    await site.refresh()
    sent = len(site.transports["car"].sent)
    for _ in range(4):
        await site.pass_time(61)
    after = [message["type"] for bulk in site.transports["car"].sent[sent:] for message in json.loads(bulk.body)]
    assert after == ["odometer"]
    assert await site.skipped("car") == [("scope_ended", 1)]


async def test_a_scope_that_is_added_counts_from_then_on_and_nothing_is_told_again(site: Site) -> None:
    site.declare(car_scopes=CAR_SCOPES)
    await site.start()
    vehicle = site.vehicle("A")
    site.authorise("car", vehicle, "vehicle_odometer")
    site.authorise("account", site.account())
    await site.refresh()
    told = len(site.sent("account"))
    await site.say(vehicle)
    site.authorise("car", vehicle, *CAR_SCOPES)
    site.authorise("account", site.account(), *ACCOUNT_SCOPES)
    await site.refresh()
    await site.say(vehicle)
    assert sorted(site.types) == ["odometer", "odometer", "position"]
    assert len(site.sent("account")) == told, "no message says that more is authorised"


# The account feed.


@pytest.mark.parametrize("delivery", [IN_ORDER, IN_LANES])
@pytest.mark.parametrize("how", ["selector", "consent"])
async def test_a_queued_sign_up_does_not_name_a_car_that_is_shared_no_more(site: Site, how: str, delivery: str) -> None:
    site.declare(delivery=delivery)
    site.transports["account"].answers.append(failed())
    await site.start()
    assert site.cars == [["A", "B"]]
    if how == "selector":
        site.declare(delivery=delivery, selected="{plates: [B]}")
    else:
        site.withdraw("A")
    await site.refresh()
    for _ in range(8):
        await site.pass_time(60)
    told = site.sent("account")[1:]
    assert [message["type"] for message in told] == ["user_signup", "car_remove"]
    assert [car["carId"] for car in told[0]["cars"]] == [site.issued("B", LEGACY_CAR_ID)]
    assert told[1]["carId"] == site.issued("A", LEGACY_CAR_ID)


async def test_a_queued_car_add_of_cars_that_are_gone_is_skipped_and_the_removals_go_out(site: Site) -> None:
    site.declare(selected="{plates: [B]}")
    await site.start()
    site.transports["account"].answers.append(failed())
    site.declare()
    await site.refresh()
    assert [message["type"] for message in site.sent("account")] == ["user_signup", "car_add"]
    site.declare(selected="{plates: [B]}")
    await site.refresh()
    await site.pass_time(20)
    assert [message["type"] for message in site.sent("account")[2:]] == ["car_remove"]
    assert await site.skipped("account") == [("access_ended", 1)]


async def test_when_all_is_gone_only_the_farewell_goes_out(site: Site) -> None:
    site.declare()
    site.transports["account"].answers.append(failed())
    await site.start()
    site.declare(selected="none")
    await site.refresh()
    await site.pass_time(20)
    assert [message["type"] for message in site.sent("account")] == ["user_signup", "user_remove"]
    assert await site.skipped("account") == [("access_ended", 1)]


async def test_a_sign_up_whose_cars_are_all_gone_still_introduces_the_user_of_those_that_came_since(site: Site) -> None:
    site.declare(selected="{plates: [A]}")
    site.transports["account"].answers.append(failed())
    await site.start()
    site.declare()
    await site.refresh()
    site.declare(selected="{plates: [B]}")
    await site.refresh()
    await site.pass_time(20)
    told = site.sent("account")[1:]
    assert [(message["type"], len(message.get("cars", ()))) for message in told] == [
        ("user_signup", 0),
        ("car_add", 1),
        ("car_remove", 0),
    ]
    assert site.cars[2] == ["B"]


@pytest.mark.parametrize("whose", ["account", "car", "requested"])
async def test_fields_whose_scope_is_gone_are_left_out_of_a_queued_sign_up(site: Site, whose: str) -> None:
    site.declare()
    site.transports["account"].answers.append(failed())
    await site.start()
    assert all("licensePlate" in car for car in site.sent("account")[0]["cars"])
    if whose == "account":
        site.authorise("account", site.account(), "vehicle_make")
    elif whose == "car":
        site.authorise("account", site.vehicle("A"), "vehicle_make")
    else:
        site.declare(account_scopes=("vehicle_make",))
    await site.refresh()
    await site.pass_time(20)
    said = {car["carId"]: car.get("licensePlate") for car in site.sent("account")[-1]["cars"]}
    assert said[site.issued("A", LEGACY_CAR_ID)] is None
    assert said[site.issued("B", LEGACY_CAR_ID)] == ("B" if whose == "car" else None)


async def test_a_sign_up_that_lost_nothing_goes_again_as_it_was(site: Site) -> None:
    site.declare()
    site.transports["account"].answers.append(failed())
    await site.start()
    site.authorise("car", site.vehicle("A"))
    await site.refresh()
    await site.pass_time(20)
    first, second = site.transports["account"].sent
    assert (first.body, first.request_id) == (second.body, second.request_id)

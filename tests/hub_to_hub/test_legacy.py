"""The older push from hub to hub: every message of the car feed, and what the first hub tells of its own account."""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from fixtures.two_hubs import ACCOUNT_PATH, CAR_PATH, OLDER, TwoHubs, subject_of
from postroad.model.identifiers import LEGACY_CAR_ID, LEGACY_USER_ID
from postroad.protocols.connected_cars_legacy import STRUCTS, UNKNOWN, AccountMessage

ACCOUNT_KINDS = {name for name, struct in STRUCTS.items() if issubclass(struct, AccountMessage)}
CAR_KINDS = STRUCTS.keys() - ACCOUNT_KINDS
SPELLED = {
    "long": "lon",
    "high_voltage_battery_temperature": "celsius",
    "charge_level_percent": "percent",
}
"""Keys of the vendor's tables, by those of its samples, which are written."""
START = dt.datetime(2017, 1, 1, tzinfo=dt.UTC)
UNDOCUMENTED = {"source"}
"""What nobody knows is not sent on: no scope is known of it."""


def bulk(samples: Sequence[Any]) -> bytes:
    return f"[{','.join(sample.raw for sample in samples)}]".encode()


def facts(message: Mapping[str, Any]) -> dict[str, Any]:
    """All that a message of the car feed states but the car, however it is written."""
    said = {
        SPELLED.get(key, key): value
        for key, value in message.items()
        if value is not None and key != "carId" and key not in UNDOCUMENTED
    }
    said["time"] = dt.datetime.fromisoformat(said["time"])
    if "description" in said:
        given = said["description"]
        meanings = given if isinstance(given, dict) else {key: value for one in given for key, value in one.items()}
        said["description"] = {key: value for key, value in meanings.items() if value is not None}
    return said


async def test_every_fact_of_every_car_message_arrives_in_order_under_the_first_hubs_ids(
    hubs: TwoHubs, legacy_samples: Mapping[str, Any]
) -> None:
    samples = [sample for sample in legacy_samples.values() if '"userId"' not in sample.raw]
    assert {sample.kind for sample in samples} == CAR_KINDS | {UNKNOWN}, "there is a sample of each type"
    said = [
        sample.but("time", (START + dt.timedelta(seconds=number)).isoformat()) for number, sample in enumerate(samples)
    ]
    assert await hubs.post(CAR_PATH, bulk(said)) == 200
    await hubs.quiet()
    at_a = [stored.raw for stored in hubs.stored("a", OLDER)]
    assert at_a == [sample.raw.encode() for sample in said]

    view = hubs.view("a")
    expected, found = defaultdict(list), defaultdict(list)
    for sample in said:
        message = json.loads(sample.raw)
        if sample.kind != UNKNOWN:  # kept, and sent to nobody
            expected[subject_of(view, LEGACY_CAR_ID, message["carId"]).issued[LEGACY_CAR_ID]].append(facts(message))
    for stored in hubs.stored("b", OLDER):
        assert not stored.unreadable
        if stored.json["type"] not in ACCOUNT_KINDS:
            found[stored.json["carId"]].append(facts(stored.json))
    assert found == expected
    assert len(expected) == 2


async def test_the_account_feed_tells_of_the_first_hubs_account_and_of_no_user_of_the_provider(
    hubs: TwoHubs, legacy_samples: Mapping[str, Any]
) -> None:
    about_users = [sample for sample in legacy_samples.values() if '"userId"' in sample.raw]
    assert {sample.kind for sample in about_users} == ACCOUNT_KINDS | {UNKNOWN}
    assert await hubs.post(ACCOUNT_PATH, bulk(about_users)) == 200
    first, second = legacy_samples["ignition-on"], legacy_samples["ignition-on"].but("carId", "another-car")
    for sample in (first, second):
        assert await hubs.post(CAR_PATH, bulk([sample])) == 200
    await hubs.quiet()
    await hubs.withdraw_everything()
    await hubs.quiet()

    view = hubs.view("a")
    cars = {
        subject_of(view, LEGACY_CAR_ID, value).issued[LEGACY_CAR_ID]
        for (_, namespace, value) in view.identifiers
        if namespace == LEGACY_CAR_ID
    }
    told = [stored.json for stored in hubs.stored("b", OLDER) if stored.json["type"] in ACCOUNT_KINDS]
    signup, *added, removal = told
    assert signup["type"] == "user_signup"
    assert {message["type"] for message in added} == {"car_add"}
    assert removal == {"type": "user_remove", "userId": signup["userId"]}
    assert {message["userId"] for message in told} == {signup["userId"]}
    shared = [car["carId"] for message in (signup, *added) for car in message["cars"]]
    assert sorted(shared) == sorted(cars), "each car once"
    issued = {subject.issued.get(LEGACY_USER_ID) for subject in view.subjects.values() if subject.kind == "account"}
    assert signup["userId"] in issued
    named = {value for (_, namespace, value) in view.identifiers if namespace in (LEGACY_USER_ID, LEGACY_CAR_ID)}
    assert not named & {signup["userId"], *shared}, "no id of the provider's goes on"

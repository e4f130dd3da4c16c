"""What the samples do not show of the events: the settings of a provider, and times."""

import json

import pytest

from postroad.model.events import Event, Header
from postroad.protocols import connected_cars_legacy as legacy
from postroad.protocols.connected_cars_legacy import LegacySettings

CAR = {"carId": "C", "time": "2017-01-01T12:30:10Z"}


def event_of(message: dict, settings: LegacySettings) -> Event:
    item = legacy.read(json.dumps(message).encode(), settings)
    header = Header(subject_id=1, provider_id=1, recorded_us=item.recorded_us, received_us=99)
    (event,) = legacy.PROTOCOL.events(item, header, settings)
    return event


@pytest.mark.parametrize(
    ("enabled", "reading", "change"),
    [(True, "removed", "added"), (True, "unknown", "added"), (False, "removed", "removed"), (False, "unknown", None)],
)
def test_what_a_code_that_is_not_enabled_says_is_a_setting(enabled, reading, change):
    message = CAR | {"type": "dtc", "vendor": "VAG", "code": "TLB147918", "enabled": enabled}
    (code,) = event_of(message, LegacySettings(disabled_code=reading)).occurrences
    assert (code.code, code.vendor, code.change, code.meanings) == ("TLB147918", "VAG", change, {})


@pytest.mark.parametrize(("reading", "from_can"), [("can", True), ("unknown", False)])
def test_where_the_cars_own_values_come_from_is_a_setting(reading, from_can):
    message = CAR | {"type": "fuel_level", "fuel_level": 40}
    assert event_of(message, LegacySettings(reported_by_car=reading)).from_can is from_can
    message = CAR | {"type": "odometer", "odometer": 40}
    assert event_of(message, LegacySettings(reported_by_car=reading)).from_can is False


def test_what_an_account_message_says_is_as_of_its_receipt_and_what_a_car_says_as_of_its_time():
    assert event_of({"type": "user_remove", "userId": "U"}, LegacySettings()).header.recorded_us == 99
    ignition = CAR | {"type": "ignition_on"}
    assert event_of(ignition, LegacySettings()).header.recorded_us == 1_483_273_810_000_000

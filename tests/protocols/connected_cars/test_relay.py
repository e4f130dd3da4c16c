"""What comes in by this protocol and goes out by it: every fact but the numbers, which are the hub's own."""

import json
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.model.events import Event, Header
from postroad.protocols import connected_cars
from postroad.protocols.base import Addressing, position_and_slot
from postroad.protocols.connected_cars import ConnectedCarsSettings, Options

HERE = Path(__file__).parent
TEXTS = [text for name in ("published", "newer") for text in (HERE / f"{name}.jsonl").read_text().splitlines()]
NEWEST = Options(profile="2026-03", relay_access=True)


def came_in(raw: bytes) -> tuple[connected_cars.Said, Event]:
    item = connected_cars.read(raw, ConnectedCarsSettings())
    header = Header(subject_id=1, provider_id=2, recorded_us=item.recorded_us, received_us=item.recorded_us)
    (event,) = connected_cars.events(item, header, ConnectedCarsSettings())
    return item.wire, event


def went_out(event: Event, options: Options = NEWEST, fleet_id: int | None = 3) -> dict:
    (one,) = connected_cars.write(event, to=Addressing(vehicle_id=7, fleet_id=fleet_id), position=12, options=options)
    body = json.loads(one.body)
    assert position_and_slot(body["id"]) == (12, one.slot)
    return body


def sent(**members: object) -> bytes:
    return json.dumps({"id": 1, "vehicleId": 7301, "time": "2024-03-05T06:41:12.123456Z"} | members).encode()


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:45])
def test_every_fact_goes_out_again_under_the_hubs_numbers(text):
    said, event = came_in(text.encode())
    out, was = went_out(event), json.loads(connected_cars.encode(said))
    expected = was | {"id": out["id"]}
    if "vehicleId" in was:
        expected["vehicleId"] = 7
    if "fleetId" in was:
        expected["fleetId"] = 3
    if was["type"] == "can_oil_degration_percent":
        expected["type"] = "can_oil_degradation_percent"
    if was["type"] == "daily_can_odometer_km":
        expected["time"] = was["time"][:10] + "T00:00:00.000Z"
    assert out == expected


NO_WORD_FOR = ("can_dtc", "mapped_dtc", "car_service_booking", "car_roadworthy_inspection_date", "access_", "vehicle_")
"""Types with fields that the common language has no word for: only their original can be sent on. (Admin events are
in ``test_write``.)
"""


@pytest.mark.parametrize(
    "text",
    [text for text in TEXTS if not json.loads(text.replace('"vag"', '"can_dtc"'))["type"].startswith(NO_WORD_FOR)],
)
def test_what_a_report_says_is_said_the_same_without_the_original(text):
    _, event = came_in(text.encode())
    profile = Options(profile="2026-03" if "2026" in text else "2023-08")
    out = went_out(event, profile)
    in_common = went_out(msgspec.structs.replace(event, original=None), profile)
    no_word_for = {"vin", "organizationKey", "color", "frequency"}
    assert set(out) - set(in_common) <= no_word_for
    assert datetime.fromisoformat(out.pop("time")) == datetime.fromisoformat(in_common.pop("time"))
    assert out.items() >= in_common.items()


@settings(max_examples=50, deadline=None)
@given(
    name=st.text(min_size=1, max_size=12).filter(lambda name: name not in connected_cars.EVENT_TYPES),
    extra=st.dictionaries(st.text(min_size=1, max_size=5).map("x_{}".format), st.integers() | st.text(max_size=4)),
)
def test_an_unknown_type_goes_out_whole(name, extra):
    _, event = came_in(sent(type=name, **extra))
    out = went_out(event)
    assert out == json.loads(sent(type=name, **extra)) | {"id": out["id"], "vehicleId": 7}
    assert position_and_slot(out["id"])[1] == connected_cars.SLOTS[connected_cars.OTHER]


def test_unknown_fields_go_out_with_their_event():
    _, event = came_in(sent(type="can_odometer_km", value=5, quality={"source": "dashboard", "digits": 10.50}))
    assert went_out(event)["quality"] == {"source": "dashboard", "digits": 10.5}


def test_the_older_profile_renames_and_drops_nothing():
    raw = sent(type="can_oil_degradation_percent", value=5, vin="ZAR94000007021883", organizationKey="denmark")
    _, event = came_in(raw)
    out = went_out(event, Options())
    assert out == json.loads(raw) | {"id": out["id"], "vehicleId": 7, "type": "can_oil_degration_percent"}
    _, event = came_in(sent(type="daily_can_odometer_km", value=5, time="2024-03-05T00:00:00.000Z"))
    assert went_out(event, Options())["time"] == "2024-03-05"


def test_a_daily_odometer_that_is_not_of_midnight_keeps_its_time():
    _, event = came_in(sent(type="daily_can_odometer_km", value=5))
    assert went_out(event, Options())["time"] == went_out(event)["time"] == "2024-03-05T06:41:12.123456Z"


def test_the_market_is_the_hubs_own_and_a_vin_that_was_said_stays():
    _, event = came_in(sent(type="can_odometer_km", value=5, vin="ZAR94000007021883", organizationKey="denmark"))
    choice = Options(profile="2026-03", organization_key="sweden")
    (one,) = connected_cars.write(event, to=Addressing(vehicle_id=7, vin="OTHER"), position=1, options=choice)
    assert json.loads(one.body).items() >= {"vin": "ZAR94000007021883", "organizationKey": "sweden"}.items()


def test_a_number_of_a_fleet_that_is_not_the_hubs_never_goes_out():
    _, booking = came_in(sent(type="car_roadworthy_inspection_date", value="2027-01-31T00:00:00Z", fleetId=118))
    assert went_out(booking, fleet_id=None)["fleetId"] is None
    _, unknown = came_in(sent(type="tyre", fleetId=118))
    assert went_out(unknown, fleet_id=None)["fleetId"] is None
    for about_a_fleet in (
        sent(type="vehicle_added_to_fleet", fleetId=118),
        sent(type="x", fleetId=118, vehicleId=None),
    ):
        _, event = came_in(about_a_fleet)
        assert connected_cars.write(event, to=Addressing(vehicle_id=7), position=1, options=NEWEST) == []


def test_a_providers_grant_to_the_hub_is_not_told_as_one_to_a_customer():
    for name in ("access_granted_to_vehicle", "access_removed_from_vehicle"):
        _, event = came_in(sent(type=name))
        assert connected_cars.write(event, to=Addressing(vehicle_id=7), position=1, options=Options()) == []
        assert went_out(event, Options(relay_access=True))["type"] == name


def test_another_protocols_original_is_left_alone():
    _, event = came_in(sent(type="can_odometer_km", value=5, quality=1))
    other = msgspec.structs.replace(event.original, protocol="another")
    assert "quality" not in went_out(msgspec.structs.replace(event, original=other))

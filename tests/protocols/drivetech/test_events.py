"""What the samples do not show of the translation: units, states, warnings."""

import json
from pathlib import Path

import pytest

from postroad.model.events import HarshManoeuvre, Header, Report
from postroad.protocols import drivetech
from postroad.protocols.drivetech import DrivetechSettings
from postroad.protocols.drivetech.events import known_state

LENIENT = DrivetechSettings()
SAMPLES = Path(__file__).parent.parent / "samples" / "in" / "drivetech"


def report(raw: bytes, settings: DrivetechSettings = LENIENT) -> Report:
    item = drivetech.read(raw, settings)
    header = Header(subject_id=1, provider_id=1, recorded_us=item.recorded_us, received_us=item.recorded_us)
    (event,) = drivetech.events(item, header, settings)
    return event


@pytest.mark.parametrize(("status", "kind"), [(0, "braking"), (1, "acceleration"), (2, "turn")])
@pytest.mark.parametrize(("unit", "in_g"), [("m/s2", 0.4), ("g", 3.92266), ("unknown", None)])
def test_a_magnitude_is_in_g_only_when_its_unit_is_known(frame, status, kind, unit, in_g):
    raw = frame(event={"type": "HARSH_BEHAVIOR", "status": status, "magnitude": 3.92266})
    (occurrence,) = report(raw, DrivetechSettings(harsh_unit=unit)).occurrences
    assert occurrence == HarshManoeuvre(kind, 3.92266, None if in_g is None else pytest.approx(in_g))


def test_a_manoeuvre_without_a_magnitude_has_none(frame):
    assert report(frame(event={"type": "HARSH_BEHAVIOR", "status": 0})).occurrences == (HarshManoeuvre("braking"),)


@pytest.mark.parametrize(("unit", "kmh"), [("km/h", 10), ("mph", 16.09344), ("kn", 18.52), ("m/s", 36)])
def test_speed_is_taken_in_the_unit_of_the_settings(frame, unit, kmh):
    assert report(frame(speed=10), DrivetechSettings(speed_unit=unit)).position.speed_kmh == pytest.approx(kmh)


def test_360_degrees_is_north(frame):
    assert report(frame(azimuth=360)).position.heading_deg == 0
    assert report(frame(azimuth=359.9)).position.heading_deg == 359.9


@pytest.mark.parametrize("given", [..., None, True, False])
def test_whether_there_was_a_fix_is_known_only_when_it_was_said(frame, given):
    assert report(frame(gps_status=given)).position.fix is (None if given is ... else given)


def test_what_is_not_said_is_not_made_up(frame):
    assert set(report(frame()).readings) == {"odometer_km", "ignition", "motion_state"}
    assert report(frame()).position.altitude_m is None


def test_zero_is_a_value(frame):
    readings = report(frame(battery=0, fuel_percentage=0, doors=False, mnc=0)).readings
    assert readings["device_battery_percent"] == readings["fuel_level_percent"] == readings["mobile_mnc"] == 0
    assert readings["doors_open"] is False


@pytest.mark.parametrize("state", drivetech.STATES)
def test_a_documented_state_is_known_in_any_letters(state):
    assert known_state(state) == known_state(state.upper()) == state


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ()),
        ({"event": {"type": "IGN", "status": True}}, ("ignition_disagrees",)),
        ({"event": {"type": "IGN", "status": False}}, ()),
        ({"event": {"type": "DOOR", "status": True}, "doors": False}, ("doors_disagree",)),
        ({"event": {"type": "DOOR", "status": True}}, ()),
        ({"event": {"type": "GPS_SIGNAL", "status": False}, "gps_status": True}, ("gnss_disagrees",)),
        ({"event": {"type": "GPS_SIGNAL", "status": False}, "gps_status": False}, ()),
        ({"ign_input": True}, ("state_disagrees",)),
        ({"state": "Idling"}, ("state_disagrees",)),
        ({"state": "Tow"}, ()),
        ({"state": "tow"}, ("state_spelling",)),
        ({"state": "Ingition On Rest", "ign_input": True}, ("state_spelling",)),
        ({"state": "Fake Tow", "ign_input": True}, ("state_unknown",)),
        (
            {"event": {"type": "IGN", "status": True}, "state": "IDLING"},
            ("ignition_disagrees", "state_disagrees", "state_spelling"),
        ),
    ],
)
def test_what_does_not_fit_together_is_named_and_taken(frame, changes, found):
    assert drivetech.warnings(drivetech.read(frame(**changes), LENIENT)) == found
    assert set(found) <= set(drivetech.WARNINGS)


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_a_recorded_frame_warns_of_what_stands_beside_it(file):
    recorded = json.loads(file.read_text())
    item = drivetech.read(json.dumps(recorded["frame"]).encode(), LENIENT)
    assert list(drivetech.warnings(item)) == recorded["expect"]["warnings"]

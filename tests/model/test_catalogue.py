"""The catalogue against the structs it describes."""

from typing import get_args

import msgspec

from postroad.model.catalogue import MOTION_STATES, OCCURRENCES, READINGS, SIGNALS, UNITS
from postroad.model.events import Occurrence, Position
from postroad.protocols import connected_cars, connected_cars_legacy, drivetech

WIRE_FIELDS = {
    "drivetech": set(drivetech.Injection.__struct_fields__),
    "connected_cars": set(connected_cars.SLOTS)
    | {f"gps_position.{f}" for f in connected_cars.GpsPosition.__struct_fields__},
    "connected_cars_legacy": {
        f"{name}.{key}"
        for name, struct in connected_cars_legacy.STRUCTS.items()
        for key in struct.__struct_encode_fields__
    },
}
WIRE_TYPES = {
    "drivetech": set(drivetech.KINDS),
    "connected_cars": set(connected_cars.SLOTS),
    "connected_cars_legacy": set(connected_cars_legacy.SLOTS),
}


def test_names_are_unique():
    assert len({signal.name for signal in SIGNALS}) == len(SIGNALS)
    assert len({kind.tag for kind in OCCURRENCES}) == len(OCCURRENCES)


def test_units_are_of_the_closed_set_and_stand_in_the_name():
    endings = {
        "deg": "_deg",
        "m": "_m",
        "km": "_km",
        "km/h": "_kmh",
        "s": "_s",
        "h": "_h",
        "V": "_v",
        "days": "_days",
        "l": "_l",
        "ratio": "",
        "percent": "_percent",
        "celsius": "_celsius",
    }
    assert set(endings) | {"none"} == set(UNITS)
    for signal in SIGNALS:
        assert signal.unit in UNITS
        assert signal.name.endswith(endings.get(signal.unit, ""))
        assert (signal.unit == "none") == (signal.type is not float)


def test_signals_of_a_position_are_exactly_its_fields():
    fields = {field.name: field.type for field in msgspec.structs.fields(Position)}
    signals = {signal.name: signal for signal in SIGNALS if signal.place == "position"}
    assert set(signals) == set(fields)
    for name, signal in signals.items():
        assert signal.type in (fields[name], *get_args(fields[name]))


def test_readings_are_the_other_signals():
    assert set(READINGS) == {signal.name for signal in SIGNALS} - set(Position.__struct_fields__)


def test_occurrence_kinds_are_exactly_those_of_the_model():
    assert [kind.tag for kind in OCCURRENCES] == [struct.__struct_config__.tag for struct in get_args(Occurrence)]


def test_what_a_protocol_is_said_to_call_it_is_what_it_calls_it():
    for entries, names in ((SIGNALS, WIRE_FIELDS), (OCCURRENCES, WIRE_TYPES)):
        for entry in entries:
            for protocol, called in entry.names.items():
                assert protocol in names
                assert set(called) <= names[protocol], entry


def test_every_measured_field_of_drivetech_is_in_the_catalogue():
    said = {name for signal in SIGNALS for name in signal.names.get("drivetech", ())}
    assert said == WIRE_FIELDS["drivetech"] - {"plate", "buff", "datetime", "event"}
    told = {name for kind in OCCURRENCES for name in kind.names.get("drivetech", ())}
    assert told == WIRE_TYPES["drivetech"] - {"GPS"}


def test_every_field_of_the_legacy_car_feed_is_in_the_catalogue_or_of_an_occurrence():
    said = {name for signal in SIGNALS for name in signal.names.get("connected_cars_legacy", ())}
    told = {name for kind in OCCURRENCES for name in kind.names.get("connected_cars_legacy", ())}
    cars = {
        name
        for name, struct in connected_cars_legacy.STRUCTS.items()
        if issubclass(struct, connected_cars_legacy.CarMessage)
    }
    fields = {name for name in WIRE_FIELDS["connected_cars_legacy"] if not name.endswith((".carId", ".time"))}
    assert said == {name for name in fields if name.split(".")[0] in cars - told}
    assert told | {name.split(".")[0] for name in said} == cars


def test_every_type_of_one_value_of_connected_cars_is_a_signal_or_an_occurrence():
    valued = {n for n, struct in connected_cars.EVENT_TYPES.items() if "value" in struct.__struct_fields__}
    said = {name for signal in SIGNALS for name in signal.names.get("connected_cars", ())}
    told = {name for kind in OCCURRENCES for name in kind.names.get("connected_cars", ())}
    assert not said & told
    assert valued <= said | told
    assert told - valued == {"car_profiling", "can_dtc", "mapped_dtc"}


def test_vss_paths_look_like_vss_paths_and_a_note_has_a_path():
    paths = [signal.vss for signal in SIGNALS if signal.vss]
    twice = {path for path in paths if paths.count(path) > 1}
    assert all(signal.vss_note for signal in SIGNALS if signal.vss in twice)  # says how the two are told apart
    for signal in SIGNALS:
        assert signal.vss is None or all(part[0].isupper() for part in signal.vss.split("."))
        assert signal.vss or not signal.vss_note


def test_motion_states_are_those_that_drivetech_gives():
    assert len(MOTION_STATES) == len(drivetech.STATES)

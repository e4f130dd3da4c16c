"""The natural key: equal for a repeat, different for anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.protocols import drivetech
from postroad.protocols.drivetech.read import _dedup

SETTINGS = drivetech.DrivetechSettings()


def key(raw: bytes) -> bytes:
    return drivetech.read(raw, SETTINGS).dedup


@pytest.mark.parametrize(
    "changes",
    [
        {"buff": True},
        {"plate": "kx-rt 41"},
        {"datetime": "2024-07-02 15:00:00"},
        {"datetime": "2024-07-02T11:00:00.000000-04:00"},
        {"speed": 50, "odometer": 1, "state": "Idling"},
    ],
)
def test_a_repeat_has_the_same_key(frame, changes):
    assert key(frame(**changes)) == key(frame())


def test_the_length_of_what_ended_is_not_in_the_key(frame):
    ignition = {"type": "IGN", "status": True}
    assert key(frame(event=ignition)) == key(frame(event=ignition | {"duration": 9}))


def test_everything_that_tells_events_apart_is_in_the_key(frame):
    keys = [
        key(frame(**changes))
        for changes in (
            {},
            {"plate": "KXRT42"},
            {"datetime": "2024-07-02T15:00:00.000001Z"},
            {"event": {"type": "SOS"}},
            *({"event": {"type": name, "status": on}} for name in ("IGN", "IDLING", "DOOR") for on in (True, False)),
            *({"event": {"type": "HARSH_BEHAVIOR", "status": status}} for status in (0, 1, 2)),
            *({"event": {"type": "DRIVER_ID", "driver_id": who}} for who in ("1", "01", "true")),
        )
    ]
    assert len(set(keys)) == len(keys)


@given(
    plates=st.tuples(st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9)),
    who=st.text(min_size=1, max_size=9),
)
def test_plate_and_driver_never_run_together(plates, who):
    one, other = (_dedup(plate, 1, 7, drivetech.DriverId(driver_id=who)) for plate in plates)
    assert (one == other) == (plates[0] == plates[1])


def test_true_is_not_1():
    assert _dedup("X", 1, 1, drivetech.Ign(status=True)) != _dedup("X", 1, 1, drivetech.Ign(status=1))

"""Account changes in the identifiers of whoever is told."""

import pytest

from postroad.model.accounts import (
    SharedVehicle,
    User,
    UserRemoved,
    UserSignedUp,
    VehiclesShared,
    VehicleUnshared,
    reissue,
)
from postroad.model.events import Header

HEADER = Header(subject_id=1, provider_id=2, recorded_us=3, received_us=4)
CARS = (SharedVehicle(identifier="a", vin="V1"), SharedVehicle(identifier="b", vin="V2"))
THEIRS = {"header": HEADER, "user_identifier": "u"}
OURS = {"header": HEADER, "user_identifier": "hub-u", "issued": True}
B_AS_ISSUED = SharedVehicle(identifier="hub-b", vin="V2")


@pytest.mark.parametrize(
    ("change", "issued"),
    [
        (
            UserSignedUp(header=HEADER, user=User(identifier="u", email="e"), vehicles=CARS),
            UserSignedUp(header=HEADER, issued=True, user=User(identifier="hub-u", email="e"), vehicles=(B_AS_ISSUED,)),
        ),
        (UserRemoved(**THEIRS), UserRemoved(**OURS)),
        (VehiclesShared(**THEIRS, vehicles=CARS), VehiclesShared(**OURS, vehicles=(B_AS_ISSUED,))),
        (VehiclesShared(**THEIRS, vehicles=CARS[:1]), None),
        (VehicleUnshared(**THEIRS, vehicle_identifier="b"), VehicleUnshared(**OURS, vehicle_identifier="hub-b")),
        (VehicleUnshared(**THEIRS, vehicle_identifier="a"), None),
    ],
    ids=lambda change: type(change).__name__,
)
def test_a_change_is_reissued_with_the_vehicles_that_have_an_identifier_and_no_others(change, issued):
    assert reissue(change, "hub-u", {"b": "hub-b"}) == issued

"""Who has access to what, on every database: what each cause has told, and which streams it leaves."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.granting import GrantingSite, subscription
from postroad.errors import ConfigError, Forbidden, NotFound
from postroad.registry import chosen, consents, grants

VEHICLES = {"AA": "F", "BB": "F", "CC": None}


def test_smoke(granting: GrantingSite) -> None:
    granting.declare(VEHICLES)
    assert granting.give("F")
    assert granting.said() == ["access_granted_to_fleet F"]
    assert granting.open() == {"AA", "BB"}
    granting.give("AA")
    assert granting.said() == ["access_granted_to_vehicle AA"]
    granting.move("AA", "G")
    assert granting.said() == ["access_removed_from_vehicle AA F", "access_granted_to_vehicle AA"]
    granting.give("G")
    granting.move("AA", "F")
    granting.move("BB", "G")
    assert granting.said() == [
        "access_granted_to_fleet G",
        "access_removed_from_vehicle AA G",
        "access_granted_to_vehicle AA",
        "vehicle_added_to_fleet AA F",
        "access_removed_from_vehicle BB F",
        "vehicle_added_to_fleet BB G",
    ]
    granting.revoke("F")
    assert granting.said() == ["access_removed_from_fleet F"]
    assert granting.open() == {"AA", "BB"}
    assert granting.store.view().accesses == {granting.garage: {granting.id("AA"), granting.id("BB")}}

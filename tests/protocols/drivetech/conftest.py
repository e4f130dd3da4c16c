from collections.abc import Callable
from typing import Any

import msgspec
import pytest


@pytest.fixture
def frame() -> Callable[..., bytes]:
    """The smallest legal event, with fields changed, added, or left out by giving ``...``."""

    def build(**changes: Any) -> bytes:
        fields = {
            "plate": "KXRT41",
            "buff": False,
            "datetime": "2024-07-02T15:00:00.000Z",
            "latitude": -36.82701,
            "longitude": -73.04981,
            "speed": 0,
            "azimuth": 0,
            "state": "Ignition Off Rest",
            "event": {"type": "GPS"},
            "ign_input": False,
            "odometer": 118409.0,
        }
        return msgspec.json.encode({k: v for k, v in (fields | changes).items() if v is not ...})

    return build

"""Bodies, and what every test of them does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postroad.model.events import Event, Header
from postroad.protocols import drivequant

SAMPLES = Path(__file__).parents[1] / "samples" / "in" / "drivequant"
SETTINGS = drivequant.DriveQuantSettings()

Read = Callable[..., drivequant.Item]


@pytest.fixture
def frames() -> dict[str, Any]:
    """Name of a sample -> its body, parsed anew for each test."""
    return {path.stem: json.loads(path.read_text())["frame"] for path in sorted(SAMPLES.glob("*.json"))}


@pytest.fixture
def read() -> Read:
    def read(body: Any, service: str | None = None) -> drivequant.Item:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return drivequant.read(raw, SETTINGS, None if service is None else drivequant.KINDS.index(service))

    return read


@pytest.fixture
def say(read: Read) -> Callable[..., Event]:
    """The one event of a body, received at an instant from a provider."""

    def say(body: Any, service: str | None = None, *, received_us: int = 50, provider_id: int = 2) -> Event:
        item = read(body, service)
        header = Header(subject_id=1, provider_id=provider_id, recorded_us=item.recorded_us, received_us=received_us)
        (event,) = drivequant.events(item, header, SETTINGS)
        return event

    return say

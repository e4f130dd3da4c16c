"""The samples of the protocol, by name, as bytes that their provider would send."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postroad.model.events import Event, Header
from postroad.protocols.damoov import PROTOCOL, DamoovSettings

SAMPLES = Path(__file__).parents[1] / "samples" / "in" / "damoov"


@pytest.fixture(scope="session")
def frames() -> dict[str, dict[str, Any]]:
    """Name -> frame; not to be changed."""
    return {file.stem: json.loads(file.read_text())["frame"] for file in sorted(SAMPLES.glob("*.json"))}


@pytest.fixture(scope="session")
def says() -> Callable[..., tuple[Event, ...]]:
    """What an item says, read with these settings; provider 2, received a minute later."""

    def of(frame: dict[str, Any] | bytes, **settings: Any) -> tuple[Event, ...]:
        raw = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
        choice = DamoovSettings(**settings)
        item = PROTOCOL.read(raw, choice)
        header = Header(
            subject_id=1, provider_id=2, recorded_us=item.recorded_us, received_us=item.recorded_us + 60_000_000
        )
        return PROTOCOL.events(item, header, choice)

    return of

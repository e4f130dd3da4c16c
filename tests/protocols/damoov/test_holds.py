"""What an event is said to hold is what can be made of it, for every sample of every protocol."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postroad.datasets.follower import SOURCES
from postroad.model.events import Event, Header
from postroad.protocols import READABLE, damoov

SAMPLES = Path(__file__).parents[1] / "samples" / "in"
TOKEN = "0f7b6c58-2d94-4a1b-8e36-95c0d1f4a27e"


def events() -> Iterator[tuple[str, str, Event]]:
    for file in sorted(SAMPLES.glob("*/*.json")):
        sample, source = json.loads(file.read_text(encoding="utf-8")), READABLE[file.parent.name]
        frame = sample["frame"]
        raw = frame.encode() if isinstance(frame, str) else json.dumps(frame).encode()
        settings = msgspec.convert(sample.get("settings", {}), source.settings_type)
        kind = sample.get("expect", {}).get("kind")
        item = source.read(raw, settings, source.kinds.index(kind) if kind in source.kinds else None)
        header = Header(subject_id=1, provider_id=2, recorded_us=item.recorded_us, received_us=item.recorded_us + 1)
        for event in source.events(item, header, settings):
            yield file.parent.name, file.stem, event


EVENTS = list(events())


@pytest.mark.parametrize(("event"), [one[2] for one in EVENTS], ids=[f"{one[0]}-{one[1]}" for one in EVENTS])
def test_a_dataset_is_held_exactly_where_one_can_be_made(event: Any) -> None:
    held = {one.kind: one for one in damoov.held(event)}
    made = {kind for kind in damoov.PATHS if damoov.dataset_of(event, kind, device_token=TOKEN) is not None}
    assert held.keys() == made
    for kind, one in held.items():
        body = damoov.dataset_of(event, kind, device_token=TOKEN)
        assert body is not None
        assert one.object_id in body.decode() or kind == "processed_track" or b'"TrackToken"' not in body


def test_every_protocol_that_holds_datasets_is_looked_at_for_them() -> None:
    holding = {protocol for protocol, _, event in EVENTS if damoov.held(event)}
    assert holding == SOURCES


def test_what_is_announced_is_held_and_what_is_not_is_not() -> None:
    assert damoov.announced(("HeartbeatReceived", damoov.OTHER), damoov.Options(base_url="https://hub")) == frozenset()
    types = ("AccidentEventFiltered", "TrackEnrichmentFinished")
    assert damoov.announced(types, damoov.Options(base_url="https://hub")) == {"accident", "processed_track"}
    assert damoov.announced(types, damoov.Options()) == frozenset()

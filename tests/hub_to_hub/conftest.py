"""Two running hubs, and the published samples as a provider would send them."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.hub_pair import started
from fixtures.two_hubs import TwoHubs

_SAMPLES = Path(__file__).parent.parent / "protocols" / "samples" / "in"


class Sample(msgspec.Struct, frozen=True):
    """What a provider says: its bytes, and what kind of item that is."""

    name: str
    kind: str
    raw: str

    @property
    def pairs(self) -> list[tuple[str, Any]]:
        """Keys and values, those too that are given twice."""
        return json.loads(self.raw, object_pairs_hook=list)  # type: ignore[no-any-return]  # of an object, a list

    def but(self, key: str, value: Any) -> "Sample":
        """With another value of a key. Values of the samples' ids and times hold no comma."""
        raw, count = re.subn(f'"{key}": [^,}}]+', f'"{key}": {json.dumps(value)}', self.raw, count=1)
        assert count == 1, (self.name, key)
        return Sample(self.name, self.kind, raw)


def _samples(protocol: str) -> Mapping[str, Sample]:
    found = {}
    for file in sorted((_SAMPLES / protocol).glob("*.json")):
        sample = json.loads(file.read_text(encoding="utf-8"))
        frame = sample["frame"]
        raw = frame if isinstance(frame, str) else json.dumps(frame)
        found[file.stem] = Sample(file.stem, sample["expect"]["kind"], raw)
    return found


@pytest.fixture
def streams_samples() -> Mapping[str, Sample]:
    return _samples("connected_cars")


@pytest.fixture
def legacy_samples() -> Mapping[str, Sample]:
    return _samples("connected_cars_legacy")


@pytest.fixture
async def hubs(tmp_path: Path) -> AsyncIterator[TwoHubs]:
    async with started(TwoHubs(tmp_path)) as hubs:
        yield hubs

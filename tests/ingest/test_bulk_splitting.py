"""Cutting a body piece by piece gives what cutting it at once gives, for any bytes."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fixtures.clock import VirtualClock
from postroad.errors import WireError
from postroad.ingest import bulk
from postroad.ingest.bulk import Split, TooManyItems, split_in_pieces
from postroad.ingest.slices import Slices
from postroad.protocols import connected_cars, connected_cars_legacy

SPLITS = {"connected_cars": connected_cars.split_bulk, "connected_cars_legacy": connected_cars_legacy.split}
LEAF = st.none() | st.integers(-9, 99) | st.sampled_from(["},{", '"},{"', ",", "]", "[", "é", "\\", '"', "a, b"])
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner))
ARRAY = st.lists(st.dictionaries(st.sampled_from(["a", "},{", ","]), VALUE, max_size=3) | VALUE, max_size=12)
BODY = st.builds(
    lambda array, indent, ascii_only: json.dumps(array, indent=indent, ensure_ascii=ascii_only).encode(),
    ARRAY,
    st.sampled_from([None, 0, 1]),
    st.booleans(),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    body = draw(BODY)
    at = draw(st.integers(0, len(body)))
    put = draw(st.sampled_from([b"", b",", b"]", b"[", b"{", b"}", b'"', b"\xff", b"},{", b" ", b"1"]))
    return body[:at] + put + body[at + draw(st.integers(0, 2)) :]


def in_pieces(body: bytes, split: Split, max_items: int = 10_000) -> list[bytes] | None:
    try:
        return asyncio.run(split_in_pieces(body, split, max_items=max_items, slices=Slices(VirtualClock())))
    except WireError:
        return None


def at_once(body: bytes, split: Split) -> list[bytes] | None:
    try:
        return split(body)
    except WireError:
        return None


@pytest.mark.parametrize("name", SPLITS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODY | damaged())
@example(body=b"[{},]")
@example(body=b"[{}, ]")
@example(body=b"[{},{},]")
@example(body=b"[{},{}, ]")
@example(body=b"[{},{},,{}]")
@example(body=b'[{"a":[{},{}]},{"a":"},{"},{}]')
def test_pieces_are_what_the_whole_is(monkeypatch: pytest.MonkeyPatch, name: str, body: bytes) -> None:
    monkeypatch.setattr(bulk, "PIECE_BYTES", 3)
    assert in_pieces(body, SPLITS[name]) == at_once(body, SPLITS[name])


def test_too_many_items_are_noticed_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PIECE_BYTES", 100)
    seen: list[int] = []

    def split(body: bytes) -> Any:
        seen.append(len(body))
        return connected_cars.split_bulk(body)

    with pytest.raises(TooManyItems):
        in_pieces(b"[" + b"1," * 100_000 + b"1]", split, max_items=50)
    assert sum(seen) < 400, "the rest was not even looked at"

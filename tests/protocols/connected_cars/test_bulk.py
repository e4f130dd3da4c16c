"""Bulks: one bad event never costs the others; a body that is no JSON array costs all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.errors import WireError
from postroad.protocols.base import Item
from postroad.protocols.connected_cars import ConnectedCarsSettings, join_bulk, read, read_bulk, split_bulk

AS_USUAL = ConnectedCarsSettings()
GOOD = b'{"type":"car_ignition","id":1,"vehicleId":7301,"time":"2024-03-05T06:41:12Z","value":true}'
BAD = [
    b"{}",
    b"null",
    b"1e999",
    b'"\\ud800"',
    b'{"type":"car_ignition","x":"\\ud83d"}',
    b"[" * 60 + b"]" * 60,
    GOOD[:-5] + b"7}",
]

json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
).map(lambda value: json.dumps(value).encode())


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_event_never_costs_the_others(bad):
    first, second, third = read_bulk(b" [\n" + GOOD + b" ,\t" + bad + b"," + GOOD + b"]\r\n", AS_USUAL)
    assert first.outcome == third.outcome == read(GOOD, AS_USUAL)
    assert first.raw == third.raw == GOOD
    assert isinstance(second.outcome, WireError)
    assert second.raw == bad


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[",
        b"[1",
        b"[1,",
        b"[1,]",
        b"[1]]",
        b"[1] 2",
        b"hello",
        b"[hello]",
        b"[NaN]",
        b'["\\ud800", NaN]',
        b'["\\ud800"',
        b'["\\ud800",]',
        b'["\\ud800"] x',
        b'{"a":"\\ud800"}',
        b'["\xff"]',
        b"\xef\xbb\xbf[]",
        b"[" * 100_000,
        GOOD,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_array_is_refused_whole(body):
    with pytest.raises(WireError) as caught:
        read_bulk(body, AS_USUAL)
    assert (caught.value.code, caught.value.field) == ("not_json", None)


@given(st.lists(json_texts, max_size=6))
def test_a_bulk_is_cut_into_the_very_bytes_it_was_joined_from(elements):
    assert split_bulk(join_bulk(elements)) == elements
    assert split_bulk(join_bulk([*elements, b'"\\ud800"'])) == [*elements, b'"\\ud800"']


@given(st.binary(max_size=80), st.integers(0, 200))
def test_any_bytes_give_elements_or_a_wire_error(noise, at):
    body = join_bulk([GOOD, GOOD])
    for damaged in (noise, body[:at] + noise + body[at + len(noise) :]):
        try:
            elements = read_bulk(damaged, AS_USUAL)
        except WireError as error:
            assert error.code == "not_json"  # noqa: PT017 - either outcome is promised
            continue
        assert all(isinstance(one.outcome, Item | WireError) for one in elements)
        assert [one.raw for one in elements] == split_bulk(damaged)


def test_a_full_bulk_is_taken():
    elements = read_bulk(join_bulk([GOOD] * 10_000), AS_USUAL)
    assert len(elements) == 10_000
    assert all(isinstance(one.outcome, Item) for one in elements)

"""Every spelling of an instant that the vendor's pages have, to the last of seven digits."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.clock import to_us
from postroad.protocols.damoov import times

SEVEN = 17_210_528_810_047_128
"""2024-07-15T14:14:41.0047128Z."""


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-15T14:14:41.0047128Z",
        "2024-07-15T14:14:41.0047128",
        "2024-07-15 14:14:41.0047128z",
        "2024-07-15T17:14:41.0047128+03:00",
        "2024-07-15T17:14:41.0047128+0300",
        "2024-07-15T08:44:41.0047128-05:30",
        "2024-07-15T14:14:41.004712899Z",
    ],
)
def test_every_spelling_is_read_to_the_seventh_digit(text):
    assert times.ticks(text) == SEVEN
    assert times.us(text) == SEVEN // 10


def test_fewer_digits_are_the_first_ones():
    assert times.ticks("2024-07-15T14:14:41Z") == SEVEN - 47_128
    assert times.ticks("2024-07-15T14:14:41.5Z") == SEVEN - 47_128 + 5_000_000


@pytest.mark.parametrize(
    "text",
    ["", "2024-07-15", "2024-07-15T14:14Z", "2024-02-30T00:00:00Z", "2024-07-15T25:00:00Z", "1969-12-31T23:59:59Z",
     "2024-07-15T14:14:41.Z", "٢٠٢٤-07-15T14:14:41Z", "2024-07-15T14:14:41Z\n", "9999-12-31T23:59:59-01:00"],
)  # fmt: skip
def test_anything_else_is_refused_and_is_no_known_time(text):
    with pytest.raises(ValueError):  # noqa: PT011 - there is no more to say
        times.ticks(text)
    assert times.known_us(text) is None


@given(us=st.integers(0, to_us(dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC))))
def test_whatever_is_written_is_read_again(us):
    for spelling in (times.stamp, times.local, times.dated, times.dated_raw):
        assert times.us(spelling(us)) == us
    assert times.ticks(times.stamp(us)) == us * 10
    assert times.stamp(us).endswith("0Z")
    assert times.local(us).endswith("0+00:00")


@given(
    us=st.integers(10**14, 10**15),
    minutes=st.integers(-14 * 60, 14 * 60),
    colon=st.booleans(),
)
def test_an_offset_moves_the_clock_not_the_instant(us, minutes, colon):
    zone = dt.timezone(dt.timedelta(minutes=minutes))
    text = dt.datetime.fromtimestamp(us // 1_000_000, zone).isoformat()
    assert times.us(text if colon else text[:-3] + text[-2:]) == us // 1_000_000 * 1_000_000

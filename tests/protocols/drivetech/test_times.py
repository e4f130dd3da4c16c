"""Every spelling of one instant gives that instant."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.clock import from_us, to_us
from postroad.errors import WireError
from postroad.protocols import drivetech
from postroad.protocols.drivetech.times import LAST_US, instant_us, parse

DAY_US = 86_400_000_000
moments = st.integers(DAY_US, LAST_US - DAY_US).map(from_us)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moment=moments, offset=offsets, separator=st.sampled_from("T "), digits=st.integers(6, 9))
def test_every_spelling_of_an_instant_agrees(moment, offset, separator, digits):
    naive = moment.replace(tzinfo=None).isoformat(separator, "microseconds") + "0" * (digits - 6)
    local = moment.astimezone(offset).isoformat(separator, "microseconds")
    for text in (naive, naive + "Z", naive + "+00:00", naive + "-0000", local, local[:-3] + local[-2:]):
        assert instant_us(parse(text)) == to_us(moment), text


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2024-07-02T14:03:09.120Z", 120_000),
        ("2024-07-02T14:03:09.120431", 120_431),
        ("2024-07-02 14:03:09.120Z", 120_000),
        ("2024-07-02T14:03:09", 0),
        ("2024-07-02 14:03:09.5", 500_000),
        ("2024-07-02T10:03:09-04", 0),
        ("2024-07-02 10:03:09.25-04", 250_000),
        ("2024-07-02T11:03:09-0300", 0),
        ("2024-07-02T14:03:09.123456499Z", 123_456),
        ("2024-07-02T14:03:09.1234565Z", 123_457),
        ("2024-07-02T14:03:08.9999999Z", 0),
    ],
)
def test_a_spelling_gives_its_instant(frame, text, us):
    expected = to_us(datetime(2024, 7, 2, 14, 3, 9, tzinfo=UTC)) + us
    assert instant_us(parse(text)) == expected
    assert drivetech.read(frame(datetime=text), drivetech.DrivetechSettings(profile="strict")).recorded_us == expected


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-02",
        "14:03:09",
        "2024-07-02T14:03Z",
        "20240702T140309Z",
        "2024-W27-2T14:03:09Z",
        "2024-07-02T14:03:09,5Z",
        "2024-07-02T14:03:09.Z",
        "2024-07-02  14:03:09Z",
        " 2024-07-02T14:03:09Z",
        "2024-07-02T14:03:09 Z",
        "2024-02-30T14:03:09Z",
        "2024-07-02T24:00:00Z",
        "2024-07-02T14:03:09+25",
        "2024-07-02T14:03:09 UTC",
        "02/07/2024 14:03:09",
        "1719928989",
        "٢٠٢٤-07-02T14:03:09Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_anything_else_is_invalid(frame, text):
    with pytest.raises(WireError) as caught:
        drivetech.read(frame(datetime=text), drivetech.DrivetechSettings())
    assert (caught.value.code, caught.value.field) == ("invalid", "datetime")


def test_the_first_and_the_last_instant_are_taken():
    assert instant_us(parse("1970-01-01T00:00:00Z")) == 0
    assert instant_us(parse("9999-12-31T23:59:59.999999Z")) == LAST_US


def test_a_time_without_a_zone_is_utc_whatever_the_machine_thinks(monkeypatch):
    monkeypatch.setenv("TZ", "America/Santiago")
    time.tzset()
    try:
        assert instant_us(parse("2024-07-02T14:03:09")) == instant_us(parse("2024-07-02T14:03:09Z"))
    finally:
        monkeypatch.undo()
        time.tzset()

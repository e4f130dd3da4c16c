import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.egress.client import Answer
from postroad.transports.answers import excerpt, mask, reason_of, retry_after_s

NOW_US = 1_800_000_000_000_000  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, None),
        (201, None),
        (202, None),
        (204, None),
        (299, None),
        (300, "redirected"),
        (301, "redirected"),
        (304, "redirected"),
        (308, "redirected"),
        (400, "rejected"),
        (401, "credentials"),
        (402, "rejected"),
        (403, "credentials"),
        (404, "rejected"),
        (408, "rejected"),
        (410, "rejected"),
        (413, "too_large"),
        (422, "rejected"),
        (429, "throttled"),
        (499, "rejected"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "server_error"),
        (599, "server_error"),
        (100, "unexpected"),
        (199, "unexpected"),
        (600, "unexpected"),
        (999, "unexpected"),
    ],
)
def test_what_a_status_means(status: int, reason: str | None) -> None:
    assert reason_of(status) == reason


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("86401", 86400.0),
        ("9" * 5000, 86400.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
        ("Fri, 15 Jan 2027 08:01:30 GMT", 90.0),
        ("Fri, 15 Jan 2027 08:01:30 -0000", 90.0),
        ("Friday, 15-Jan-27 08:01:30 GMT", 90.0),
        ("Fri Jan 15 08:01:30 2027", 90.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 2038 08:00:00 GMT", 86400.0),
        ("Fri, 99 Jan 2027 08:00:00 GMT", None),
    ],
)
def test_how_long_retry_after_asks_to_wait(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW_US) == seconds


@given(st.text())
def test_no_retry_after_breaks_the_reader(value: str) -> None:
    seconds = retry_after_s(value, NOW_US)
    assert seconds is None or 0 <= seconds <= 86400


def answer(body: bytes, **headers: str) -> Answer:
    return Answer(status=500, headers=headers, body=body, elapsed_s=0.0)


def test_an_excerpt_is_one_line_of_at_most_200_characters() -> None:
    assert excerpt(answer(b"  a\r\n\tb\x00c \xff"), ()) == "a b c \ufffd"
    assert excerpt(answer(b"x" * 1000), ()) == "x" * 200


def test_a_secret_is_hidden_in_every_spelling() -> None:
    secret = 'p"ss/wörd +='
    echoed = 'p"ss/wörd += p%22ss/w%C3%B6rd%20%2B%3D p%22ss%2Fw%C3%B6rd+%2B%3D p\\"ss/w\\u00f6rd +='
    assert mask(echoed, [secret], 200) == "[hidden] [hidden] [hidden] [hidden]"


def test_a_secret_that_the_limit_cuts_leaves_no_part_of_itself() -> None:
    assert mask("x" * 195 + "s3cret-4711", ["s3cret-4711"], 200) == ("x" * 195 + "[hidden]")[:200]


def test_hiding_one_secret_brings_no_part_of_a_later_one_into_view() -> None:
    text = "a" * 5000 + "s3cret-4711"[:6]  # a body that was cut inside of a secret
    assert mask(text, ["a" * 5000, "s3cret-4711"], 200) == "[hidden]"


def test_an_empty_secret_hides_nothing() -> None:
    assert mask("fine", [""], 200) == "fine"

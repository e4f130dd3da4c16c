"""The vendor's times: ISO 8601 with up to seven digits of fraction, ``Z``, ``+03:00``, ``+0300``, or nothing: UTC.

Between two notifications of one track 100 ns may count, so order is by *ticks* of that length since 1970.
"""

import datetime as dt
import re
from typing import Final

from postroad.clock import from_us, to_us

TICKS_PER_US: Final = 10
_LAST_TICKS: Final = to_us(dt.datetime.max.replace(tzinfo=dt.UTC)) * TICKS_PER_US
_TICK_DIGITS: Final = 7
_TIME = re.compile(
    r"(?P<whole>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?P<zone>Z|z|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2}))?"
)


def ticks(text: str) -> int:
    """An instant in units of 100 ns since 1970; further digits are cut off. Raises ``ValueError`` for anything else.

    So does one before 1970 or after 9999.
    """
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError("not a time")
    moment = dt.datetime.fromisoformat(found["whole"].replace(" ", "T") + "+00:00")
    seconds = to_us(moment) // 1_000_000
    if found["sign"]:
        offset_s = int(found["hours"]) * 3600 + int(found["minutes"]) * 60
        seconds += -offset_s if found["sign"] == "+" else offset_s
    fraction = (found["fraction"] or "")[:_TICK_DIGITS].ljust(_TICK_DIGITS, "0")
    value = seconds * 1_000_000 * TICKS_PER_US + int(fraction)
    if not 0 <= value <= _LAST_TICKS:
        raise ValueError("out of range")
    return value


def us(text: str) -> int:
    """Microseconds since 1970. Raises ``ValueError``."""
    return ticks(text) // TICKS_PER_US


def known_us(text: str | None) -> int | None:
    """Microseconds since 1970; None for what is no time."""
    try:
        return None if text is None else us(text)
    except ValueError:
        return None


def stamp(instant_us: int) -> str:
    """As notifications have it: ``2024-03-11T08:03:01.0047120Z``."""
    return f"{from_us(instant_us):%Y-%m-%dT%H:%M:%S.%f}0Z"


def local(instant_us: int) -> str:
    """As ``Details`` of tracks have it, in UTC: ``2024-03-11T07:31:10.0000000+00:00``."""
    return f"{from_us(instant_us):%Y-%m-%dT%H:%M:%S.%f}0+00:00"


def dated(instant_us: int) -> str:
    """As processed tracks have it, in UTC: ``2024-03-11T07:31:10+00:00``; a fraction only where there is one."""
    return from_us(instant_us).isoformat()


def dated_raw(instant_us: int) -> str:
    """As raw tracks have it: without a colon in the offset."""
    return dated(instant_us).removesuffix("+00:00") + "+0000"

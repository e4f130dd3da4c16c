"""The vendor's times: RFC 3339, and in one type of 2023 a bare date."""

import datetime as dt
from functools import lru_cache
from typing import Final

import msgspec

from postroad.clock import to_us
from postroad.errors import WireError

LAST_US: Final = to_us(dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC))

_DATE_CHARS: Final = 10
_UNIX_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - without a zone isoformat writes none, and we write Z


def instant_us(text: str, *, or_date: bool = False) -> int:
    """Microseconds since 1970, UTC. ``or_date`` takes a bare date for its midnight in UTC.

    Raises ``WireError`` for anything else, a time without a zone and years before 1970 among it.
    """
    if or_date and len(text) == _DATE_CHARS:
        text += "T00:00:00Z"
    try:
        moment = msgspec.convert(text, dt.datetime)
        if moment.tzinfo is None:
            raise WireError("invalid", "time")
        us = to_us(moment)
    except (msgspec.ValidationError, OverflowError) as exc:
        raise WireError("invalid", "time") from exc
    if not 0 <= us <= LAST_US:
        raise WireError("invalid", "time")
    return us


def timestamp(us: int) -> str:
    """RFC 3339, UTC, three digits of fraction: microseconds are cut off, so that no time moves forward."""
    ms = us // 1000
    return f"{_minute(ms // 60_000)}:{ms // 1000 % 60:02d}.{ms % 1000:03d}Z"


@lru_cache(maxsize=1024)
def _minute(minutes: int) -> str:
    """Date, hour and minute. Reports come by the thousand for each, and this is most of the work of a timestamp."""
    return (_UNIX_EPOCH + dt.timedelta(minutes=minutes)).isoformat(timespec="minutes")


def date(us: int) -> str:
    """The day in UTC, as ``YYYY-MM-DD``."""
    return timestamp(us)[:_DATE_CHARS]

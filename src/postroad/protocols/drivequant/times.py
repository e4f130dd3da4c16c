"""The vendor's dates: ``2025-01-30T07:23:22.000+0000``. One of its pages has ``+00:00``; ``Z`` is read too."""

import datetime as dt

import msgspec

from postroad.clock import from_us, to_us
from postroad.protocols.drivequant.monitoring import date_text

LAST_US = to_us(dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC))


def instant_us(text: str | None) -> int | None:
    """Microseconds since 1970, UTC; ``None`` for what is no instant, lies before 1970 or has no zone."""
    if text is None:
        return None
    try:
        moment = msgspec.convert(text, dt.datetime)
        return None if moment.tzinfo is None else within_bounds(to_us(moment))
    except (msgspec.ValidationError, OverflowError):
        return None


def within_bounds(us: float) -> int | None:
    """Whole microseconds; ``None`` before 1970 and after 9999."""
    return round(us) if 0 <= us <= LAST_US else None


def timestamp(us: int) -> str:
    """An instant as the vendor writes it. Microseconds are cut off, so that no time moves forward."""
    return date_text(from_us(us))

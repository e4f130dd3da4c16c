"""The spellings of ``datetime``: the vendor's page has three, providers have more.

``T`` or a space; any number of fraction digits, of which six are kept, rounded; ``Z``, an offset, or nothing, which
means UTC.
"""

import datetime as dt
import re

import msgspec

from postroad.clock import to_us
from postroad.errors import WireError

LAST_US = to_us(dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC))

_OFFSET_IN_HOURS = re.compile(r":[0-9]{2}(\.[0-9]+)?[+-][0-9]{2}$")


def parse(text: str) -> dt.datetime:
    """Read one spelling. Raises ``WireError``.

    One reader serves all spellings: msgspec's, which takes everything but an offset in hours alone (``-04``).
    """
    if _OFFSET_IN_HOURS.search(text):
        text += ":00"
    try:
        return msgspec.convert(text, dt.datetime)
    except msgspec.ValidationError as exc:
        raise WireError("invalid", "datetime") from exc


def instant_us(moment: dt.datetime) -> int:
    """Microseconds since 1970, UTC, of what was read. Raises ``WireError`` outside of 1970 to 9999."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    us = to_us(moment)
    if not 0 <= us <= LAST_US:
        raise WireError("invalid", "datetime")
    return us

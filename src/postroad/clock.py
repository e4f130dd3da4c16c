"""Time, passed in: every schedule in the hub takes a ``Clock``, so that tests run in virtual time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 24 * 3600 * 1_000_000
_MICROSECOND = timedelta(microseconds=1)


def to_us(instant: datetime) -> int:
    """Microseconds since 1970 of an aware instant, exactly."""
    return (instant - EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """The aware UTC instant ``us`` microseconds after 1970."""
    return EPOCH + timedelta(microseconds=us)


class Clock(Protocol):
    """What code that waits or dates something is given."""

    def now_us(self) -> int:
        """The wall clock: microseconds since 1970, UTC. May step."""

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back. Only differences mean something."""

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` on the monotonic clock."""


class SystemClock:
    """The machine's clocks."""

    def now_us(self) -> int:
        """See ``Clock``."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """See ``Clock``."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See ``Clock``."""
        await asyncio.sleep(seconds)

"""Instants as people write them on the command line: RFC 3339, or an age such as ``2h``."""

from datetime import datetime

import click

from postroad.cli.durations import Duration
from postroad.clock import SystemClock, to_us


class Instant(click.ParamType[int]):
    """Turns an instant into microseconds since 1970; an age counts back from now."""

    name = "instant"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See ``click.ParamType``."""
        if isinstance(value, int):
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            try:
                age_s = Duration().convert(value, param, ctx)
            except click.BadParameter:
                self.fail(
                    f"{value!r} is no instant; write 2026-07-02T14:00:00Z, or an age: 90s, 30m, 2h, 7d", param, ctx
                )
            return SystemClock().now_us() - age_s * 1_000_000
        if instant.tzinfo is None:
            self.fail(f"{value!r} names no offset from UTC; end it with Z, or +02:00", param, ctx)
        if (us := to_us(instant)) < 0:
            self.fail(f"{value!r} is before 1970", param, ctx)
        return us

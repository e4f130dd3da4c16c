"""Instants as people write them on the command line: RFC 3339, as in ``2026-07-02T14:03:09Z``."""

from datetime import datetime

import click
import msgspec

from postroad.clock import EPOCH, to_us


class Instant(click.ParamType[int]):
    """Turns an instant into microseconds since 1970. One without a zone is refused: whose would it be?"""

    name = "instant"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See ``click.ParamType``."""
        if isinstance(value, int):
            return value
        try:
            moment = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            moment = EPOCH.replace(tzinfo=None)
        if moment.tzinfo is None or (us := to_us(moment)) < 0:
            self.fail(f"{value!r} is no instant; write 2026-07-02T14:03:09Z", param, ctx)
        return us

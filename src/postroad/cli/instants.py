"""Instants as people write them on the command line: RFC 3339, as in ``2026-07-02T14:03:09Z``."""

from datetime import UTC, datetime

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
            if moment.tzinfo is not None and moment.astimezone(UTC) >= EPOCH:
                return to_us(moment)
        except (msgspec.ValidationError, OverflowError):
            pass
        self.fail(f"{value!r} is no instant; write 2026-07-02T14:03:09Z", param, ctx)

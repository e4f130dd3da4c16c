"""Durations as people write them on the command line: ``90s``, ``30m``, ``24h``, ``7d``."""

import re

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_WRITTEN = re.compile(r"(0|[1-9][0-9]{0,5})([smhd])|0")


class Duration(click.ParamType[int]):
    """Turns a duration into whole seconds; ``0`` needs no unit."""

    name = "duration"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See ``click.ParamType``."""
        if isinstance(value, int):
            return value
        found = _WRITTEN.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no duration; write 90s, 30m, 24h or 7d", param, ctx)
        return int(found[1]) * _SECONDS[found[2]] if found[1] else 0

"""What several resources show alike."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Final

from postroad.api.rest.call import Call
from postroad.api.rest.types.body import Body
from postroad.clock import from_us

LOOK_S: Final = 20.0
"""How long the log is read for one request at most; what was begun is read to its end."""


def instant(us: int | None) -> datetime | None:
    """An instant, if there is one."""
    return None if us is None else from_us(us)


def body(raw: bytes) -> Body:
    """Bytes, whatever they are."""
    try:
        return Body(encoding="utf-8", data=raw.decode())
    except UnicodeDecodeError:
        return Body(encoding="base64", data=base64.b64encode(raw).decode())


def in_time(call: Call) -> Callable[[], bool]:
    """Says whether ``LOOK_S`` are not over yet, from now on."""
    clock = call.services.monotonic_s
    ends_s = clock() + LOOK_S
    return lambda: clock() < ends_s

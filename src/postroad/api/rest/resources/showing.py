"""What several resources show alike."""

import base64
from collections.abc import Callable
from datetime import datetime

from postroad.api.rest.call import Call
from postroad.api.rest.types.body import Body
from postroad.clock import from_us


def instant(us: int | None) -> datetime | None:
    """An instant, if there is one."""
    return None if us is None else from_us(us)


def body(raw: bytes) -> Body:
    """Bytes, whatever they are."""
    try:
        return Body(encoding="utf-8", data=raw.decode())
    except UnicodeDecodeError:
        return Body(encoding="base64", data=base64.b64encode(raw).decode())


def in_time(call: Call, within_s: float) -> Callable[[], bool]:
    """Says whether so many seconds are not over yet, from now on."""
    clock = call.services.monotonic_s
    ends_s = clock() + within_s
    return lambda: clock() < ends_s

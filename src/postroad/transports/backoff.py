"""How long to wait after failures in a row, for transports that keep trying by themselves. Pure."""

from collections.abc import Callable

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Twice as long each time, up to a bound; a share of it at random, so that many do not come back together."""

    first_s: float = 1.0
    cap_s: float = 60.0
    jitter: float = 0.5
    """At most this share is added."""

    def wait_s(self, failures: int, random: Callable[[], float]) -> float:
        """The wait after the ``failures``-th failure in a row (1 or more)."""
        wait_s = min(self.first_s * 2.0 ** min(failures - 1, 30), self.cap_s)
        return wait_s * (1 + self.jitter * random())

"""The gate of a destination: how many attempts at once, how fast, and none while it fails.

Shared by all that is delivered to one destination. A *circuit* opens when attempts keep failing by the endpoint's
fault; then one attempt at a time probes, at growing intervals, and when one gets through the gate opens slowly: one at
a time, two, four ... Answers that ask for less (429) halve what is let in at once.

A contract whose schedule counts the destination's failures gives it (``wait_s``): then the first failure shuts the
gate, for as long as the schedule says.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.clock import Clock

OPENS_AFTER = 5
"""Failures of the endpoint in a row before the circuit opens."""
FIRST_PROBE_S = 5.0
LAST_PROBE_S = 60.0

Verdict = Literal["delivered", "event", "endpoint", "throttled"]
"""How an attempt ended, for its destination: ``event`` is a failure that the endpoint is not to be blamed for."""
State = Literal["closed", "open", "closing"]
"""Of the circuit: ``closed`` lets all in, ``open`` probes only, ``closing`` lets in a few, more with each success."""


class DestinationLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a destination can bear."""

    concurrency: Annotated[int, Meta(ge=1, le=1000, description="Requests on their way to it at once, at most.")] = 16
    requests_per_s: Annotated[float, Meta(ge=0, description="Requests begun in a second; 0 is no limit.")] = 0.0


class Pass(msgspec.Struct, frozen=True):
    """Leave to make one attempt; give it back with ``Gate.leave``."""

    round: int


class Gate:
    """See the module. Used on one event loop only."""

    def __init__(self, limits: DestinationLimits, clock: Clock) -> None:
        """Open, with nobody inside."""
        self.state: State = "closed"
        self.failures = 0
        """Of the endpoint, in a row."""
        self._limits = limits
        self._clock = clock
        self._inside = 0
        self._width = limits.concurrency
        self._shut_until_s = 0.0
        self._next_start_s = 0.0
        self._round = 0
        self._wakes: set[Callable[[], None]] = set()

    def listen(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called whenever somebody leaves; ``forget`` ends it."""
        self._wakes.add(wake)

    def forget(self, wake: Callable[[], None]) -> None:
        """See ``listen``."""
        self._wakes.discard(wake)

    def ready_in_s(self) -> float | None:
        """How long until ``enter`` can let somebody in; ``None``: not before somebody leaves."""
        if self._inside >= self._width:
            return None
        return max(self._shut_until_s, self._next_start_s, self._clock.monotonic_s()) - self._clock.monotonic_s()

    def enter(self) -> Pass | None:
        """Let one attempt in, if it may begin now."""
        if self.ready_in_s() != 0.0:
            return None
        self._inside += 1
        if self._limits.requests_per_s:
            now_s = self._clock.monotonic_s()
            self._next_start_s = max(self._next_start_s, now_s) + 1 / self._limits.requests_per_s
        return Pass(self._round)

    def leave(
        self,
        entered: Pass,
        verdict: Verdict | None,
        *,
        retry_after_s: float | None = None,
        wait_s: Callable[[int], float] | None = None,
    ) -> None:
        """An attempt ended, or (``None``) was given up without a result."""
        self._inside -= 1
        match verdict:
            case "delivered" | "event":
                self._succeeded()
            case "endpoint" | "throttled":
                self._failed(entered, verdict, retry_after_s, wait_s)
            case None:
                pass
        for wake in list(self._wakes):
            wake()

    def _succeeded(self) -> None:
        self.failures = 0
        self._shut_until_s = 0.0
        if self.state == "open":
            self.state = "closing"
            self._width = 1
        if self._width < self._limits.concurrency:
            self._width = min(self._width * 2, self._limits.concurrency)
        if self._width == self._limits.concurrency:
            self.state = "closed"

    def _failed(
        self, entered: Pass, verdict: Verdict, retry_after_s: float | None, wait_s: Callable[[int], float] | None
    ) -> None:
        """Attempts that were on their way together fail together: they count once."""
        if entered.round == self._round:
            self._round += 1
            self.failures += 1
            if wait_s is not None or self.failures >= OPENS_AFTER or self.state == "closing":
                self.state = "open"
                self._width = 1
                own_s = min(FIRST_PROBE_S * 2.0 ** min(max(self.failures - OPENS_AFTER, 0), 16), LAST_PROBE_S)
                self._shut(own_s if wait_s is None else wait_s(self.failures))
            elif verdict == "throttled":
                self._width = max(self._width // 2, 1)
        if retry_after_s is not None:
            self._shut(retry_after_s)

    def _shut(self, for_s: float) -> None:
        self._shut_until_s = max(self._shut_until_s, self._clock.monotonic_s() + for_s)

"""The gate of a destination's endpoint: how many attempts at once, how fast, and none while it fails.

Most destinations have one endpoint; one with a URL for each type has a gate for each URL. It is shared by all that is
delivered there. A *circuit* opens when attempts keep failing by the endpoint's
fault; then one attempt at a time probes, at growing intervals, and when one gets through the circuit closes slowly:
each success lets in one more at once. Answers that ask for less (429) halve what is let in at once; as many successes
as are let in at once then make it one more.

A contract whose schedule counts the destination's failures gives it (``wait_s``): then the first failure shuts the
gate, for as long as the schedule says.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.clock import Clock
from postroad.transports.answers import MAX_RETRY_AFTER_S

OPENS_AFTER = 5
"""Failures of the endpoint in a row before the circuit opens."""
FIRST_PROBE_S = 5.0
LAST_PROBE_S = 60.0
PROBE_JITTER = 0.1
"""At most this share is added to the time until a probe."""

_INSTANT_S = 1e-6
"""What is nearer than this is now: clocks are counted in microseconds and lose the last of them as floats."""

Verdict = Literal["delivered", "event", "endpoint", "throttled"]
"""How an attempt ended, for its destination: ``event`` is a failure that the endpoint is not to be blamed for."""
State = Literal["closed", "open", "closing"]
"""Of the circuit: ``closed`` lets all in, ``open`` probes only, ``closing`` lets in a few, more with each success."""


class DestinationLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a destination can bear."""

    concurrency: Annotated[int, Meta(ge=1, le=1000, description="Requests on their way to it at once, at most.")] = 16
    requests_per_s: Annotated[float, Meta(ge=0, description="Requests begun in a second; 0 is no limit.")] = 0.0


class Pass(msgspec.Struct, frozen=True):
    """Leave to make one attempt; give it back with ``Gate.leave``, whatever became of it."""

    round: int


class Gate:
    """See the module. Used on one event loop only.

    Whoever wants in stands in one line, by an event of his own that is set when it is his turn to ask again: first
    come, first served. No delivery can starve another, and while the circuit is open they probe in turns.
    """

    def __init__(
        self, limits: DestinationLimits, clock: Clock, random: Callable[[], float] = lambda: 0.0, endpoint: str = ""
    ) -> None:
        """Closed circuit, nobody inside. ``random`` (0 to 1) spreads the probes of many destinations."""
        self.endpoint = endpoint
        """Its name among those of its destination (``Transport.endpoint``)."""
        self.state: State = "closed"
        self.failures = 0
        """Of the endpoint, in a row."""
        self.inside = 0
        """Attempts under way."""
        self._limits = limits
        self._clock = clock
        self._random = random
        self._width = limits.concurrency
        self._delivered_since = 0
        self._shut_until_s = 0.0
        self._asked_until_s = 0.0
        self._next_start_s = 0.0
        self._round = 0
        self._line: deque[asyncio.Event] = deque()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    @property
    def width(self) -> int:
        """How many attempts may be under way at once right now."""
        return self._width

    def shut_for_s(self) -> float:
        """How long nobody is let in, by the circuit or because the destination asked for it."""
        return self._from_now_s(max(self._shut_until_s, self._asked_until_s))

    def ready_in_s(self) -> float | None:
        """How long until somebody can be let in; ``None``: not before somebody leaves."""
        if self.inside >= self._width:
            return None
        return max(self.shut_for_s(), self._from_now_s(self._next_start_s))

    def turn_in_s(self, turn: asyncio.Event) -> float | None:
        """How long until ``turn`` can be let in; ``None``: not before it is set."""
        return self.ready_in_s() if self._line and self._line[0] is turn else None

    def enter(self, turn: asyncio.Event) -> Pass | None:
        """Let one attempt in, if it may begin now and nobody stands in line before it.

        If not, ``turn`` has a place in the line from then on, which it keeps until it is let in or withdraws: whoever
        has nothing to send any more must ``withdraw``, or he holds up the others.
        """
        entered = self._let_in() if not self._line or self._line[0] is turn else None
        if entered is not None:
            self.withdraw(turn)
        elif turn not in self._line:
            self._line.append(turn)
        return entered

    def withdraw(self, turn: asyncio.Event) -> None:
        """Leave the line, if it stands there."""
        if turn in self._line:
            self._line.remove(turn)
            self._call_next()

    async def entered(self) -> Pass:
        """Stand in line until it is one's turn. Cancelled, the place in the line is the next one's."""
        turn = asyncio.Event()
        try:
            while (entered := self.enter(turn)) is None:
                turn.clear()
                await self._woken(turn, self.turn_in_s(turn))
            return entered
        finally:
            self.withdraw(turn)

    def leave(
        self,
        entered: Pass,
        verdict: Verdict | None,
        *,
        retry_after_s: float | None = None,
        wait_s: Callable[[int], float] | None = None,
    ) -> None:
        """An attempt ended, or (``None``) was given up without a result.

        ``retry_after_s`` is what the destination asked for; none is let in before, and no success of another shortens
        it. ``wait_s`` is the contract's own schedule: how long to wait after so many failures in a row.
        """
        self.inside -= 1
        match verdict:
            case "delivered" | "event":
                self._succeeded(entered)
            case "endpoint" | "throttled":
                self._failed(entered, verdict, wait_s)
            case None:
                pass
        if retry_after_s is not None:
            asked_s = min(max(retry_after_s, 0.0), MAX_RETRY_AFTER_S)
            self._asked_until_s = max(self._asked_until_s, self._clock.monotonic_s() + asked_s)
        self._call_next()

    # The line.

    def _let_in(self) -> Pass | None:
        if self.ready_in_s() != 0.0:
            return None
        self.inside += 1
        if self._limits.requests_per_s:
            now_s = self._clock.monotonic_s()
            self._next_start_s = max(self._next_start_s, now_s) + 1 / self._limits.requests_per_s
        return Pass(self._round)

    async def _woken(self, turn: asyncio.Event, within_s: float | None) -> None:
        """Return once it is one's turn to look again, or (``None``: not by itself) after a time."""
        if within_s is None:
            await turn.wait()
            return
        waits = [asyncio.ensure_future(turn.wait()), asyncio.ensure_future(self._clock.sleep(within_s))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _call_next(self) -> None:
        if self._line:
            self._line[0].set()

    def _from_now_s(self, instant_s: float) -> float:
        left_s = instant_s - self._clock.monotonic_s()
        return left_s if left_s > _INSTANT_S else 0.0

    # The circuit.

    def _succeeded(self, entered: Pass) -> None:
        if self.state == "open":
            if entered.round != self._round:
                return  # it began before the failure that opened the circuit: it says nothing of now
            self.state, self._width = "closing", 1
        self.failures = 0
        self._shut_until_s = 0.0
        self._delivered_since += 1
        if self.state == "closing" or self._delivered_since >= self._width:
            self._delivered_since = 0
            self._width = min(self._width + 1, self._limits.concurrency)
        if self._width == self._limits.concurrency:
            self.state = "closed"

    def _failed(self, entered: Pass, verdict: Verdict, wait_s: Callable[[int], float] | None) -> None:
        """Attempts that were on their way together fail together: they count once."""
        if entered.round != self._round:
            return
        self._round += 1
        self._delivered_since = 0
        self.failures += 1
        if wait_s is not None or self.failures >= OPENS_AFTER or self.state != "closed":
            self.state = "open"
            self._width = 1
            for_s = self._probe_in_s() if wait_s is None else wait_s(self.failures)
            self._shut_until_s = max(self._shut_until_s, self._clock.monotonic_s() + for_s)
        elif verdict == "throttled":
            under_way = self.inside + 1
            self._width = max(min(self._width, under_way) // 2, 1)

    def _probe_in_s(self) -> float:
        """The gate's own schedule, for contracts that have none for the destination."""
        further = min(max(self.failures - OPENS_AFTER, 0), 16)
        return min(FIRST_PROBE_S * 2.0**further, LAST_PROBE_S) * (1 + PROBE_JITTER * self._random())

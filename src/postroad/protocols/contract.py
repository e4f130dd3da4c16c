"""A protocol's delivery rules, as data: when an attempt counts, what an answer means, when the next attempt follows.

Nothing here waits or sends; ``postroad.delivery`` puts contracts to work. What a vendor has not published is a default,
and ``Contract.inferred`` says so.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Order = Literal["bulk", "subject", "none"]
"""``bulk``: everything in order, a bulk must go through before the next one. ``subject``: in order per subject, a
failing event holds only its subject's lane. ``none``: each event by its own schedule."""

Action = Literal[
    "delivered",
    "retry",  # the endpoint failed: hold, let the circuit know, try again
    "renew",  # it does not take our credentials: the same, probing at a pace of its own, with an alert
    "disable",  # it is gone for good: pause the subscription, with an alert
    "split",  # too large: send it in halves
    "isolate",  # something in it is not taken: halve until it stands alone, and park that
    "park",  # the event failed: it waits for its own next attempt, others go on
    "repair",  # the event will never be taken as it is: a dead letter at once, others go on
]
"""What an answer asks of delivery. ``split`` and ``isolate`` of a single event are ``repair``."""

ENDPOINT_FAILURES: frozenset[Action] = frozenset({"retry", "renew", "disable"})
"""The actions that say nothing of the event: it is held, not parked."""

DAY_S = 86_400.0


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a failed attempt is followed by the next one. Data and arithmetic; seconds throughout."""

    first_waits_s: Annotated[tuple[float, ...], Meta(description="The first waits, one after another.")] = ()
    then_s: Annotated[float, Meta(gt=0, description="The wait after those.")] = 120.0
    factor: Annotated[float, Meta(ge=1, description="Each later wait is so many times the one before.")] = 2.0
    cap_s: Annotated[float, Meta(gt=0, description="No wait is longer.")] = 3600.0
    jitter: Annotated[
        float, Meta(ge=0, le=1, description="At most this share is added to a wait, at random, so that callers spread.")
    ] = 0.0
    max_attempts: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Attempts in all; without it, no end by number.")
    ] = None
    max_age_s: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="No attempt later than this after the first one.")
    ] = None
    urgent_every_s: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="While the event is fresh, this is the wait, before all others."),
    ] = None
    urgent_for_s: Annotated[float, Meta(ge=0, description="How long after its own time an event is fresh.")] = 1800.0

    def wait_s(self, failures: int) -> float:
        """How long to wait after the ``failures``-th failure in a row (1 or more), without jitter."""
        if failures <= len(self.first_waits_s):
            return min(self.first_waits_s[failures - 1], self.cap_s)
        further = failures - len(self.first_waits_s) - 1
        try:
            return min(self.then_s * self.factor**further, self.cap_s)
        except OverflowError:
            return self.cap_s

    def next_attempt_us(
        self, *, attempts: int, first_us: int, now_us: int, recorded_us: int | None, chance: float = 0.0
    ) -> int | None:
        """When the next attempt of one event follows, or ``None`` if there is none.

        ``attempts``: made so far, all failed, the first at ``first_us``, the last one now. ``recorded_us``: the event's
        own time, if it is known. ``chance``: 0 to 1, drawn at random, says how much of the jitter is added.
        """
        if self.max_attempts is not None and attempts >= self.max_attempts:
            return None
        due_us = self._due_us(attempts, first_us, now_us, recorded_us, chance)
        if self.max_age_s is not None and due_us > first_us + round(self.max_age_s * 1e6):
            return None
        return due_us

    def _due_us(self, attempts: int, first_us: int, now_us: int, recorded_us: int | None, chance: float) -> int:
        if self.urgent_every_s is None:
            return now_us + round(self.wait_s(attempts) * (1 + self.jitter * chance) * 1e6)
        due_us = now_us + round(self.urgent_every_s * 1e6)
        if recorded_us is not None and due_us <= recorded_us + round(self.urgent_for_s * 1e6):
            return due_us
        # From here on by the clock of the first attempt, so that "daily" does not move with each attempt's length.
        step_us = round(self.then_s * 1e6)
        return first_us + ((now_us - first_us) // step_us + 1) * step_us


class Response(msgspec.Struct, frozen=True):
    """What a range of statuses asks for."""

    first: int
    last: int
    action: Action


COMMON: tuple[Response, ...] = (
    Response(300, 399, "retry"),  # never followed: a destination that moved is for a person to mend
    Response(400, 400, "isolate"),
    Response(401, 401, "renew"),
    Response(403, 403, "renew"),
    Response(404, 405, "retry"),
    Response(408, 408, "retry"),
    Response(410, 410, "disable"),
    Response(413, 413, "split"),
    Response(422, 422, "isolate"),
    Response(425, 425, "retry"),
    Response(429, 429, "retry"),
    Response(400, 499, "park"),
    Response(500, 599, "retry"),
)
"""What statuses commonly mean; the first that fits counts."""

WHOLE_BULK: tuple[Response, ...] = (
    Response(401, 401, "renew"),
    Response(403, 403, "renew"),
    Response(100, 599, "retry"),
)
"""For vendors that send the full bulk again whatever the answer was."""

REASONS: Mapping[str, int] = {
    "credentials": 401,
    "throttled": 429,
    "too_large": 413,
    "rejected": 400,
}
"""The status that says the same as a failure without one, by the transport's reason; any other is ``retry``."""


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """A target protocol's delivery rules for some of its types."""

    name: str
    order: Order
    success: tuple[int, int] = (200, 299)
    """First and last status that means delivered."""
    responses: tuple[Response, ...] = COMMON
    """What other statuses ask for; the first that fits counts, and what none names is ``retry``."""
    on_reason: Mapping[str, Action] = {}
    """What failures without a status ask for, by the transport's reason, before ``REASONS``."""
    retry: RetryPolicy = RetryPolicy()
    schedule_of: Literal["destination", "event"] = "destination"
    """Whose failures the schedule counts: an endpoint's, which then holds everything for it, or one event's."""
    credentials_probe_s: float | None = None
    """How often to try again while credentials are refused; ``None``: by the schedule."""
    max_items: int = 1_000
    """Events of one bulk, unless a subscription says otherwise."""
    item_ceiling: int = 10_000
    """What a subscription may say at most."""
    max_bytes: int = 1024 * 1024
    linger_ms: int = 2
    """How long a bulk that is not full waits for more, counted from its first event."""
    late_after_s: float | None = None
    """An event this much older than an attempt is marked late as it goes out (``TargetProtocol.late``)."""
    inferred: tuple[str, ...] = ()
    """What of this the vendor has not published, a sentence each."""

    def action(self, status: int | None, reason: str | None = None) -> Action:
        """What an answer asks for: by its status, or, where there is none, by the transport's reason."""
        if status is None:
            if reason is None:
                return "delivered"
            if reason in self.on_reason:
                return self.on_reason[reason]
            if reason not in REASONS:
                return "retry"
            status = REASONS[reason]
        if self.success[0] <= status <= self.success[1]:
            return "delivered"
        for response in self.responses:
            if response.first <= status <= response.last:
                return response.action
        return "retry"


class PlannedAttempt(msgspec.Struct, frozen=True):
    """One attempt of a delivery that keeps failing."""

    n: int
    at_s: float
    """After the first attempt, without jitter."""


class Repeat(msgspec.Struct, frozen=True, tag_field="action", tag="repeat"):
    """The last wait again and again, until it is delivered."""

    every_s: float


class GiveUp(msgspec.Struct, frozen=True, tag_field="action", tag="dead_letter"):
    """There is an end: the event becomes a dead letter, kept until it is redriven or dropped."""


class Plan(msgspec.Struct, frozen=True):
    """What a delivery that keeps failing goes through."""

    attempts: Sequence[PlannedAttempt]
    """All of them, or, where there is no end, as many as it takes until the waits are equal."""
    then: Repeat | GiveUp


MOST_PLANNED = 1_000
"""Attempts that a plan lists at most."""


def plan_of(contract: Contract) -> Plan:
    """The plan of an event that happened when it was first tried, if every attempt fails at once; without jitter."""
    retry = contract.retry
    attempts, now_us = [PlannedAttempt(1, 0.0)], 0
    while len(attempts) < MOST_PLANNED:
        failures = len(attempts)
        if contract.schedule_of == "destination":
            next_us: int | None = now_us + round(retry.wait_s(failures) * 1e6)
        else:
            next_us = retry.next_attempt_us(attempts=failures, first_us=0, now_us=now_us, recorded_us=0)
        if next_us is None:
            return Plan(attempts, GiveUp())
        attempts.append(PlannedAttempt(failures + 1, next_us / 1e6))
        now_us = next_us
        if _is_settled(contract, failures):
            break
    return Plan(attempts, Repeat(attempts[-1].at_s - attempts[-2].at_s))


def _is_settled(contract: Contract, failures: int) -> bool:
    """Whether the wait after this many failures stays as it is for ever."""
    retry = contract.retry
    ends = retry.max_attempts is not None or retry.max_age_s is not None
    if contract.schedule_of == "event" and (ends or retry.urgent_every_s is not None):
        return False
    return failures > len(retry.first_waits_s) and (retry.factor == 1.0 or retry.wait_s(failures) >= retry.cap_s)

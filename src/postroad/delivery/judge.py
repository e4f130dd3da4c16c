"""What an answer means: for the delivery that made the attempt, and for the gate of its destination. Pure.

The contract says what a status asks for. What delivery adds: a redirect is never followed and never a confirmation; a
bulk in order has nowhere to park an event; a failure that is a single event's cannot be narrowed down any further; and
what the transport itself can never carry goes on in pieces, or not at all, whatever the contract says of its answers.
"""

import math
from collections.abc import Callable, Mapping

import msgspec

from postroad.delivery.gate import Verdict
from postroad.protocols.contract import ENDPOINT_FAILURES, Action, Contract
from postroad.transports.answers import MAX_RETRY_AFTER_S
from postroad.transports.base import Delivered, Failed, Outcome

_IN_ORDER: Mapping[Action, Action] = {"park": "retry", "repair": "isolate"}
"""What a bulk makes of actions that are about one event of many."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt comes to."""

    action: Action
    verdict: Verdict
    outcome: Outcome
    """As it counts: ``Delivered`` if, and only if, the action is ``delivered``."""

    @property
    def retry_after_s(self) -> float | None:
        """What the destination asked for, within 0 ... 86400; ``None``: nothing."""
        asked_s = self.outcome.retry_after_s if isinstance(self.outcome, Failed) else None
        if asked_s is None or math.isnan(asked_s):
            return None
        return min(max(asked_s, 0.0), MAX_RETRY_AFTER_S)


def judged(contract: Contract, outcome: Outcome, *, events: int = 1) -> Judgement:
    """Judge an attempt to deliver so many events by their contract."""
    action = _action(contract, outcome)
    if action == "delivered":
        return Judgement(action=action, verdict="delivered", outcome=_delivered(outcome))
    failed = _failed(outcome)
    if contract.order == "bulk":
        action = _IN_ORDER.get(action, action)
    if events == 1 and action in {"split", "isolate"}:
        action = "repair" if _counts_the_destination(contract) or _never_fits(failed) else "park"
    return Judgement(action=action, verdict=_verdict(action, failed), outcome=failed)


def shut_for(contract: Contract, action: Action, random: Callable[[], float]) -> Callable[[int], float] | None:
    """How long the gate stays shut after so many failures in a row, if the contract says so; with jitter."""
    probe_s = contract.credentials_probe_s
    if action == "renew" and probe_s is not None:
        return lambda _failures: probe_s
    if action not in ENDPOINT_FAILURES or not _counts_the_destination(contract):
        return None
    retry = contract.retry
    return lambda failures: retry.wait_s(failures) * (1 + retry.jitter * random())


def _counts_the_destination(contract: Contract) -> bool:
    """Whether the schedule counts failures of the destination; where all is in order there is nothing else to count."""
    return contract.schedule_of == "destination" or contract.order == "bulk"


def _never_fits(outcome: Outcome) -> bool:
    """Nobody was asked: the transport knows that it cannot carry as much. Trying it again as it is changes nothing."""
    return isinstance(outcome, Failed) and outcome.reason == "too_large" and outcome.status is None


def _action(contract: Contract, outcome: Outcome) -> Action:
    if _never_fits(outcome):
        return "split"
    if outcome.status is not None and 300 <= outcome.status <= 399:
        action = contract.action(outcome.status)
        return "retry" if action == "delivered" else action
    return contract.action(outcome.status, outcome.reason if isinstance(outcome, Failed) else None)


def _verdict(action: Action, failed: Failed) -> Verdict:
    if failed.status == 429 or failed.reason == "throttled":
        return "throttled"
    return "endpoint" if action in ENDPOINT_FAILURES else "event"


def _delivered(outcome: Outcome) -> Delivered:
    """A contract may take for a confirmation what the transport does not."""
    if isinstance(outcome, Delivered):
        return outcome
    return Delivered(status=outcome.status, elapsed_s=outcome.elapsed_s)


def _failed(outcome: Outcome) -> Failed:
    """The transport may confirm what the contract does not."""
    if isinstance(outcome, Failed):
        return outcome
    return Failed(reason="unexpected", status=outcome.status, elapsed_s=outcome.elapsed_s)

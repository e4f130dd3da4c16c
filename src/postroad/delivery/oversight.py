"""What a judged attempt means for people: which alerts it raises, and which it ends."""

from postroad.delivery.delivery import Overseer
from postroad.delivery.gate import Gate
from postroad.delivery.judge import Judgement
from postroad.delivery.letter import INCOMPLETE
from postroad.transports.base import Failed


def tell(overseer: Overseer, subscription_id: int, judgement: Judgement, gate: Gate) -> None:
    """Say what the attempt shows; call it after the attempt has left the gate.

    What the destination answered (``Failed.detail``) stays out: it may repeat what it was sent.
    """
    failed = judgement.outcome if isinstance(judgement.outcome, Failed) else None
    failing = failed is not None and judgement.action == "retry" and gate.state == "open"
    if failed is None:
        overseer.clear_alert("credentials_refused", subscription_id)
    elif judgement.action == "renew":
        overseer.raise_alert("credentials_refused", subscription_id, _said(failed))
    elif judgement.action == "disable":
        overseer.raise_alert("destination_gone", subscription_id, _said(failed))
        overseer.pause(subscription_id, _said(failed))
    if failing and failed is not None:
        detail = f"{gate.failures} failures in a row, the last: {_said(failed)}"
        overseer.raise_alert("destination_failing", subscription_id, detail)
    elif gate.state != "open" or judgement.action != "retry":  # other alerts say better what is wrong
        overseer.clear_alert("destination_failing", subscription_id)


def tell_dead(overseer: Overseer, subscription_id: int, failed: Failed) -> None:
    """Say that an event was given up."""
    overseer.raise_alert("dead_letters", subscription_id, f"the latest was given up for: {failed.reason}")


def tell_incomplete(overseer: Overseer, subscription_id: int, field: str) -> None:
    """Say that an event was given up because nobody knows what it must have."""
    overseer.raise_alert("dead_letters", subscription_id, f"the latest was given up for: {INCOMPLETE}, without {field}")


def _said(failed: Failed) -> str:
    return failed.reason if failed.status is None else f"{failed.reason} (status {failed.status})"

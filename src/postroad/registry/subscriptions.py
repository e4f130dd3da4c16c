"""Pausing and resuming a subscription.

A pause has a reason when the hub made it by itself (its destination answered that it is gone), and none when a person
did. A pause with a reason ends only when a person resumes it: applying a file that says ``active`` does not.
"""

from typing import Literal

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry import alerts, called
from postroad.registry.text import storable
from postroad.registry.transaction import Transaction

State = Literal["active", "paused"]

_subscriptions = schema.subscriptions


def set_state(transaction: Transaction, id_: int, state: State, reason: str | None = None) -> None:
    """Pause or resume; one that is so already stays as it is, with the reason it has."""
    values: dict[str, object] = {"state": state, "paused_reason": None, "paused_us": None}
    if state == "paused":
        values |= {"paused_reason": None if reason is None else storable(reason), "paused_us": transaction.now_us}
    else:
        alerts.clear_alert(transaction, alerts.PAUSED, str(id_))
    differs = (_subscriptions.c.id == id_) & (_subscriptions.c.state != state)
    changed = transaction.connection.execute(sa.update(_subscriptions).where(differs).values(values)).rowcount
    if changed:
        transaction.touched = True
        name, organization_id = called.subscription(transaction.connection, id_)
        fields: dict[str, tuple[object, object]] = {"state": ("active" if state == "paused" else "paused", state)}
        if reason is not None:
            fields["paused_reason"] = (None, storable(reason))
        transaction.note("update", "subscription", id_, name, organization_id=organization_id, fields=fields)

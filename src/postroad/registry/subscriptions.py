"""Pausing and resuming a subscription; what one was that is removed.

A pause has a reason when the hub made it by itself (its destination answered that it is gone), and none when a person
did. A pause with a reason ends only when a person resumes it: applying a file that says ``active`` does not.
"""

from collections.abc import Collection
from typing import Literal

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry import alerts, called
from postroad.registry.records import Subscription
from postroad.registry.text import storable
from postroad.registry.transaction import Transaction

State = Literal["active", "paused"]

_subscriptions, _integrations = schema.subscriptions, schema.integrations


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


def removed(connection: sa.Connection, ids: Collection[int]) -> dict[int, Subscription]:
    """Those of these that are removed, as far as what they were sent depends on it. No view shows them."""
    query = sa.select(_subscriptions, _integrations.c.organization_id).join(_integrations)
    gone = query.where(_subscriptions.c.id.in_(ids), _subscriptions.c.removed_us.is_not(None))
    return {
        row.id: Subscription(
            id=row.id,
            integration_id=row.integration_id,
            organization_id=row.organization_id,
            name=row.name,
            protocol=row.protocol,
            destination_id=row.destination_id,
            types=tuple(row.types),
            options=row.options,
        )
        for row in connection.execute(gone)
    }

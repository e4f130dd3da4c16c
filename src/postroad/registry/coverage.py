"""Which streams are open follows from selectors and grants, and every change of it is told.

``reconcile`` opens and ends streams until they agree, less the vehicles to which a provider has lost access
(``consents``). It runs inside every change that can move a vehicle into or out of what a subscription covers. What an
operator selects is had and told by ``selected``, what is granted by ``governed``.
"""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry import governed, selected, selection
from postroad.registry.streams import Moved
from postroad.registry.transaction import Transaction

_subscriptions, _integrations = schema.subscriptions, schema.integrations
_rows = sa.select(_subscriptions, _integrations.c.organization_id).join(
    _integrations, _integrations.c.id == _subscriptions.c.integration_id
)


def reconcile(transaction: Transaction, organization_id: int, *, vehicle_id: int | None = None) -> dict[int, Moved]:
    """Make the open streams of an organization's vehicles those that are covered.

    Args:
        transaction: the change that this is part of.
        organization_id: whose vehicles; subscriptions are its own, and those of others that grants of it govern.
        vehicle_id: look at this vehicle only.

    Returns:
        What happened, by id of the subscription; subscriptions that nothing happened to are left out.
    """
    connection = transaction.connection
    fleets_and_vehicles = selected.read(connection, organization_id, vehicle_id)
    concerned = (_integrations.c.organization_id == organization_id) | _integrations.c.id.in_(_given(organization_id))
    moved = {}
    for row in connection.execute(_rows.where(concerned).order_by(_subscriptions.c.id)).all():
        if selection.load(row.vehicles).by != "selected":
            moved[row.id] = governed.cover(transaction, row, vehicle_id=vehicle_id)
        elif row.organization_id == organization_id:
            moved[row.id] = selected.cover(transaction, row, fleets_and_vehicles, vehicle_id=vehicle_id)
    return {id_: one for id_, one in moved.items() if one != Moved(0, 0)}


def reconcile_integration(
    transaction: Transaction, integration_id: int, *, vehicle_id: int | None = None, anew: Collection[int] = ()
) -> None:
    """The same for the subscriptions of one integration that grants govern.

    ``anew``: streams of these vehicles end, also where they are had still: there, they begin again.
    """
    mine = _rows.where(_integrations.c.id == integration_id).order_by(_subscriptions.c.id)
    for row in transaction.connection.execute(mine).all():
        if selection.load(row.vehicles).by != "selected":
            governed.cover(transaction, row, vehicle_id=vehicle_id, anew=anew)


def clear(transaction: Transaction, subscription_id: int) -> None:
    """End all of a subscription's streams of vehicles, and tell it so: somebody else is to say what it covers."""
    row: Any = transaction.connection.execute(_rows.where(_subscriptions.c.id == subscription_id)).one()
    if selection.load(row.vehicles).by == "selected":
        selected.cover(transaction, row, selected.NOTHING)
    else:
        governed.cover(transaction, row, nothing=True)


def _given(organization_id: int) -> sa.Select[int]:
    """The integrations that vehicles or fleets of an organization gave access, ever."""
    subjects, grants = schema.subjects, schema.grants
    return (
        sa.select(grants.c.integration_id)
        .join(subjects, subjects.c.id == grants.c.subject_id)
        .where(subjects.c.organization_id == organization_id)
    )

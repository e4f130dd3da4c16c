"""Which vehicle is in which fleet: in one at a time, from an instant to an instant."""

from collections.abc import Collection

import sqlalchemy as sa

from postroad.db import schema
from postroad.registry.transaction import Transaction, insert

_memberships = schema.memberships
_LOOKED_UP_AT_ONCE = 1_000


def fleets_of(connection: sa.Connection, vehicle_ids: Collection[int]) -> dict[int, int]:
    """Vehicle -> the fleet that it is in now; without those that are in none."""
    found: dict[int, int] = {}
    ids = sorted(vehicle_ids)
    for first in range(0, len(ids), _LOOKED_UP_AT_ONCE):
        query = sa.select(_memberships.c.vehicle_id, _memberships.c.fleet_id).where(
            _memberships.c.until_us.is_(None),
            _memberships.c.vehicle_id.in_(ids[first : first + _LOOKED_UP_AT_ONCE]),
        )
        found |= {row.vehicle_id: row.fleet_id for row in connection.execute(query)}
    return found


def members(connection: sa.Connection, fleet_id: int) -> frozenset[int]:
    """The vehicles that are in a fleet now."""
    query = sa.select(_memberships.c.vehicle_id).where(
        _memberships.c.fleet_id == fleet_id, _memberships.c.until_us.is_(None)
    )
    return frozenset(connection.scalars(query))


def put(transaction: Transaction, vehicle_id: int, fleet_id: int | None) -> bool:
    """Have a vehicle in this fleet from now on (None: in none), without a word to anybody; whether that is news."""
    if fleets_of(transaction.connection, [vehicle_id]).get(vehicle_id) == fleet_id:
        return False
    end(transaction, _memberships.c.vehicle_id == vehicle_id)
    if fleet_id is not None:
        values = {"fleet_id": fleet_id, "vehicle_id": vehicle_id, "since_us": transaction.now_us}
        insert(transaction.connection, _memberships, **values)
        transaction.touched = True
    return True


def end(transaction: Transaction, which: sa.ColumnElement[bool]) -> None:
    """End the open memberships that ``which`` is true of."""
    ending = sa.update(_memberships).where(which, _memberships.c.until_us.is_(None))
    transaction.touched |= bool(transaction.connection.execute(ending.values(until_us=transaction.now_us)).rowcount)

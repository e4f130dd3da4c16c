"""What providers say of their access to vehicles, and what that means for our streams.

The last word of each provider on each vehicle is kept. While a provider has lost access to a vehicle, no subscription
has a stream of it, whatever selectors say: nobody may be sent what may not be had. A vehicle of which nothing was said
is forwarded as selectors say. Words are about vehicles; one about a fleet is one about each vehicle known to be in it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.model.identifiers import Issue
from postroad.registry import called, coverage, issuing, memberships, streams, subjects
from postroad.registry.transaction import Transaction

_consents, _memberships, _subjects, _streams = schema.consents, schema.memberships, schema.subjects, schema.streams


_FEW = 20
"""Vehicles are reconciled one by one; more of them, with all of their organization's."""


class Place(NamedTuple):
    """Where in the log something was said."""

    shard: int
    position: int


class Counted(NamedTuple):
    """For how many vehicles the word changed."""

    given: int
    withdrawn: int


def give(transaction: Transaction, provider_id: int, organization_id: int, vehicle_ids: Collection[int]) -> int:
    """The provider has access to these vehicles; for how many that is news. Their streams begin by the selectors."""
    changed = [id_ for id_ in vehicle_ids if _say(transaction, provider_id, id_, given=True)]
    _reconcile(transaction, organization_id, changed)
    return len(changed)


def _reconcile(transaction: Transaction, organization_id: int, vehicle_ids: Collection[int]) -> None:
    if len(vehicle_ids) > _FEW:
        coverage.reconcile(transaction, organization_id)
    else:
        for id_ in vehicle_ids:
            coverage.reconcile(transaction, organization_id, vehicle_id=id_)


def withdraw(transaction: Transaction, provider_id: int, vehicle_ids: Collection[int], at: Place | None) -> int:
    """The provider lost access to these vehicles; for how many that is news.

    Their streams end, at that very position where it was said in the vehicle's shard (``at``; None: not in the log).
    """
    changed = [id_ for id_ in vehicle_ids if _say(transaction, provider_id, id_, given=False)]
    ending = sa.select(_streams.c.id, _streams.c.shard).where(_streams.c.subject_id.in_(changed), ~_streams.c.ended)
    streams_ = transaction.connection.execute(ending).all()
    owners = sa.select(_subjects.c.organization_id).where(_subjects.c.id.in_(changed)).distinct()
    for organization_id in transaction.connection.scalars(owners).all():
        _reconcile(transaction, organization_id, changed)
    if at is not None:
        here = [stream.id for stream in streams_ if stream.shard == at.shard]
        streams.note_end(transaction, here, at.position)
    for vehicle_id, (name, organization_id) in called.subjects(transaction.connection, changed).items():
        fields = {"provider_id": (provider_id, None)}
        transaction.note(
            "revoke",
            "consent",
            vehicle_id,
            name,
            organization_id=organization_id,
            subject_id=vehicle_id,
            fields=fields,
        )
    return len(changed)


def of_fleet(connection: sa.Connection, provider_id: int, fleet: str) -> Sequence[int]:
    """The vehicles that the provider is known to have in a fleet of its own."""
    mine = (_consents.c.provider_id == provider_id) & (_consents.c.fleet == fleet)
    return connection.scalars(sa.select(_consents.c.vehicle_id).where(mine).order_by(_consents.c.vehicle_id)).all()


def listed(
    transaction: Transaction,
    provider_id: int,
    organization_id: int,
    fleets: Mapping[int, str | None],
    *,
    namespace: str,
    shard: int,
    issue: Sequence[Issue],
    before_us: int,
) -> Counted:
    """The provider was asked: exactly these vehicles (id -> its fleet there) give access.

    What was said from ``before_us`` on, when asking began, is newer and stays. ``namespace`` is that of the fleets,
    ``shard`` and ``issue`` are for those that are new.
    """
    known = sa.select(_consents).where(_consents.c.provider_id == provider_id)
    rows = {row.vehicle_id: row for row in transaction.connection.execute(known)}
    newer = {id_ for id_, row in rows.items() if row.changed_us >= before_us}
    moved = []
    for id_, fleet in fleets.items():
        if id_ not in newer and (id_ not in rows or rows[id_].fleet != fleet):
            note_fleet(transaction, provider_id, id_, fleet)
            place = None if fleet is None else (namespace, fleet)
            if _move(transaction, organization_id, id_, place, shard, issue):
                moved.append(id_)
    _reconcile(transaction, organization_id, moved)
    given = give(transaction, provider_id, organization_id, [id_ for id_ in fleets if id_ not in newer])
    gone = [id_ for id_ in rows if id_ not in fleets and id_ not in newer]
    return Counted(given, withdraw(transaction, provider_id, gone, None))


def note_fleet(transaction: Transaction, provider_id: int, vehicle_id: int, fleet: str | None) -> None:
    """Remember in which of its fleets the provider has the vehicle. That there is access was said, or is not denied."""
    this = (_consents.c.provider_id == provider_id) & (_consents.c.vehicle_id == vehicle_id)
    if transaction.connection.execute(sa.update(_consents).where(this).values(fleet=fleet)).rowcount == 0:
        values = {"provider_id": provider_id, "vehicle_id": vehicle_id, "fleet": fleet, "given": True}
        transaction.connection.execute(sa.insert(_consents).values(changed_us=transaction.now_us, **values))


def fleet_of(connection: sa.Connection, provider_id: int, vehicle_id: int) -> str | None:
    """In which of its fleets the provider has the vehicle, as far as it was said."""
    this = (_consents.c.provider_id == provider_id) & (_consents.c.vehicle_id == vehicle_id)
    fleet: str | None = connection.scalar(sa.select(_consents.c.fleet).where(this))
    return fleet


def withdrawn(connection: sa.Connection, provider_id: int) -> int:
    """How many vehicles the provider has lost access to."""
    mine = (_consents.c.provider_id == provider_id) & ~_consents.c.given
    return connection.execute(sa.select(sa.func.count()).select_from(_consents).where(mine)).scalar_one()


def forget(transaction: Transaction, provider_id: int) -> None:
    """Forget what a provider said: it is gone."""
    transaction.connection.execute(sa.delete(_consents).where(_consents.c.provider_id == provider_id))


def hand_over(transaction: Transaction, organization_id: int, protocol: str, moves: Mapping[int, int | None]) -> None:
    """Providers of a protocol mean other vehicles from now on by what they call them: their words go with that.

    ``moves``: vehicle -> the one that it is now; None: none yet, so that the word is forgotten. What was said of
    a vehicle that something moves to was said by a name that it has no more.
    """
    providers = schema.providers
    of_protocol = sa.select(providers.c.id).where(
        providers.c.organization_id == organization_id, providers.c.protocol == protocol
    )
    vehicle_ids = {*moves, *(id_ for id_ in moves.values() if id_ is not None)}
    said = _consents.c.provider_id.in_(of_protocol) & _consents.c.vehicle_id.in_(vehicle_ids)
    rows = transaction.connection.execute(sa.select(_consents).where(said)).mappings().all()
    if not rows:
        return
    transaction.connection.execute(sa.delete(_consents).where(said))
    moved = [{**row, "vehicle_id": moves.get(row["vehicle_id"])} for row in rows]
    kept = [row for row in moved if row["vehicle_id"] is not None]
    if kept:
        transaction.connection.execute(sa.insert(_consents), kept)
    transaction.touched = True


def move(
    transaction: Transaction,
    organization_id: int,
    vehicle_id: int,
    fleet: tuple[str, str] | None,
    *,
    shard: int,
    issue: Sequence[Issue],
) -> None:
    """Make a vehicle's membership that of a provider's fleet (namespace and identifier), or of none; it is told.

    A membership in a fleet that a file declares is the file's, and stays. ``shard`` and ``issue`` are for a fleet that
    is new.
    """
    if _move(transaction, organization_id, vehicle_id, fleet, shard, issue):
        coverage.reconcile(transaction, organization_id, vehicle_id=vehicle_id)


def _move(
    transaction: Transaction,
    organization_id: int,
    vehicle_id: int,
    fleet: tuple[str, str] | None,
    shard: int,
    issue: Sequence[Issue],
) -> bool:
    """``move`` without a word to anybody; whether anything changed."""
    query = (
        sa.select(_subjects.c.declared)
        .join(_memberships, _memberships.c.fleet_id == _subjects.c.id)
        .where(_memberships.c.vehicle_id == vehicle_id, _memberships.c.until_us.is_(None))
    )
    if transaction.connection.scalar(query):
        return False
    fleet_id = None if fleet is None else _fleet(transaction, organization_id, *fleet, shard, issue)
    return memberships.put(transaction, vehicle_id, fleet_id)


def _fleet(
    transaction: Transaction, organization_id: int, namespace: str, value: str, shard: int, issue: Sequence[Issue]
) -> int | None:
    """A provider's fleet with its numbers, found or made; None if something else is called so."""
    found = subjects.find(transaction.connection, organization_id, namespace, value)
    if found is None:
        found = subjects.insert_subject(transaction, organization_id, "fleet", shard=shard, declared=False)
        subjects.identify(transaction, organization_id, found, namespace, value)
    kind = transaction.connection.execute(sa.select(_subjects.c.kind).where(_subjects.c.id == found)).scalar_one()
    if kind != "fleet":
        return None
    of_fleets = [one for one in issue if one.of == "fleet"]
    issuing.give(transaction, organization_id, of_fleets, subject_id=found)
    return found


def _say(transaction: Transaction, provider_id: int, vehicle_id: int, *, given: bool) -> bool:
    """Remember a word; whether it differs from the one before, or, where there was none, from forwarding."""
    this = (_consents.c.provider_id == provider_id) & (_consents.c.vehicle_id == vehicle_id)
    before = transaction.connection.scalar(sa.select(_consents.c.given).where(this))
    values = {"given": given, "changed_us": transaction.now_us}
    if before is None:
        key = {"provider_id": provider_id, "vehicle_id": vehicle_id}
        transaction.connection.execute(sa.insert(_consents).values(**key, **values))
        return not given
    transaction.connection.execute(sa.update(_consents).where(this).values(values))
    return bool(before != given)

"""Which streams are open follows from the subscriptions' selectors, and every change of it is told.

``reconcile`` opens and ends streams until the two agree, less the vehicles to which a provider has lost access
(``consents``). It runs inside every change that can move a vehicle into or out of a selector. A selector that names a
fleet is a grant by the fleet, any other a grant by each vehicle. A fleet of a provider's own has no name here, so no
selector names it and nobody is granted it: in which of them a vehicle is, is told to whoever has the vehicle.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any, NamedTuple

import sqlalchemy as sa

from postroad.db import schema
from postroad.model.identifiers import PLATE
from postroad.protocols import postroad as words
from postroad.registry import outbox, selection, streams
from postroad.registry.transaction import Transaction, insert

VEHICLES_A_WORD = 1_000
"""Vehicles of an account that are told in one item: neither it nor a message made of it grows without bound."""

_ACCOUNT = "organization"


class Moved(NamedTuple):
    """How many vehicles' streams of one subscription ``reconcile`` opened and ended."""

    opened: int
    ended: int


class _Vehicle(NamedTuple):
    shard: int
    fleet_id: int | None
    fleet: str | None
    plates: Collection[str]


def reconcile(transaction: Transaction, organization_id: int, *, vehicle_id: int | None = None) -> dict[int, Moved]:
    """Make the open streams of an organization those that its subscriptions' selectors cover.

    Args:
        transaction: the change that this is part of.
        organization_id: whose subscriptions and vehicles.
        vehicle_id: look at this vehicle only.

    Returns:
        What happened, by id of the subscription; subscriptions that nothing happened to are left out.
    """
    vehicles = _vehicles(transaction.connection, organization_id, vehicle_id)
    fleets = _fleets(transaction.connection, organization_id)
    subscriptions, integrations = schema.subscriptions, schema.integrations
    of_organization = (
        sa.select(subscriptions)
        .join(integrations, integrations.c.id == subscriptions.c.integration_id)
        .where(integrations.c.organization_id == organization_id)
    )
    moved = {}
    for subscription in transaction.connection.execute(of_organization).all():
        one = _Coverage(transaction, organization_id, subscription, vehicle_id)
        if subscription.removed_us is None:
            one.cover(vehicles, fleets)
        else:
            one.cover({}, {})
        if one.moved.opened or one.moved.ended:
            moved[subscription.id] = one.moved
    return moved


class _Grants(NamedTuple):
    """The fleets that one subscription was granted, and those that it is granted from now on."""

    before: Set[int]
    after: Set[int]

    @property
    def new(self) -> Set[int]:
        """Granted by this change."""
        return self.after - self.before

    @property
    def gone(self) -> Set[int]:
        """Taken away by this change."""
        return self.before - self.after


class _Coverage:
    """What one subscription covers."""

    def __init__(self, transaction: Transaction, organization_id: int, row: Any, vehicle_id: int | None) -> None:
        self.moved = Moved(0, 0)
        self._transaction = transaction
        self._organization_id = organization_id
        self._id: int = row.id
        self._selector = selection.load(row.vehicles)
        self._removed = row.removed_us is not None  # there is nobody to tell any more
        self._tells_account = row.options.get("feed") == "account"  # the option by which a protocol asks for it
        self._before = streams.open_of(transaction.connection, row.id)
        self._vehicle_id = vehicle_id
        self._told: list[outbox.Told] = []

    def cover(self, vehicles: Mapping[int, _Vehicle], fleets: Mapping[str, tuple[int, int]]) -> None:
        """Make the streams those that the selector covers, and tell what changed."""
        before, wanted = self._of("vehicle"), self._wanted(vehicles)
        granted = {id_: shard for name, (id_, shard) in fleets.items() if name in self._selector.fleets}
        had = self._of("fleet")
        opened, ended = wanted.keys() - before.keys(), before.keys() - wanted.keys()
        self.moved = Moved(len(opened), len(ended))
        shards = {id_: vehicles[id_].shard for id_ in opened}
        grants = _Grants(had.keys(), granted.keys())
        new, gone = grants.new, grants.gone
        streams.open_all(self._transaction, self._id, shards | {id_: granted[id_] for id_ in new}, wanted)
        streams.end_all(self._transaction, [self._before[id_].id for id_ in ended | gone])
        if not (opened or ended or new or gone or self._tells_account) and all(
            before[id_].fleet_id == fleet_id for id_, fleet_id in wanted.items()
        ):
            return
        now = streams.open_of(self._transaction.connection, self._id)
        for id_ in sorted(new):
            self._tell(now[id_], words.AccessGrantedToFleet)
        for id_, row in before.items():
            if id_ in ended:
                self._tell_gone(row, grants)
            elif row.fleet_id != wanted[id_]:
                self._tell_moved(row, wanted[id_], grants)
        for id_ in sorted(opened):
            self._tell_came(now[id_], wanted[id_], grants)
        for id_ in sorted(gone):
            self._tell(self._before[id_], words.AccessRemovedFromFleet, farewell=True)
        self._tell_account(now, opened, ended)
        if not self._removed:
            outbox.tell(self._transaction, self._organization_id, self._told)

    def _of(self, kind: str) -> dict[int, Any]:
        """The streams of vehicles or fleets that were open; of vehicles only the one that is looked at."""
        only = self._vehicle_id if kind == "vehicle" else None
        return {id_: row for id_, row in self._before.items() if row.kind == kind and only in (None, id_)}

    def _wanted(self, vehicles: Mapping[int, _Vehicle]) -> dict[int, int | None]:
        """Vehicle -> the fleet that is told of it: the one through which it is covered, or a provider's; or None."""
        return {
            id_: vehicle.fleet_id if vehicle.fleet is None or vehicle.fleet in self._selector.fleets else None
            for id_, vehicle in vehicles.items()
            if self._selector.covers(plates=vehicle.plates, fleet=vehicle.fleet)
        }

    def _tell(self, stream: Any, word: Any, *, farewell: bool = False, **said: Any) -> None:
        made = word(at_us=self._transaction.now_us, subject_id=stream.subject_id, subscription_id=self._id, **said)
        self._told.append(outbox.Told(stream_id=stream.id, shard=stream.shard, word=made, farewell=farewell))

    def _tell_came(self, stream: Any, fleet_id: int | None, grants: _Grants) -> None:
        if fleet_id not in grants.after:
            self._tell(stream, words.AccessGrantedToVehicle)
        self._tell_joined(stream, fleet_id, grants)

    def _tell_joined(self, stream: Any, fleet_id: int | None, grants: _Grants) -> None:
        if fleet_id is not None and fleet_id not in grants.new:  # what a new grant's fleet holds is not told one by one
            self._tell(stream, words.VehicleAddedToFleet, fleet_id=fleet_id)

    def _tell_gone(self, stream: Any, grants: _Grants) -> None:
        if stream.fleet_id not in grants.gone:
            left = stream.fleet_id if stream.fleet_id in grants.before else None  # of a provider's it is not why
            self._tell(stream, words.AccessRemovedFromVehicle, farewell=True, left_fleet_id=left)

    def _tell_moved(self, stream: Any, fleet_id: int | None, grants: _Grants) -> None:
        """The vehicle stays, but by another grant or in another fleet: first what it left, then what it joined."""
        update = sa.update(schema.streams).where(schema.streams.c.id == stream.id).values(fleet_id=fleet_id)
        self._transaction.connection.execute(update)
        self._transaction.touched = True
        if stream.fleet_id is not None and stream.fleet_id not in grants.gone:
            self._tell(stream, words.VehicleRemovedFromFleet, fleet_id=stream.fleet_id)
        if stream.fleet_id in grants.before:
            self._tell_came(stream, fleet_id, grants)
        else:
            self._tell_joined(stream, fleet_id, grants)

    def _tell_account(self, now: Mapping[int, Any], opened: Collection[int], ended: Collection[int]) -> None:
        """The organization's account shares what the subscription covers, if it is to be told of accounts."""
        account = next((row for row in self._before.values() if row.kind == "account"), None)
        shared = [id_ for id_, row in now.items() if row.kind == "vehicle"] if self._tells_account else []
        if account is None and shared:
            account = self._open_account(now[shared[0]].shard)
            first, *more = _pieces(shared)
            self._tell(account, words.UserSignedUp, vehicle_ids=first)
            for vehicle_ids in more:
                self._tell(account, words.VehiclesShared, vehicle_ids=vehicle_ids)
        elif account is not None and not shared:
            streams.end_all(self._transaction, [account.id])
            self._tell(account, words.UserRemoved, farewell=True)
        elif account is not None:
            for vehicle_id in sorted(ended):
                self._tell(account, words.VehicleUnshared, vehicle_id=vehicle_id)
            for vehicle_ids in _pieces(sorted(opened)):
                self._tell(account, words.VehiclesShared, vehicle_ids=vehicle_ids)

    def _open_account(self, shard: int) -> Any:
        subjects, connection = schema.subjects, self._transaction.connection
        mine = sa.select(subjects.c.id, subjects.c.shard).where(
            subjects.c.organization_id == self._organization_id,
            subjects.c.kind == "account",
            subjects.c.name == _ACCOUNT,
            subjects.c.removed_us.is_(None),
        )
        found = connection.execute(mine).one_or_none()
        account_id = (
            found.id
            if found is not None
            else insert(
                connection,
                subjects,
                organization_id=self._organization_id,
                kind="account",
                shard=shard,
                name=_ACCOUNT,
                declared=False,
                created_us=self._transaction.now_us,
            )
        )
        streams.open_all(self._transaction, self._id, {account_id: shard if found is None else found.shard}, {})
        return streams.open_of(connection, self._id)[account_id]


def _pieces(ids: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(ids[i : i + VEHICLES_A_WORD]) for i in range(0, len(ids), VEHICLES_A_WORD)]


def _fleets(connection: sa.Connection, organization_id: int) -> dict[str, tuple[int, int]]:
    """Name -> id and shard of the organization's fleets."""
    subjects = schema.subjects.c
    query = sa.select(subjects.id, subjects.shard, subjects.name).where(
        subjects.organization_id == organization_id,
        subjects.kind == "fleet",
        subjects.name.is_not(None),
        subjects.removed_us.is_(None),
    )
    return {row.name: (row.id, row.shard) for row in connection.execute(query)}


def _vehicles(connection: sa.Connection, organization_id: int, vehicle_id: int | None) -> dict[int, _Vehicle]:
    subjects, identifiers, memberships = schema.subjects, schema.identifiers, schema.memberships
    withdrawn = sa.select(schema.consents.c.vehicle_id).where(~schema.consents.c.given)
    fleets = schema.subjects.alias("fleets")
    plates_query = sa.select(identifiers.c.subject_id, identifiers.c.value).where(
        identifiers.c.organization_id == organization_id, identifiers.c.namespace == PLATE
    )
    query = (
        sa.select(subjects.c.id, subjects.c.shard, fleets.c.name.label("fleet"), memberships.c.fleet_id)
        .outerjoin(memberships, (memberships.c.vehicle_id == subjects.c.id) & memberships.c.until_us.is_(None))
        .outerjoin(fleets, fleets.c.id == memberships.c.fleet_id)
        .where(
            subjects.c.organization_id == organization_id,
            subjects.c.kind == "vehicle",
            subjects.c.removed_us.is_(None),
            subjects.c.id.not_in(withdrawn),
        )
    )
    if vehicle_id is not None:
        query = query.where(subjects.c.id == vehicle_id)
        plates_query = plates_query.where(identifiers.c.subject_id == vehicle_id)
    plates: dict[int, list[str]] = defaultdict(list)
    for subject_id, value in connection.execute(plates_query):
        plates[subject_id].append(value)
    return {
        row.id: _Vehicle(row.shard, row.fleet_id, row.fleet, plates.get(row.id, ()))
        for row in connection.execute(query)
    }

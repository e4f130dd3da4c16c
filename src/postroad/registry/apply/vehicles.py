"""Makes an organization's vehicles those that a file wants.

A vehicle is known by its VIN where the registry has it, else by its plate, else by what a provider calls it: plates
move between vehicles, VINs do not. An identifier that the file declares replaces the one of that namespace. A plate or
VIN that it leaves out stays, unless pruning; what a provider calls a vehicle stays in any case: it may be learnt.
Vehicles that were learnt from what providers sent are not the file's to remove: pruning leaves them. But what a
provider calls such a vehicle is the file's to give to another (docs/decisions/0019).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from postroad.db import schema
from postroad.model.identifiers import PLATE, VIN
from postroad.registry import consents, memberships, subjects
from postroad.registry.apply import desired
from postroad.registry.apply.rows import Change, Rows
from postroad.registry.apply.source import Source
from postroad.registry.transaction import insert

_subjects, _identifiers, _memberships = schema.subjects, schema.identifiers, schema.memberships

_OF_THE_VEHICLE = (VIN, PLATE)
"""In the order in which they identify. The other namespaces are providers'."""


class Vehicles:
    """The vehicles of one organization as they are, and what makes them what they are to be."""

    def __init__(
        self,
        rows: Rows,
        source: Source,
        organization_id: int,
        *,
        prefix: str,
        namespaces: Mapping[str, Collection[str]],
    ) -> None:
        """Read the present state.

        ``prefix`` goes before a vehicle's name in the list of changes; ``namespaces`` are those in which the providers
        of each protocol name vehicles.
        """
        self._rows = rows
        self._source = source
        self._organization_id = organization_id
        self._prefix = prefix
        self._namespaces = namespaces
        self._forgotten: dict[tuple[str, str], int] = {}
        self._declared = self._read_declared()
        self._owners: dict[tuple[str, str], int] = {}
        self._of_subject: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._read_identifiers()
        self._fleets = self._read_fleets()

    def sync(self, wanted: Sequence[desired.Vehicle], fleets: Mapping[str, int], *, shard: int) -> None:
        """Make the vehicles those that are wanted; ``fleets`` are the organization's, by name; ``shard`` for new ones.

        Raises:
            ConfigError: An identifier belongs to a vehicle that is not in the file, and nothing is to be pruned; unless
                a provider calls a vehicle so that was learnt: that goes over to the file's.
        """
        matches = self._match(wanted)
        matched = set(matches.values())
        before = {i: self._shown(subject_id) for i, subject_id in matches.items()}
        wanted_ids = set[int]()
        for i, vehicle in enumerate(wanted):
            self._release(vehicle, matches.get(i), matched)
        for i, vehicle in enumerate(wanted):
            name = self._prefix + vehicle.name
            subject_id = matches.get(i)
            if subject_id is None:
                subject_id = subjects.insert_subject(
                    self._rows.transaction, self._organization_id, "vehicle", shard=shard, declared=True
                )
            self._identify(subject_id, vehicle)
            self._move(subject_id, fleets, vehicle.fleet)
            after = self._shown(subject_id)
            if i not in matches:
                fields = {field: (None, value) for field, value in after.items() if value is not None}
                self._rows.tell(Change(action="create", kind="vehicle", name=name, fields=fields), subject_id)
            elif after != before[i]:
                both = {field: (before[i].get(field), after.get(field)) for field in before[i] | after}
                differing = {field: (was, value) for field, (was, value) in both.items() if was != value}
                self._rows.tell(Change(action="update", kind="vehicle", name=name, fields=differing), subject_id)
            wanted_ids.add(subject_id)
        self._hand_over_consents()
        if self._rows.prune:
            self._prune(keep=wanted_ids, everything=False)

    def remove_all(self) -> None:
        """Remove every vehicle, learnt ones too: their organization goes."""
        self._prune(keep=set(), everything=True)

    def remove(self, subject_id: int) -> None:
        """Remove one vehicle. It is forgotten by name; what the log holds of it stays (that is erasure's)."""
        name = self._named(subject_id) or f"vehicle {subject_id}"
        for namespace, values in self._of_subject[subject_id].items():
            for value in list(values):
                self._forget(namespace, value)
        memberships.end(self._rows.transaction, _memberships.c.vehicle_id == subject_id)
        self._rows.remove(_subjects, subject_id)
        self._rows.tell(Change(action="delete", kind="vehicle", name=self._prefix + name), subject_id)

    def _match(self, wanted: Sequence[desired.Vehicle]) -> dict[int, int]:
        """Index of a wanted vehicle -> id of the subject that it is, where there is one."""
        matches: dict[int, int] = {}
        matches |= {i: vehicle.id for i, vehicle in enumerate(wanted) if vehicle.id is not None}
        taken = set(matches.values())
        of_providers = sorted(
            {namespace for vehicle in wanted for namespace in vehicle.identifiers} - {*_OF_THE_VEHICLE}
        )
        for namespace in (*_OF_THE_VEHICLE, *of_providers):
            for i, vehicle in enumerate(wanted):
                value = vehicle.identifiers.get(namespace)
                subject_id = None if value is None or i in matches else self._owners.get((namespace, value))
                if subject_id is None or subject_id in taken:
                    continue
                if namespace in _OF_THE_VEHICLE or not self._has_another_vin(subject_id, vehicle):
                    matches[i] = subject_id
                    taken.add(subject_id)
        return matches

    def _has_another_vin(self, subject_id: int, vehicle: desired.Vehicle) -> bool:
        """Whether a provider uses one name for two vehicles, now and before: a device that was moved, say."""
        vins = self._of_subject[subject_id][VIN]
        return VIN in vehicle.identifiers and bool(vins) and vehicle.identifiers[VIN] not in vins

    def _release(self, vehicle: desired.Vehicle, subject_id: int | None, matched: set[int]) -> None:
        """Take away the identifiers that a wanted vehicle has no more, and from others those that it is to have."""
        for namespace, value in vehicle.identifiers.items():
            owner = self._owners.get((namespace, value))
            if owner is None or owner == subject_id:
                continue
            learnt = namespace not in _OF_THE_VEHICLE and not self._declared[owner]
            if not (owner in matched or learnt or self._rows.prune):
                known = self._named(owner)
                named = f"vehicle {owner}" if known is None else f"vehicle {owner} ({known})"
                message = f"belongs to {named}, which is not declared beside it; only pruning takes it away"
                raise self._source.error(desired.path_of(vehicle.path, namespace), message)
            self._forget(namespace, value)
            if owner not in matched:
                fields = {namespace: (value, None)}
                name = self._prefix + (self._named(owner) or f"vehicle {owner}")
                self._rows.tell(Change(action="update", kind="vehicle", name=name, fields=fields), owner)
        if subject_id is None:
            return
        for namespace in {*_OF_THE_VEHICLE, *vehicle.identifiers}:
            if namespace in vehicle.identifiers or vehicle.id is not None or self._rows.prune:
                for value in self._of_subject[subject_id][namespace] - {vehicle.identifiers.get(namespace)}:
                    self._forget(namespace, value)

    def _forget(self, namespace: str, value: str) -> None:
        owner = self._forgotten[namespace, value] = self._owners.pop((namespace, value))
        self._of_subject[owner][namespace].discard(value)
        self._rows.connection.execute(
            sa.delete(_identifiers).where(
                _identifiers.c.organization_id == self._organization_id,
                _identifiers.c.namespace == namespace,
                _identifiers.c.value == value,
            )
        )
        self._rows.transaction.touched = True

    def _identify(self, subject_id: int, vehicle: desired.Vehicle) -> None:
        for namespace, value in vehicle.identifiers.items():
            if (namespace, value) not in self._owners:
                subjects.identify(self._rows.transaction, self._organization_id, subject_id, namespace, value)
                self._owners[namespace, value] = subject_id
                self._of_subject[subject_id][namespace].add(value)
        if not self._declared.get(subject_id, True):
            by_id = _subjects.c.id == subject_id
            self._rows.connection.execute(sa.update(_subjects).where(by_id).values(declared=True))
        self._declared[subject_id] = True

    def _hand_over_consents(self) -> None:
        """What providers said of their access goes with the identifiers by which they said it."""
        for protocol, namespaces in self._namespaces.items():
            moves = {
                owner: self._owners.get((namespace, value))
                for (namespace, value), owner in self._forgotten.items()
                if namespace in namespaces and namespace not in _OF_THE_VEHICLE
            }
            if moves:
                consents.hand_over(self._rows.transaction, self._organization_id, protocol, moves)

    def _move(self, subject_id: int, fleets: Mapping[str, int], fleet: str | None) -> None:
        if self._fleets.get(subject_id) == fleet:
            return
        now_us = self._rows.transaction.now_us
        if subject_id in self._fleets:
            del self._fleets[subject_id]
            memberships.end(self._rows.transaction, _memberships.c.vehicle_id == subject_id)
        if fleet is not None:
            self._fleets[subject_id] = fleet
            insert(self._rows.connection, _memberships, fleet_id=fleets[fleet], vehicle_id=subject_id, since_us=now_us)

    def _prune(self, *, keep: set[int], everything: bool) -> None:
        for subject_id, declared in self._declared.items():
            # A vehicle without any identifier can never be heard of again, however it was learnt.
            unknown = not any(self._of_subject[subject_id].values())
            if subject_id in keep or not (declared or everything or unknown):
                continue
            self.remove(subject_id)

    def _shown(self, subject_id: int) -> dict[str, object]:
        """A vehicle as the list of changes shows it."""
        identifiers = self._of_subject[subject_id]
        shown = (PLATE, VIN, *sorted(identifiers.keys() - {PLATE, VIN}))
        return {
            **{namespace: ", ".join(sorted(identifiers[namespace])) or None for namespace in shown},
            "fleet": self._fleets.get(subject_id),
            "declared": self._declared.get(subject_id) or None,
        }

    def _named(self, subject_id: int) -> str | None:
        """A vehicle's plate or VIN, if it has one."""
        identifiers = self._of_subject[subject_id]
        return min(identifiers[PLATE] or identifiers[VIN], default=None)

    def _read_declared(self) -> dict[int, bool]:
        live = sa.select(_subjects.c.id, _subjects.c.declared).where(
            _subjects.c.organization_id == self._organization_id,
            _subjects.c.kind == "vehicle",
            _subjects.c.removed_us.is_(None),
        )
        return {row.id: row.declared for row in self._rows.connection.execute(live)}

    def _read_identifiers(self) -> None:
        query = sa.select(_identifiers).where(_identifiers.c.organization_id == self._organization_id)
        for row in self._rows.connection.execute(query):
            if row.subject_id in self._declared:
                self._owners[row.namespace, row.value] = row.subject_id
                self._of_subject[row.subject_id][row.namespace].add(row.value)

    def _read_fleets(self) -> dict[int, str]:
        query = (
            sa.select(_memberships.c.vehicle_id, _subjects.c.name)
            .join(_subjects, _subjects.c.id == _memberships.c.fleet_id)
            .where(_subjects.c.organization_id == self._organization_id, _memberships.c.until_us.is_(None))
        )
        return {row.vehicle_id: row.name for row in self._rows.connection.execute(query)}

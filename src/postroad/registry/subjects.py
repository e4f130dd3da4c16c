"""Subjects: finding and creating them by their identifiers."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, NotFound
from postroad.model.identifiers import MAX_CHARS, PLATE, VIN, Issue, kind_of, normalise
from postroad.registry import coverage, drivers, issuing
from postroad.registry.records import Subject
from postroad.registry.transaction import Transaction, insert

_identifiers = schema.identifiers
_issued = schema.issued_numbers
_texts = schema.issued_texts
_subjects = schema.subjects
_LOOKED_UP_AT_ONCE = 1_000
_ONE_BY_ONE = 10
"""So few new vehicles are looked at one by one; for more it is cheaper to look at all of the organization's."""


def create_vehicle(
    transaction: Transaction,
    organization_id: int,
    identifiers: Mapping[str, str],
    *,
    shard: int,
    issue: Sequence[Issue],
) -> Subject:
    """Find the vehicle with these identifiers, or create it; see ``RegistryStore.create_vehicle``."""
    wanted = normalised(identifiers)
    owners = {ns: find(transaction.connection, organization_id, ns, value) for ns, value in wanted.items()}
    known = [owner for owner in owners.values() if owner is not None]
    if known:
        subject_id = known[0]
    else:
        _require_organization(transaction, organization_id)
        subject_id = insert_subject(transaction, organization_id, "vehicle", shard=shard, declared=False)
        if transaction.asked_for:
            fields = {namespace: (None, value) for namespace, value in wanted.items()}
            transaction.note(
                "create", "vehicle", subject_id, organization_id=organization_id, subject_id=subject_id, fields=fields
            )
    for namespace, owner in owners.items():
        if owner is None:
            identify(transaction, organization_id, subject_id, namespace, wanted[namespace])
    issuing.give(transaction, organization_id, issue, subject_id=subject_id)
    if transaction.touched:
        coverage.reconcile(transaction, organization_id, vehicle_id=subject_id)
    return load(transaction.connection, subject_id)


def create_named(
    transaction: Transaction,
    organization_id: int,
    namespace: str,
    values: Collection[str],
    *,
    shard: int,
    issue: Sequence[Issue],
) -> list[int]:
    """Find or create many subjects that a provider named; their ids. A few statements, however many there are.

    What they are says ``namespace`` (``model.identifiers.kind_of``); vehicles are treated as ``create_vehicle`` does,
    and drivers in the same way: they get their identifiers and streams. Accounts get their identifiers.
    Raises ``NotFound`` and ``ConfigError`` as that does; then none was created.
    """
    wanted = {normalised({namespace: value})[namespace] for value in values}
    known = _known(transaction.connection, organization_id, namespace, sorted(wanted))
    new, kind = sorted(wanted - known.keys()), kind_of(namespace)
    if new:
        _require_organization(transaction, organization_id)
        row = {"organization_id": organization_id, "kind": kind, "shard": shard, "declared": False}
        row["created_us"] = transaction.now_us
        made = sa.insert(_subjects).returning(_subjects.c.id, sort_by_parameter_order=True)
        ids = transaction.connection.scalars(made, [row] * len(new)).all()
        known |= dict(zip(new, ids, strict=True))
        named = {"organization_id": organization_id, "namespace": namespace}
        rows = [named | {"value": value, "subject_id": known[value]} for value in new]
        transaction.connection.execute(sa.insert(_identifiers), rows)
        transaction.touched = True
        if kind == "vehicle":
            for vehicle_id in ids if len(new) <= _ONE_BY_ONE else [None]:
                issuing.give(transaction, organization_id, issue, subject_id=vehicle_id)
                coverage.reconcile(transaction, organization_id, vehicle_id=vehicle_id)
        elif kind in ("driver", "account"):
            issuing.give(transaction, organization_id, [one for one in issue if one.of == kind])
        if kind == "driver":
            for driver_id in ids if len(new) <= _ONE_BY_ONE else [None]:
                drivers.reconcile(transaction, organization_id, driver_id=driver_id)
    return list(known.values())


def _known(connection: sa.Connection, organization_id: int, namespace: str, values: Sequence[str]) -> dict[str, int]:
    """Those of the normalised identifiers that somebody has, and who."""
    found: dict[str, int] = {}
    for start in range(0, len(values), _LOOKED_UP_AT_ONCE):
        query = sa.select(_identifiers.c.value, _identifiers.c.subject_id).where(
            _identifiers.c.organization_id == organization_id,
            _identifiers.c.namespace == namespace,
            _identifiers.c.value.in_(values[start : start + _LOOKED_UP_AT_ONCE]),
        )
        found |= {row.value: row.subject_id for row in connection.execute(query)}
    return found


def _require_organization(transaction: Transaction, organization_id: int) -> None:
    organization = schema.organizations
    live = sa.select(organization.c.id).where(organization.c.id == organization_id, organization.c.removed_us.is_(None))
    if transaction.connection.scalar(live) is None:
        raise NotFound(f"there is no organization {organization_id}")


def normalised(identifiers: Mapping[str, str]) -> dict[str, str]:
    """The identifiers as they are stored and compared.

    Raises:
        ConfigError: There is none, or one is empty, too long or cannot be stored.
    """
    if not identifiers:
        raise ConfigError("a vehicle needs at least one identifier")
    wanted = {namespace: normalise(namespace, value) for namespace, value in identifiers.items()}
    for namespace, value in wanted.items():
        if not value or len(value) > MAX_CHARS or not value.isprintable():
            raise ConfigError(f"a {namespace} has 1 to {MAX_CHARS} printable characters")
    return wanted


def find(connection: sa.Connection, organization_id: int, namespace: str, value: str) -> int | None:
    """The id of the subject with a normalised identifier."""
    subject_id: int | None = connection.scalar(
        sa.select(_identifiers.c.subject_id).where(
            _identifiers.c.organization_id == organization_id,
            _identifiers.c.namespace == namespace,
            _identifiers.c.value == value,
        )
    )
    return subject_id


def insert_subject(
    transaction: Transaction, organization_id: int, kind: str, *, shard: int, declared: bool, name: str | None = None
) -> int:
    """Create a subject and give its id."""
    transaction.touched = True
    return insert(
        transaction.connection,
        _subjects,
        organization_id=organization_id,
        kind=kind,
        shard=shard,
        name=name,
        declared=declared,
        created_us=transaction.now_us,
    )


def identify(transaction: Transaction, organization_id: int, subject_id: int, namespace: str, value: str) -> None:
    """Give a subject a normalised identifier that nobody has."""
    transaction.connection.execute(
        sa.insert(_identifiers).values(
            organization_id=organization_id, namespace=namespace, value=value, subject_id=subject_id
        )
    )
    transaction.touched = True


def load(connection: sa.Connection, subject_id: int) -> Subject:
    """A subject as a record."""
    row = connection.execute(sa.select(_subjects).where(_subjects.c.id == subject_id)).one()
    issued: dict[str, int | str] = {}
    issued |= {
        r.namespace: r.number for r in connection.execute(sa.select(_issued).where(_issued.c.subject_id == subject_id))
    }
    issued |= {
        r.namespace: r.text for r in connection.execute(sa.select(_texts).where(_texts.c.subject_id == subject_id))
    }
    named = sa.select(_identifiers).where(_identifiers.c.subject_id == subject_id).order_by(_identifiers.c.value.desc())
    names = {name.namespace: name.value for name in connection.execute(named)}
    return Subject(
        id=row.id,
        organization_id=row.organization_id,
        kind=row.kind,
        shard=row.shard,
        issued=issued,
        plate=names.get(PLATE),
        vin=names.get(VIN),
    )

"""Subjects: finding and creating vehicles by their identifiers, and issuing identifiers to them."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, NotFound
from postroad.model.identifiers import MAX_CHARS, PLATE, VIN, Issue, kind_of, normalise
from postroad.registry import coverage, drivers
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
    for namespace, owner in owners.items():
        if owner is None:
            identify(transaction, organization_id, subject_id, namespace, wanted[namespace])
    give(transaction, organization_id, issue, subject_id=subject_id)
    if transaction.touched:
        coverage.reconcile(transaction, organization_id, vehicle_id=subject_id)
        give(transaction, organization_id, [one for one in issue if one.of == "account"])
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
    and drivers in the same way: they get their identifiers and streams.
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
                give(transaction, organization_id, issue, subject_id=vehicle_id)
                coverage.reconcile(transaction, organization_id, vehicle_id=vehicle_id)
            give(transaction, organization_id, [one for one in issue if one.of == "account"])
        elif kind == "driver":
            give(transaction, organization_id, [one for one in issue if one.of == "driver"])
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


def give(
    transaction: Transaction, organization_id: int, issues: Sequence[Issue], *, subject_id: int | None = None
) -> dict[str, int]:
    """Give each subject of an organization (or one of them) what it lacks of the identifiers that the hub issues.

    Numbers count from 1. No identifier is ever given twice: the rows that hold them are never deleted.

    Returns:
        How many were given, by namespace; without those where none was.

    Raises:
        ConfigError: A namespace has no number left (2^31 - 1 were given).
    """
    given = {}
    for one in issues:
        lacking = _lacking(transaction.connection, organization_id, one, subject_id)
        if lacking:
            (_give_texts if one.text else _give_numbers)(transaction, one.namespace, lacking)
            transaction.touched = True
            given[one.namespace] = len(lacking)
    return given


def give_all(transaction: Transaction, issues: Sequence[Issue]) -> None:
    """``give`` for every organization: what a folder of an older Postroad lacks."""
    for organization_id in transaction.connection.scalars(sa.select(schema.organizations.c.id)).all():
        give(transaction, organization_id, issues)


def issued_identifiers(connection: sa.Connection) -> dict[int, dict[str, int | str]]:
    """Subject id -> namespace -> what the hub issued."""
    issued: dict[int, dict[str, int | str]] = defaultdict(dict)
    for number in connection.execute(sa.select(_issued)):
        issued[number.subject_id][number.namespace] = number.number
    for text in connection.execute(sa.select(_texts)):
        issued[text.subject_id][text.namespace] = text.text
    return issued


def _give_numbers(transaction: Transaction, namespace: str, lacking: Sequence[int]) -> None:
    highest = sa.select(sa.func.max(_issued.c.number)).where(_issued.c.namespace == namespace)
    last = transaction.connection.scalar(highest) or 0
    if last + len(lacking) > schema.INT32_MAX:
        raise ConfigError(f"the namespace {namespace} has no numbers left")
    rows = [
        {"namespace": namespace, "number": number, "subject_id": id_} for number, id_ in enumerate(lacking, last + 1)
    ]
    transaction.connection.execute(sa.insert(_issued), rows)


def _give_texts(transaction: Transaction, namespace: str, lacking: Sequence[int]) -> None:
    rows = [
        {"namespace": namespace, "text": str(uuid.UUID(bytes=transaction.random(16), version=4)), "subject_id": id_}
        for id_ in lacking
    ]
    transaction.connection.execute(sa.insert(_texts), rows)


def _lacking(connection: sa.Connection, organization_id: int, one: Issue, subject_id: int | None) -> Sequence[int]:
    table = _texts if one.text else _issued
    query = (
        sa.select(_subjects.c.id)
        .outerjoin(table, (table.c.subject_id == _subjects.c.id) & (table.c.namespace == one.namespace))
        .where(
            _subjects.c.organization_id == organization_id,
            _subjects.c.kind == one.of,
            _subjects.c.removed_us.is_(None),
            table.c.subject_id.is_(None),
        )
        .order_by(_subjects.c.id)
    )
    if subject_id is not None:
        query = query.where(_subjects.c.id == subject_id)
    return connection.scalars(query).all()


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

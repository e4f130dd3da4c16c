"""Subjects: finding and creating vehicles by their identifiers, and issuing numbers to them."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, NotFound
from postroad.model.identifiers import MAX_CHARS, kind_of, normalise
from postroad.registry import streams
from postroad.registry.records import Subject
from postroad.registry.transaction import Transaction, insert

_identifiers = schema.identifiers
_issued = schema.issued_numbers
_subjects = schema.subjects
_LOOKED_UP_AT_ONCE = 1_000


def create_vehicle(
    transaction: Transaction, organization_id: int, identifiers: Mapping[str, str], *, shard: int, issue: Sequence[str]
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
    issue_numbers(transaction, organization_id, issue, vehicle_id=subject_id)
    if transaction.touched:
        streams.reconcile(transaction, organization_id, vehicle_id=subject_id)
    return load(transaction.connection, subject_id)


def create_named(
    transaction: Transaction,
    organization_id: int,
    namespace: str,
    values: Collection[str],
    *,
    shard: int,
    issue: Sequence[str],
) -> list[int]:
    """Find or create many subjects that a provider named; their ids. A few statements, however many there are.

    What they are says ``namespace`` (``model.identifiers.kind_of``); vehicles are treated as ``create_vehicle`` does.
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
            issue_numbers(transaction, organization_id, issue)
            streams.reconcile(transaction, organization_id)
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


def issue_numbers(
    transaction: Transaction, organization_id: int, namespaces: Sequence[str], *, vehicle_id: int | None = None
) -> dict[str, int]:
    """Give each vehicle of an organization (or one of them) a number in each namespace where it has none.

    Numbers count from 1 and are never given twice: rows of ``issued_numbers`` are never deleted.

    Returns:
        How many numbers were given, by namespace; without those where none was.

    Raises:
        ConfigError: A namespace has no number left (2^31 - 1 were given).
    """
    given = {}
    for namespace in namespaces:
        lacking = _lacking_number(transaction.connection, organization_id, namespace, vehicle_id)
        if not lacking:
            continue
        highest = sa.select(sa.func.max(_issued.c.number)).where(_issued.c.namespace == namespace)
        last = transaction.connection.scalar(highest) or 0
        if last + len(lacking) > schema.INT32_MAX:
            raise ConfigError(f"the namespace {namespace} has no numbers left")
        rows = [
            {"namespace": namespace, "number": number, "subject_id": id_}
            for number, id_ in enumerate(lacking, last + 1)
        ]
        transaction.connection.execute(sa.insert(_issued), rows)
        transaction.touched = True
        given[namespace] = len(rows)
    return given


def _lacking_number(
    connection: sa.Connection, organization_id: int, namespace: str, vehicle_id: int | None
) -> Sequence[int]:
    query = (
        sa.select(_subjects.c.id)
        .outerjoin(_issued, (_issued.c.subject_id == _subjects.c.id) & (_issued.c.namespace == namespace))
        .where(
            _subjects.c.organization_id == organization_id,
            _subjects.c.kind == "vehicle",
            _subjects.c.removed_us.is_(None),
            _issued.c.number.is_(None),
        )
        .order_by(_subjects.c.id)
    )
    if vehicle_id is not None:
        query = query.where(_subjects.c.id == vehicle_id)
    return connection.scalars(query).all()


def load(connection: sa.Connection, subject_id: int) -> Subject:
    """A subject as a record."""
    row = connection.execute(sa.select(_subjects).where(_subjects.c.id == subject_id)).one()
    issued = connection.execute(sa.select(_issued).where(_issued.c.subject_id == subject_id))
    return Subject(
        id=row.id,
        organization_id=row.organization_id,
        kind=row.kind,
        shard=row.shard,
        issued={number.namespace: number.number for number in issued},
    )

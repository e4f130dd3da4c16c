"""Reads a ``RegistryView``: everything the running hub asks the registry, of one moment."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from postroad.db import schema
from postroad.model.identifiers import PLATE, VIN
from postroad.registry import (
    granted,
    issuing,
    outbox,
    selection,
    service_accounts,
    signing,
    streams,
    tokens,
    vehicle_owners,
)
from postroad.registry.records import (
    Destination,
    Grant,
    Integration,
    Organization,
    Provider,
    Receiver,
    RegistryView,
    Service,
    Subject,
    Subscription,
    Upstream,
)


def read_version(connection: sa.Connection) -> int:
    """The registry's version."""
    return int(connection.execute(sa.select(schema.registry_version.c.version)).scalar_one())


def read_view(connection: sa.Connection) -> RegistryView:
    """The registry as ``connection``'s snapshot has it.

    What was removed is left out, with three exceptions: every revision of decoding settings there ever was, because the
    log still holds items to be read by them, every ended stream, and subjects, of which it
    may still have to be told that they are no more.
    """
    settings = _provider_settings(connection)
    providers = _providers(connection, settings)
    organizations = {row.id: Organization(row.id, row.name) for row in connection.execute(_live(schema.organizations))}
    integrations = {
        row.id: Integration(row.id, row.organization_id, row.name, Service(**row.service) if row.service else None)
        for row in connection.execute(_live(schema.integrations))
    }
    return RegistryView(
        version=read_version(connection),
        organizations=organizations,
        providers=providers,
        provider_settings=settings,
        tokens=tokens.active(connection, "provider", providers),
        clients=tokens.clients(connection, providers),
        integration_tokens=tokens.active(connection, "integration", integrations),
        api_keys=tokens.active_keys(connection, organizations),
        service_accounts=service_accounts.active(connection, organizations, providers, integrations),
        subjects=_subjects(connection),
        identifiers={
            (row.organization_id, row.namespace, row.value): row.subject_id
            for row in connection.execute(sa.select(schema.identifiers))
        },
        destinations=_destinations(connection),
        subscriptions=_subscriptions(connection, integrations),
        streams={row.id: streams.record_of(row) for row in connection.execute(sa.select(schema.streams))},
        integrations=integrations,
        grants=_grants(connection),
        accesses=granted.accesses(connection),
        people=vehicle_owners.people(connection),
        told=outbox.told(connection),
        outbox_end=outbox.end(connection),
        blocked=frozenset(connection.scalars(sa.select(schema.blocked.c.digest))),
        block_key=connection.scalar(sa.select(schema.block_key.c.sealed)),
    )


def _live(table: sa.Table) -> sa.Select[Any]:
    """Rows that were not removed, in the order in which they were made."""
    return sa.select(table).where(table.c.removed_us.is_(None)).order_by(table.c.id)


def _provider_settings(connection: sa.Connection) -> dict[tuple[int, int], dict[str, Any]]:
    rows = connection.execute(sa.select(schema.provider_revisions))
    return {(row.provider_id, row.revision): row.settings for row in rows}


def _providers(connection: sa.Connection, settings: dict[tuple[int, int], dict[str, Any]]) -> dict[int, Provider]:
    upstreams, receivers = _upstreams(connection), _receivers(connection)
    return {
        row.id: Provider(
            id=row.id,
            organization_id=row.organization_id,
            name=row.name,
            protocol=row.protocol,
            unknown_vehicles=row.unknown_vehicles,
            revision=row.revision,
            settings=settings[row.id, row.revision],
            upstream=upstreams.get(row.id),
            receiver=receivers.get(row.id),
        )
        for row in connection.execute(_live(schema.providers))
    }


def _upstreams(connection: sa.Connection) -> dict[int, Upstream]:
    sealed = _sealed(connection, schema.upstream_secrets)
    return {
        row.provider_id: Upstream(config=row.config, sealed=sealed.get(row.provider_id, {}))
        for row in connection.execute(sa.select(schema.upstreams))
    }


def _receivers(connection: sa.Connection) -> dict[int, Receiver]:
    sealed = _sealed(connection, schema.receiver_secrets)
    return {
        row.provider_id: Receiver(transport=row.transport, config=row.config, sealed=sealed.get(row.provider_id, {}))
        for row in connection.execute(sa.select(schema.receivers))
    }


def _sealed(connection: sa.Connection, table: sa.Table) -> dict[int, dict[str, bytes]]:
    """Provider id -> its sealed secrets by path."""
    sealed: dict[int, dict[str, bytes]] = defaultdict(dict)
    for row in connection.execute(sa.select(table)):
        sealed[row.provider_id][row.path] = row.sealed
    return sealed


def _subjects(connection: sa.Connection) -> dict[int, Subject]:
    issued = issuing.issued_identifiers(connection)
    known: dict[str, dict[int, str]] = {PLATE: {}, VIN: {}}
    named = sa.select(schema.identifiers).where(schema.identifiers.c.namespace.in_(known))
    for row in connection.execute(named.order_by(schema.identifiers.c.value.desc())):
        known[row.namespace][row.subject_id] = row.value
    members = schema.memberships
    in_fleets = sa.select(members.c.vehicle_id, members.c.fleet_id).where(members.c.until_us.is_(None))
    fleets = {row.vehicle_id: row.fleet_id for row in connection.execute(in_fleets)}
    return {
        row.id: Subject(
            id=row.id,
            organization_id=row.organization_id,
            kind=row.kind,
            shard=row.shard,
            issued=issued.get(row.id, {}),
            plate=known[PLATE].get(row.id),
            vin=known[VIN].get(row.id),
            fleet_id=fleets.get(row.id),
            removed=row.removed_us is not None,
        )
        for row in connection.execute(sa.select(schema.subjects).order_by(schema.subjects.c.id))
    }


def _destinations(connection: sa.Connection) -> dict[int, Destination]:
    sealed: dict[int, dict[str, bytes]] = defaultdict(dict)
    for row in connection.execute(sa.select(schema.destination_secrets)):
        sealed[row.destination_id][row.path] = row.sealed
    return {
        row.id: Destination(
            id=row.id,
            integration_id=row.integration_id,
            name=row.name,
            transport=row.transport,
            config=row.config,
            sealed=sealed.get(row.id, {}),
            limits=row.limits,
        )
        for row in connection.execute(_live(schema.destinations))
    }


def _subscriptions(connection: sa.Connection, integrations: Mapping[int, Integration]) -> dict[int, Subscription]:
    secrets = signing.read(connection)
    return {
        row.id: Subscription(
            id=row.id,
            integration_id=row.integration_id,
            organization_id=integrations[row.integration_id].organization_id,
            name=row.name,
            protocol=row.protocol,
            destination_id=row.destination_id,
            types=tuple(row.types),
            vehicles=selection.load(row.vehicles).by,
            options=row.options,
            delivery=row.delivery,
            state=row.state,
            paused_reason=row.paused_reason,
            paused_us=row.paused_us,
            signing=secrets.get(row.id, ()),
        )
        for row in connection.execute(_live(schema.subscriptions))
    }


def _grants(connection: sa.Connection) -> dict[int, Grant]:
    grants, owners = schema.grants, schema.subjects
    still_open = (
        sa.select(grants, owners.c.kind)
        .join(owners, owners.c.id == grants.c.subject_id)
        .where(grants.c.until_us.is_(None))
        .order_by(grants.c.id)
    )
    return {
        row.id: Grant(
            id=row.id,
            integration_id=row.integration_id,
            subject_id=row.subject_id,
            kind=row.kind,
            since_us=row.since_us,
            account_id=row.account_id,
            scopes=None if row.scopes is None else frozenset(row.scopes),
        )
        for row in connection.execute(still_open)
    }

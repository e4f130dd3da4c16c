"""Makes the registry what a file wants it to be, in one transaction, from organizations down to streams."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import ConfigError, StoreCorrupt
from postroad.model.identifiers import Issue
from postroad.registry import (
    checkpoints,
    consents,
    coverage,
    drivers,
    grants,
    issuing,
    memberships,
    selection,
    service_accounts,
    signing,
    subscriptions,
    tokens,
    upstreams,
)
from postroad.registry.apply import desired
from postroad.registry.apply.rows import Change, Rows
from postroad.registry.apply.source import Source
from postroad.registry.apply.vehicles import Vehicles
from postroad.registry.notes import SECRET
from postroad.registry.records import RoleName, Service
from postroad.registry.secrets import KeyRing, receiver_place, secret_place, upstream_place
from postroad.registry.transaction import Transaction

Removable = Literal["organization", "provider", "fleet", "integration", "destination", "subscription"]


class _Sealed(NamedTuple):
    """Where secrets of one kind are kept."""

    table: sa.Table
    owner: str
    """Its column."""
    place: Callable[[int, str], str]
    kind: str
    field: str
    """Under which they stand in the file."""


class Reconciler:
    """One run of ``apply``. What it removes, it empties first: it applies an empty one, since only pruning removes."""

    def __init__(
        self,
        transaction: Transaction,
        source: Source,
        *,
        keys: KeyRing,
        shard: int,
        issue: Sequence[Issue],
        namespaces: Mapping[str, Collection[str]],
        prune: bool,
        part: bool = False,
    ) -> None:
        """Work within ``transaction``.

        ``shard`` is for subjects that are new, ``issue`` as in ``create_vehicle``, ``namespaces`` as in ``Vehicles``.
        ``part``: it is no whole document, so that what it says nothing of is not given out of its hands.
        """
        self._part = part
        self._rows = Rows(transaction, prune=prune)
        self._transaction = transaction
        self._connection = transaction.connection
        self._source = source
        self._keys = keys
        self._shard = shard
        self._issue = issue
        self._namespaces = namespaces

    def run(self, wanted: Sequence[desired.Organization]) -> list[Change]:
        """Change what differs, and tell what that was."""
        ids = self._rows.sync(
            schema.organizations,
            "organization",
            {},
            {organization.name: {} for organization in wanted},
            prefix="",
            remove=self._remove_organization,
        )
        for organization in wanted:
            self._organization(ids[organization.name], organization)
        return self._rows.changes

    def remove(self, kind: Removable, id_: int, name: str, *, organization_id: int) -> list[Change]:
        """Remove one thing, and what belongs to it; ``name`` is its full one. Pruning must be allowed."""
        self._rows.organization_id = organization_id
        table, empty = self._removals()[kind]
        self._rows.delete(table, kind, id_, name, empty=empty)
        if kind != "organization":
            self._follow(organization_id, f"{name.partition('/')[0]}/", {})
        return self._rows.changes

    def remove_vehicle(self, id_: int, *, organization_id: int, organization: str) -> list[Change]:
        """Remove one vehicle, whoever made it known."""
        self._rows.organization_id = organization_id
        prefix = f"{organization}/"
        self._vehicles(organization_id, prefix).remove(id_)
        self._follow(organization_id, prefix, {})
        return self._rows.changes

    def _removals(self) -> dict[Removable, tuple[sa.Table, Callable[[int, str], object]]]:
        return {
            "organization": (schema.organizations, self._remove_organization),
            "provider": (schema.providers, self._remove_provider),
            "fleet": (schema.subjects, self._empty_fleet),
            "integration": (schema.integrations, self._remove_integration),
            "destination": (schema.destinations, self._remove_destination),
            "subscription": (schema.subscriptions, self._forget_signing),
        }

    def _organization(self, id_: int, wanted: desired.Organization) -> None:
        prefix = f"{wanted.name}/"
        self._rows.organization_id = id_
        self._providers(id_, wanted.providers, prefix)
        fleets = self._fleets(id_, wanted.fleets, prefix)
        if wanted.vehicles or self._rows.prune:  # a part without them need not read them all
            self._vehicles(id_, prefix).sync(wanted.vehicles, fleets, shard=self._shard)
        integrations = self._rows.sync(
            schema.integrations,
            "integration",
            {"organization_id": id_},
            {integration.name: {"service": _service(integration.service)} for integration in wanted.integrations},
            prefix=prefix,
            remove=self._remove_integration,
        )
        names = dict[int, str]()
        for integration in wanted.integrations:
            inner = f"{prefix}{integration.name}/"
            ids_by_name = self._integration(integrations[integration.name], integration, inner)
            names |= {subscription_id: inner + name for name, subscription_id in ids_by_name.items()}
        self._follow(id_, prefix, names)

    def _follow(self, id_: int, prefix: str, names: Mapping[int, str]) -> None:
        """Have an organization's identifiers, grants and streams follow from what was changed."""
        for namespace, count in issuing.give(self._transaction, id_, self._issue).items():
            fields = {"subjects": (None, count)}
            self._rows.tell(Change(action="create", kind="identifier", name=prefix + namespace, fields=fields))
        grants.end_dead(self._transaction)
        self._streams(id_, names)

    def _remove_integration(self, id_: int, name: str) -> None:
        self._revoke("integration", id_)
        self._integration(id_, desired.Integration(name=name), f"{name}/")

    def _revoke(self, role: RoleName, owner_id: int) -> None:
        tokens.revoke_all(self._transaction, role, owner_id)
        service_accounts.revoke_all(self._transaction, role, owner_id)

    def _remove_organization(self, id_: int, name: str) -> None:
        self._revoke("auditor", id_)
        self._revoke("fleet_owner", id_)
        self._vehicles(id_, f"{name}/").remove_all()
        self._organization(id_, desired.Organization(name=name))

    def _vehicles(self, organization_id: int, prefix: str) -> Vehicles:
        return Vehicles(self._rows, self._source, organization_id, prefix=prefix, namespaces=self._namespaces)

    def _providers(self, organization_id: int, wanted: Sequence[desired.Provider], prefix: str) -> None:
        table = schema.providers
        owner = {"organization_id": organization_id}
        mine = sa.select(table).where(table.c.organization_id == organization_id, table.c.removed_us.is_(None))
        before = {row.id: row for row in self._connection.execute(mine)}
        values = {p.name: {"protocol": p.protocol, "unknown_vehicles": p.unknown_vehicles} for p in wanted}
        ids = self._rows.sync(
            table, "provider", owner, values, prefix=prefix, remove=self._remove_provider, new={"revision": 1}
        )
        for provider in wanted:
            id_ = ids[provider.name]
            self._settings(id_, before.get(id_), provider, prefix + provider.name)
            self._upstream(id_, provider.upstream, prefix + provider.name)
            self._receiver(id_, provider.receiver, prefix + provider.name)

    def _upstream(self, id_: int, wanted: desired.Upstream | None, name: str) -> None:
        """Store how the provider's control plane is reached; what a file leaves out is gone."""
        table = schema.upstreams
        mine = table.c.provider_id == id_
        before = self._connection.execute(sa.select(table.c.config).where(mine)).scalar_one_or_none()
        config = None if wanted is None else wanted.config
        if before != config:
            self._connection.execute(sa.delete(table).where(mine))
            if config is not None:
                self._connection.execute(sa.insert(table).values(provider_id=id_, config=config))
            else:
                upstreams.forget(self._transaction, id_)
            self._rows.tell(
                Change(action="update", kind="provider", name=name, fields={"upstream": (before, config)}), id_
            )
        sealed = _Sealed(schema.upstream_secrets, "provider_id", upstream_place, "provider", "upstream")
        self._secrets(sealed, id_, {} if wanted is None else wanted.secrets, name)

    def _receiver(self, id_: int, wanted: desired.Receiver | None, name: str) -> None:
        """Store how the provider's messages are received; what a file leaves out is gone, with how far it had come."""
        table = schema.receivers
        mine = table.c.provider_id == id_
        row = self._connection.execute(sa.select(table).where(mine)).one_or_none()
        before = None if row is None else {"transport": row.transport, "config": row.config}
        after = None if wanted is None else {"transport": wanted.transport, "config": wanted.config}
        if before != after:
            self._connection.execute(sa.delete(table).where(mine))
            if after is None:
                checkpoints.forget(self._transaction, id_)
            else:
                self._connection.execute(sa.insert(table).values(provider_id=id_, **after))
            self._rows.tell(
                Change(action="update", kind="provider", name=name, fields={"receive": (before, after)}), id_
            )
        sealed = _Sealed(schema.receiver_secrets, "provider_id", receiver_place, "provider", "receive.config")
        self._secrets(sealed, id_, {} if wanted is None else wanted.secrets, name)

    def _settings(
        self, id_: int, before: sa.Row[tuple[object, ...]] | None, wanted: desired.Provider, name: str
    ) -> None:
        """Store the settings as a new revision if they, or the protocol that reads them, are not what they were."""
        table = schema.provider_revisions
        revision, settings = 1, None
        if before is not None:
            current = (table.c.provider_id == id_) & (table.c.revision == before.revision)
            settings = self._connection.execute(sa.select(table.c.settings).where(current)).scalar_one()
            if settings == wanted.settings and before.protocol == wanted.protocol:
                return
            revision = before.revision + 1
            by_id = schema.providers.c.id == id_
            self._connection.execute(sa.update(schema.providers).where(by_id).values(revision=revision))
        self._connection.execute(
            sa.insert(table).values(
                provider_id=id_, revision=revision, settings=wanted.settings, created_us=self._transaction.now_us
            )
        )
        fields = {"settings": (settings, wanted.settings), "revision": (revision - 1 or None, revision)}
        self._rows.tell(Change(action="update", kind="provider", name=name, fields=fields), id_)

    def _remove_provider(self, id_: int, name: str) -> None:
        self._revoke("provider", id_)
        self._upstream(id_, None, name)
        self._receiver(id_, None, name)
        consents.forget(self._transaction, id_)

    def _fleets(self, organization_id: int, wanted: Sequence[str], prefix: str) -> dict[str, int]:
        return self._rows.sync(
            schema.subjects,
            "fleet",
            {"organization_id": organization_id, "kind": "fleet", "declared": True},  # the others are providers'
            {name: {} for name in wanted},
            prefix=prefix,
            remove=self._empty_fleet,
            new={"shard": self._shard, "created_us": self._transaction.now_us},
        )

    def _integration(self, id_: int, wanted: desired.Integration, prefix: str) -> dict[str, int]:
        """Give the ids of the integration's subscriptions, by name."""
        owner = {"integration_id": id_}
        destinations = self._rows.sync(
            schema.destinations,
            "destination",
            owner,
            {d.name: {"transport": d.transport, "config": d.config, "limits": d.limits} for d in wanted.destinations},
            prefix=prefix,
            remove=self._remove_destination,
        )
        for destination in wanted.destinations:
            sealed = _Sealed(schema.destination_secrets, "destination_id", secret_place, "destination", "config")
            self._secrets(sealed, destinations[destination.name], destination.secrets, prefix + destination.name)
        names = {destination_id: name for name, destination_id in destinations.items()}
        before = self._states(id_)
        self._clear(id_, wanted.subscriptions)
        ids = self._rows.sync(
            schema.subscriptions,
            "subscription",
            owner,
            {
                s.name: {
                    "destination_id": destinations[s.destination],
                    "protocol": s.protocol,
                    "types": list(s.types),
                    "vehicles": s.vehicles.stored(),
                    "drivers": s.drivers.stored(),
                    "options": s.options,
                    "delivery": s.delivery,
                }
                for s in wanted.subscriptions
            },
            prefix=prefix,
            remove=self._forget_signing,
            new={"state": "active"},
            shown=lambda column, value: names.get(value, value) if column == "destination_id" else value,
        )
        for subscription in wanted.subscriptions:
            subscription_id, name = ids[subscription.name], prefix + subscription.name
            self._state(subscription_id, before.get(subscription_id), subscription.state, name)
            if subscription.signing is None and self._part:
                continue
            had = signing.declare(self._transaction, subscription_id, subscription.signing, self._keys)
            if had is not None:
                fields = {"signing.secrets": (SECRET if had else None, SECRET if subscription.signing else None)}
                change = Change(action="update", kind="subscription", name=name, fields=fields)
                self._rows.tell(change, subscription_id)
        return ids

    def _clear(self, integration_id: int, wanted: Sequence[desired.Subscription]) -> None:
        """Have subscriptions begin anew of which another says from now on what they cover."""
        table = schema.subscriptions
        mine = sa.select(table.c.id, table.c.name, table.c.vehicles).where(
            table.c.integration_id == integration_id, table.c.removed_us.is_(None)
        )
        by = {subscription.name: subscription.vehicles.by for subscription in wanted}
        for row in self._connection.execute(mine).all():
            if by.get(row.name) not in {None, selection.load(row.vehicles).by}:
                coverage.clear(self._transaction, row.id)

    def _states(self, integration_id: int) -> dict[int, tuple[str, str | None]]:
        """State and reason of the integration's subscriptions, by id, before anything changes."""
        table = schema.subscriptions
        query = sa.select(table.c.id, table.c.state, table.c.paused_reason)
        mine = query.where(table.c.integration_id == integration_id)
        return {row.id: (row.state, row.paused_reason) for row in self._connection.execute(mine)}

    def _state(
        self,
        id_: int,
        before: tuple[str, str | None] | None,
        wanted: subscriptions.State | None,
        name: str,
    ) -> None:
        """Pause or resume as the file says; but what the hub paused by itself, only a person resumes."""
        state, by_the_hub = before or ("active", None)
        if wanted is None or wanted == state or by_the_hub is not None:
            return
        subscriptions.set_state(self._transaction, id_, wanted)
        fields = {"state": (None if before is None else state, wanted)}
        self._rows.tell(Change(action="update", kind="subscription", name=name, fields=fields), id_)

    def _secrets(self, kept: "_Sealed", owner_id: int, wanted: Mapping[str, str], name: str) -> None:
        """Seal the secrets that are new or others than before; sealing the same one again would change its bytes."""
        table = kept.table
        of_owner = table.c[kept.owner] == owner_id
        found = {row.path: row.sealed for row in self._connection.execute(sa.select(table).where(of_owner))}
        for path in sorted(found.keys() | wanted.keys()):
            before, secret, place = found.get(path), wanted.get(path), kept.place(owner_id, path)
            if before is not None and secret is not None and self._opens_to(before, place, secret):
                continue
            self._connection.execute(sa.delete(table).where(of_owner, table.c.path == path))
            if secret is not None:
                row = {kept.owner: owner_id, "path": path, "sealed": self._keys.seal(place, secret)}
                self._connection.execute(sa.insert(table).values(row))
            field = f"{kept.field}.{path}"
            fields = {field: (None if before is None else SECRET, None if secret is None else SECRET)}
            self._rows.tell(Change(action="update", kind=kept.kind, name=name, fields=fields), owner_id)

    def _opens_to(self, sealed: bytes, place: str, secret: str) -> bool:
        try:
            return self._keys.unseal(place, sealed) == secret
        except (ConfigError, StoreCorrupt):
            return False  # its key is lost, or it is damaged: sealing it anew is the cure

    def _remove_destination(self, id_: int, _name: str) -> None:
        table = schema.destination_secrets
        self._connection.execute(sa.delete(table).where(table.c.destination_id == id_))

    def _empty_fleet(self, id_: int, _name: str) -> None:
        memberships.end(self._transaction, schema.memberships.c.fleet_id == id_)

    def _forget_signing(self, id_: int, _name: str) -> None:
        signing.forget(self._transaction, id_)

    def _streams(self, organization_id: int, names: Mapping[int, str]) -> None:
        """Open and end streams; those of a subscription that goes need no telling of their own."""
        moves = {
            "vehicles": coverage.reconcile(self._transaction, organization_id),
            "drivers": drivers.reconcile(self._transaction, organization_id),
        }
        for what, of_subscriptions in moves.items():
            for subscription_id, moved in of_subscriptions.items():
                name = names.get(subscription_id)
                if name is not None and moved.opened:
                    opened = {what: (None, moved.opened)}
                    self._rows.tell(Change(action="create", kind="stream", name=name, fields=opened))
                if name is not None and moved.ended:
                    ended = {what: (moved.ended, None)}
                    self._rows.tell(Change(action="delete", kind="stream", name=name, fields=ended))


def _service(wanted: Service | None) -> dict[str, str]:
    """As it is stored: nothing, where the integration is not offered to owners."""
    return {} if wanted is None else msgspec.structs.asdict(wanted)

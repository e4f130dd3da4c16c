"""What is declared, part by part, in the words in which it would be declared: the opposite of ``apply``.

What is read here can be declared again, and changes nothing. A secret is never shown: where one is set its field is
null, and its path is among the part's ``secrets``.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from postroad.db import schema
from postroad.errors import NotFound
from postroad.registry import selection
from postroad.registry.secrets import split_path

_MAX_DIGITS = 18


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is declared."""

    id: int
    name: str
    data: Mapping[str, Any]
    """As in a document (``postroad.registry.apply.document``)."""
    secrets: tuple[str, ...] = ()
    """The paths in ``data`` of secrets that are set."""
    more: Mapping[str, Any] = {}
    """What is known of it besides, by the names of REST."""


class Declared:
    """Reads what is declared, as one transaction sees it.

    Parts are given in the order of their ids. What is named by a text of digits is meant by its id.
    """

    def __init__(self, connection: sa.Connection) -> None:
        """``connection`` is that of the transaction."""
        self.connection = connection

    def organizations(self) -> list[Part]:
        """Every organization."""
        return [_named(row) for row in self._rows(schema.organizations, {})]

    def organization(self, named: str) -> Part:
        """One of them. Raises ``NotFound``."""
        return one_of(self.organizations(), named)

    def providers(self, organization_id: int) -> list[Part]:
        """The providers of an organization."""
        rows = self._rows(schema.providers, {"organization_id": organization_id})
        settings = self._settings([row.id for row in rows])
        table = schema.upstreams
        upstreams = {row.provider_id: row.config for row in self.connection.execute(sa.select(table))} if rows else {}
        sealed = self._secret_paths(schema.upstream_secrets, "provider_id")
        receivers = self._receivers() if rows else {}
        received = self._secret_paths(schema.receiver_secrets, "provider_id")
        return [
            Part(
                id=row.id,
                name=row.name,
                data={
                    "name": row.name,
                    "protocol": row.protocol,
                    "unknown_vehicles": row.unknown_vehicles,
                    "settings": settings[row.id, row.revision],
                    "upstream": _with_nulls(upstreams[row.id], sealed[row.id]) if row.id in upstreams else None,
                    "receive": receivers.get(row.id),
                },
                secrets=(
                    *(f"upstream.{path}" for path in sealed[row.id]),
                    *(f"receive.config.{path}" for path in received[row.id]),
                ),
                more={"revision": row.revision},
            )
            for row in rows
        ]

    def provider(self, organization_id: int, named: str) -> Part:
        """One of them. Raises ``NotFound``."""
        return one_of(self.providers(organization_id), named)

    def fleets(self, organization_id: int) -> list[Part]:
        """The fleets of an organization that somebody declared; the others are as providers tell of them."""
        owner = {"organization_id": organization_id, "kind": "fleet", "declared": True}
        return [_named(row) for row in self._rows(schema.subjects, owner)]

    def fleet(self, organization_id: int, named: str) -> Part:
        """One of them. Raises ``NotFound``."""
        return one_of(self.fleets(organization_id), named)

    def integrations(self, organization_id: int) -> list[Part]:
        """The integrations of an organization, without what belongs to them."""
        return [
            Part(id=row.id, name=row.name, data={"name": row.name, "service": row.service or None})
            for row in self._rows(schema.integrations, {"organization_id": organization_id})
        ]

    def integration(self, organization_id: int, named: str) -> Part:
        """One of them. Raises ``NotFound``."""
        return one_of(self.integrations(organization_id), named)

    def destinations(self, integration_id: int) -> list[Part]:
        """The destinations of an integration."""
        sealed = self._secret_paths(schema.destination_secrets, "destination_id")
        return [
            Part(
                id=row.id,
                name=row.name,
                data={
                    "name": row.name,
                    "transport": row.transport,
                    "config": _with_nulls(row.config, sealed[row.id]),
                    "limits": row.limits,
                },
                secrets=tuple(f"config.{path}" for path in sealed[row.id]),
            )
            for row in self._rows(schema.destinations, {"integration_id": integration_id})
        ]

    def destination(self, integration_id: int, named: str) -> Part:
        """One of them. Raises ``NotFound``."""
        return one_of(self.destinations(integration_id), named)

    def subscriptions(self, integration_id: int) -> list[Part]:
        """The subscriptions of an integration."""
        rows = self._rows(schema.subscriptions, {"integration_id": integration_id})
        names = {row.id: row.name for row in self._rows(schema.destinations, {"integration_id": integration_id})}
        table = schema.subscription_secrets
        signed = set(self.connection.scalars(sa.select(table.c.subscription_id)))
        return [
            Part(
                id=row.id,
                name=row.name,
                data={
                    "name": row.name,
                    "protocol": row.protocol,
                    "destination": names[row.destination_id],
                    "types": row.types,
                    "vehicles": selection.load(row.vehicles).declared(),
                    "drivers": selection.load_drivers(row.drivers).declared(),
                    "options": row.options,
                    "delivery": row.delivery,
                    "state": row.state,
                },
                secrets=("signing.secrets",) if row.id in signed else (),
                more={"paused_reason": row.paused_reason},
            )
            for row in rows
        ]

    def subscription(self, integration_id: int, named: str) -> Part:
        """One of them. Raises ``NotFound``."""
        return one_of(self.subscriptions(integration_id), named)

    def _rows(self, table: sa.Table, owner: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
        mine = [table.c[column] == value for column, value in owner.items()]
        query = sa.select(table).where(*mine, table.c.removed_us.is_(None)).order_by(table.c.id)
        return self.connection.execute(query).all()

    def _settings(self, provider_ids: Sequence[int]) -> dict[tuple[int, int], Any]:
        table = schema.provider_revisions
        query = sa.select(table).where(table.c.provider_id.in_(provider_ids))
        return {(row.provider_id, row.revision): row.settings for row in self.connection.execute(query)}

    def _receivers(self) -> dict[int, Any]:
        """Provider id -> how its messages are received."""
        sealed = self._secret_paths(schema.receiver_secrets, "provider_id")
        return {
            row.provider_id: {"transport": row.transport, "config": _with_nulls(row.config, sealed[row.provider_id])}
            for row in self.connection.execute(sa.select(schema.receivers))
        }

    def _secret_paths(self, table: sa.Table, owner: str) -> dict[int, list[str]]:
        paths: dict[int, list[str]] = defaultdict(list)
        for row in self.connection.execute(sa.select(table.c[owner].label("owner"), table.c.path).order_by("path")):
            paths[row.owner].append(row.path)
        return paths


def _named(row: sa.Row[Any]) -> Part:
    return Part(id=row.id, name=row.name, data={"name": row.name})


def one_of(parts: Sequence[Part], named: str) -> Part:
    """A part by its name, which is never all digits, or by its id. Raises ``NotFound``."""
    is_id = named.isascii() and named.isdigit() and len(named) <= _MAX_DIGITS
    for part in parts:
        if part.id == int(named) if is_id else part.name == named:
            return part
    raise NotFound("there is none of that name")


def _with_nulls(public: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    """A config with null where a secret is set."""
    config: dict[str, Any] = msgspec.to_builtins(public)  # a copy, all the way down
    for path in secrets:
        *outer, last = split_path(path)
        mapping = config
        for key in outer:
            mapping = mapping.setdefault(key, {})
        mapping[last] = None
    return config

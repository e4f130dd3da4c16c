"""Changes one part of what is declared: as if it had been applied from a file, with only that part in it.

A part is put into a document together with what it is tied to, read from the registry: what belongs to an integration
stands with the rest of that integration. Then it is checked and reconciled like any document. So there is no second
idea of what may be declared, nor of what follows from it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import sqlalchemy as sa
from msgspec import structs

from postroad.db import schema
from postroad.errors import ConfigError, NotFound
from postroad.registry import subjects
from postroad.registry.apply import desired
from postroad.registry.apply.catalogue import Catalogue
from postroad.registry.apply.check import Checker
from postroad.registry.apply.declared import Declared, Part
from postroad.registry.apply.reconcile import Reconciler, Removable
from postroad.registry.apply.rows import Change
from postroad.registry.apply.secret_fields import Written
from postroad.registry.apply.source import Plain, Source
from postroad.registry.secrets import KeyRing, receiver_place, secret_place, upstream_place
from postroad.registry.transaction import Transaction

_STEP: Final = re.compile(r"\.(organizations|providers|integrations|destinations)\[(\d+)\]")


class InUse(ConfigError):
    """What is to be removed is needed by something else."""


class Declaring:
    """Puts and removes parts, within one transaction.

    Whatever is put is a mapping as it would stand in a file, less that secrets are written out, and null stands for one
    that is set. Errors name fields of it from there on.
    """

    def __init__(self, under_way: Transaction, *, catalogue: Catalogue, keys: KeyRing, shard: int) -> None:
        """``catalogue``, ``keys`` and ``shard`` as in ``apply_file``."""
        self.declared = Declared(under_way.connection)
        self._under_way = under_way
        self._catalogue = catalogue
        self._keys = keys
        self._shard = shard

    def apply(self, source: Source, *, prune: bool) -> list[Change]:
        """Make the registry what a whole document declares. Raises ``ConfigError``."""
        return self._reconciler(source, prune=prune, part=False).run(self._checked(source))

    def put_organization(self, name: str) -> list[Change]:
        """Have an organization of this name."""
        return self._put({"name": name})

    def put_provider(self, organization: Part, body: Mapping[str, Any]) -> list[Change]:
        """Have this provider in an organization. Raises ``ConfigError``."""
        return self._put({"name": organization.name, "providers": [body]}, "providers[0]")

    def put_fleet(self, organization: Part, body: Mapping[str, Any]) -> list[Change]:
        """Have this fleet in an organization. Raises ``ConfigError``."""
        return self._put({"name": organization.name, "fleets": [body]}, "fleets[0]")

    def put_integration(self, organization: Part, body: Mapping[str, Any]) -> list[Change]:
        """Have this integration in an organization; what belongs to it stays. Raises ``ConfigError``."""
        there = [one for one in self.declared.integrations(organization.id) if one.name == body["name"]]
        whole = {**self._whole(there[0]), **body} if there else body
        return self._put(self._with_fleets(organization, whole), "integrations[0]")

    def put_destination(self, organization: Part, integration: Part, body: Mapping[str, Any]) -> list[Change]:
        """Have this destination in an integration. What is sent there must still fit. Raises ``ConfigError``."""
        return self._put_within(organization, integration, "destinations", body)

    def put_subscription(self, organization: Part, integration: Part, body: Mapping[str, Any]) -> list[Change]:
        """Have this subscription in an integration. Raises ``ConfigError``."""
        return self._put_within(organization, integration, "subscriptions", body)

    def put_vehicle(self, organization: Part, body: Mapping[str, Any], *, id_: int | None = None) -> tuple[int, bool]:
        """Have this vehicle: the one with ``id_``, else the one that its identifiers name, else a new one.

        Returns:
            Its id, and whether it is new.

        Raises:
            ConfigError: It cannot be; an identifier belongs to another vehicle that somebody declared, say.
        """
        fleets = [fleet.data for fleet in self.declared.fleets(organization.id)]
        document = {"name": organization.name, "fleets": fleets, "vehicles": [body]}
        source = Plain({"organizations": [document]}, within="organizations[0].vehicles[0]")
        (whole,) = self._checked(source)
        (vehicle,) = whole.vehicles
        wanted = structs.replace(whole, vehicles=(structs.replace(vehicle, id=id_),))
        changes = self._reconciler(source).run([wanted])
        namespace, value = next(iter(vehicle.identifiers.items()))
        found = subjects.find(self._under_way.connection, organization.id, namespace, value)
        assert found is not None  # noqa: S101 - it was just made so
        return found, any((one.action, one.kind) == ("create", "vehicle") for one in changes)

    def remove_vehicle(self, organization: Part, id_: int) -> list[Change]:
        """Have a vehicle no more. ``id_`` is that of one that there is."""
        reconciler = self._reconciler(Plain({}), prune=True)
        return reconciler.remove_vehicle(id_, organization_id=organization.id, organization=organization.name)

    def remove(self, kind: Removable, part: Part, *owners: Part) -> list[Change]:
        """Remove a part and what belongs to it; ``owners`` are its organization, and its integration if it has one.

        Raises:
            InUse: It is a destination to which something is sent, or all that an integration's service stands on.
        """
        if kind == "destination":
            self._require_unused(part, owners[-1])
        if kind == "subscription":
            self._require_complete_without(part, *owners)
        name = "/".join(one.name for one in (*owners, part))
        organization_id = (*owners, part)[0].id
        return self._reconciler(Plain({}), prune=True).remove(kind, part.id, name, organization_id=organization_id)

    def _require_unused(self, destination: Part, integration: Part) -> None:
        users = [s for s in self.declared.subscriptions(integration.id) if s.data["destination"] == destination.name]
        if users:
            raise InUse(f"subscription {users[0].name!r} is sent there: remove it first, or give it another")

    def _require_complete_without(self, subscription: Part, organization: Part, integration: Part) -> None:
        whole = self._whole(integration)
        whole["subscriptions"] = [one for one in whole["subscriptions"] if one["name"] != subscription.name]
        try:
            self._checked(Plain({"organizations": [self._with_fleets(organization, whole)]}))
        except ConfigError as exc:
            raise InUse(f"without it the integration would be wrong: {exc.message}") from exc

    def _put_within(
        self, organization: Part, integration: Part, kind: Literal["destinations", "subscriptions"], body: Any
    ) -> list[Change]:
        whole = self._whole(integration)
        parts = whole[kind]
        index = next((i for i, one in enumerate(parts) if one["name"] == body["name"]), len(parts))
        parts[index : index + 1] = [body]
        return self._put(self._with_fleets(organization, whole), f"integrations[0].{kind}[{index}]")

    def _whole(self, integration: Part) -> dict[str, Any]:
        """An integration as a document has it."""
        return {
            **integration.data,
            "destinations": [one.data for one in self.declared.destinations(integration.id)],
            "subscriptions": [one.data for one in self.declared.subscriptions(integration.id)],
        }

    def _with_fleets(self, organization: Part, integration: Mapping[str, Any]) -> dict[str, Any]:
        """An organization with one integration, and all the fleets that this could name."""
        fleets = [fleet.data for fleet in self.declared.fleets(organization.id)]
        return {"name": organization.name, "fleets": fleets, "integrations": [integration]}

    def _put(self, organization: Mapping[str, Any], within: str = "") -> list[Change]:
        place = ".".join(step for step in ("organizations[0]", within) if step)
        source = Plain({"organizations": [organization]}, within=place)
        return self._reconciler(source).run(self._checked(source))

    def _checked(self, source: Source) -> tuple[desired.Organization, ...]:
        resolver = Written(source, _Kept(self._under_way.connection, source, self._keys).secret)
        return Checker(source, self._catalogue, resolver).organizations()

    def _reconciler(self, source: Source, *, prune: bool = False, part: bool = True) -> Reconciler:
        return Reconciler(
            self._under_way,
            source,
            keys=self._keys,
            shard=self._shard,
            issue=self._catalogue.issues,
            namespaces=self._catalogue.vehicle_namespaces,
            prune=prune,
            part=part,
        )


class _Kept:
    """The secrets that are set, found by where their config stands in a document: by the names of its owners there."""

    def __init__(self, connection: sa.Connection, source: Source, keys: KeyRing) -> None:
        self._connection = connection
        self._source = source
        self._keys = keys
        self._owners: dict[str, Part | None] = {}

    def secret(self, config: str, field: str) -> str | None:
        """The secret of a field of the config at a path. Raises ``ConfigError`` if it cannot be opened."""
        if config not in self._owners:
            self._owners[config] = self._owner(config)
        owner = self._owners[config]
        if owner is None:
            return None
        place: Callable[[int, str], str]
        if config.endswith(".upstream"):
            table, column, place = schema.upstream_secrets, "provider_id", upstream_place
        elif config.endswith(".receive.config"):
            table, column, place = schema.receiver_secrets, "provider_id", receiver_place
        else:
            table, column, place = schema.destination_secrets, "destination_id", secret_place
        query = sa.select(table.c.sealed).where(table.c[column] == owner.id, table.c.path == field)
        sealed = self._connection.scalar(query)
        return None if sealed is None else self._keys.unseal(place(owner.id, field), sealed)

    def _owner(self, config: str) -> Part | None:
        """The provider or destination whose config it is, if the registry has it already."""
        names, at = list[str](), self._source.data
        for kind, index in _STEP.findall(config):
            at = at[kind][int(index)]
            names.append(at["name"])
        declared = Declared(self._connection)
        try:
            organization = declared.organization(names[0])
            if len(names) == len(("organization", "provider")):
                return declared.provider(organization.id, names[1])
            integration = declared.integration(organization.id, names[1])
            return declared.destination(integration.id, names[2])
        except NotFound:
            return None

"""What a file wants the registry to be: checked, its names normalised, its secrets at hand.

Every part knows its ``path`` in the file, for errors that only the registry's present state can show.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from postroad.model.identifiers import PLATE, VIN
from postroad.registry.records import Service
from postroad.registry.selection import DriverSelector, Selector


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """See ``records.Upstream``. ``secrets`` are open, by path: never shown, never logged."""

    config: dict[str, Any]
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Upstream(config={self.config!r})"


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """See ``records.Receiver``. ``secrets`` are open, by path: never shown, never logged."""

    transport: str
    config: dict[str, Any]
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Receiver(transport={self.transport!r}, config={self.config!r})"


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """See ``records.Provider``."""

    name: str
    protocol: str
    unknown_vehicles: str
    settings: dict[str, Any]
    upstream: Upstream | None = None
    receiver: Receiver | None = None


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle by its normalised identifiers (namespace -> value, one or more)."""

    path: str
    identifiers: Mapping[str, str]
    fleet: str | None
    id: int | None = None
    """Which vehicle is meant, whatever it is known by; None: it is found by its identifiers. Of one that is meant, the
    plate and the VIN that are left out here go."""

    @property
    def name(self) -> str:
        """What the list of changes calls it: its plate, else its VIN, else as a provider identifies it."""
        return next(self.identifiers[ns] for ns in (PLATE, VIN, *sorted(self.identifiers)) if ns in self.identifiers)


def path_of(vehicle: str, namespace: str) -> str:
    """The path of an identifier, within that of its vehicle."""
    return f"{vehicle}.{namespace}" if namespace in (PLATE, VIN) else f"{vehicle}.identifiers.{namespace}"


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """See ``records.Destination``. ``secrets`` are open, by path: never shown, never logged."""

    name: str
    transport: str
    config: dict[str, Any]
    limits: dict[str, Any]
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Destination(name={self.name!r}, transport={self.transport!r})"


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """See ``records.Subscription``. ``signing`` holds open secrets: never shown, never logged."""

    name: str
    protocol: str
    destination: str
    types: tuple[str, ...]
    vehicles: Selector
    drivers: DriverSelector
    options: dict[str, Any]
    delivery: dict[str, Any]
    state: Literal["active", "paused"] | None
    """None: as it is; active when new."""
    signing: tuple[str, ...] | None
    """The newest first. None: as it is."""

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Subscription(name={self.name!r}, protocol={self.protocol!r}, destination={self.destination!r})"


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """See ``records``."""

    name: str
    service: Service | None = None
    destinations: tuple[Destination, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """See ``records.Organization``."""

    name: str
    providers: tuple[Provider, ...] = ()
    fleets: tuple[str, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    integrations: tuple[Integration, ...] = ()

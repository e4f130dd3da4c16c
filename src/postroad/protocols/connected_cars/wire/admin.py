"""Admin events: who gave or withdrew access, and which vehicle joined or left which fleet."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from postroad.protocols.connected_cars.wire.fields import Int32, WireEvent


class AdminEvent(WireEvent, frozen=True, kw_only=True):
    """What every admin event has. Samples of them never carry the newer page's key of the market."""

    organization_key: Annotated[
        str | UnsetType | None, Meta(description="market within which ids are unique, newer page")
    ] = UNSET


class AccessGrantedToFleet(AdminEvent, frozen=True, kw_only=True, tag="access_granted_to_fleet"):
    """A fleet gave access."""

    fleet_id: Int32


class AccessGrantedToVehicle(AdminEvent, frozen=True, kw_only=True, tag="access_granted_to_vehicle"):
    """A vehicle gave access."""

    vehicle_id: Int32


class AccessRemovedFromFleet(AdminEvent, frozen=True, kw_only=True, tag="access_removed_from_fleet"):
    """A fleet withdrew access, or ceased to exist."""

    fleet_id: Int32


class AccessRemovedFromVehicle(AdminEvent, frozen=True, kw_only=True, tag="access_removed_from_vehicle"):
    """A vehicle withdrew access, or left a fleet that had given it."""

    vehicle_id: Int32


class VehicleAddedToFleet(AdminEvent, frozen=True, kw_only=True, tag="vehicle_added_to_fleet"):
    """A vehicle joined a fleet."""

    fleet_id: Int32
    vehicle_id: Int32


class VehicleRemovedFromFleet(AdminEvent, frozen=True, kw_only=True, tag="vehicle_removed_from_fleet"):
    """A vehicle left a fleet; sent before the fleet that it moves to."""

    fleet_id: Int32
    vehicle_id: Int32

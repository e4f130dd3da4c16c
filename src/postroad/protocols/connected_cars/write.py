"""From the common language to the bytes of events."""

from postroad.model.events import AccessChanged, Event, MembershipChanged, Report
from postroad.protocols.base import Addressing, Outgoing
from postroad.protocols.connected_cars import times
from postroad.protocols.connected_cars.envelope import Envelope
from postroad.protocols.connected_cars.events import NAME
from postroad.protocols.connected_cars.options import Options
from postroad.protocols.connected_cars.relay import relay
from postroad.protocols.connected_cars.report import say
from postroad.protocols.connected_cars.said import Said, encode, encode_event
from postroad.protocols.connected_cars.slots import OTHER, SLOTS
from postroad.protocols.connected_cars.wire.admin import (
    AccessGrantedToFleet,
    AccessGrantedToVehicle,
    AccessRemovedFromFleet,
    AccessRemovedFromVehicle,
    VehicleAddedToFleet,
    VehicleRemovedFromFleet,
)
from postroad.protocols.connected_cars.wire.fields import WireEvent


def write(
    event: Event,
    *,
    to: Addressing,
    position: int,
    options: Options,
) -> list[Outgoing]:
    """The events that say what the event says, by ascending slot (so that ids ascend too). Pure.

    Nothing is said about a vehicle or a fleet that has no number. The VIN, if known, the profile of 2026 sends.
    """
    if not isinstance(event, (Report, AccessChanged, MembershipChanged)):
        return []
    if isinstance(event, AccessChanged) and event.to_hub and not options.relay_access:
        return []
    of_fleet = isinstance(event, AccessChanged) and event.of == "fleet"
    if not isinstance(to.vehicle_id, int) and not of_fleet:
        return []
    vehicle_id = to.vehicle_id if isinstance(to.vehicle_id, int) else 0  # what is about a fleet names no vehicle
    envelope = Envelope(position, vehicle_id, to.fleet_id, to.vin, options)
    if event.original is not None and event.original.protocol == NAME:
        relayed = relay(event.original.said, envelope)
        return [] if relayed is None else [_outgoing(relayed)]
    if isinstance(event, Report):
        return [Outgoing(slot, encode_event(one)) for slot, one in say(event, envelope)]
    admin = _admin(event, envelope)
    return [] if admin is None else [_outgoing(Said(admin))]


def _outgoing(said: Said) -> Outgoing:
    return Outgoing(SLOTS.get(said.type, SLOTS[OTHER]), encode(said))


def _admin(event: AccessChanged | MembershipChanged, envelope: Envelope) -> WireEvent | None:
    """The admin event; None when it is about a fleet that has no number."""
    time = times.timestamp(event.header.recorded_us)
    fleet_id, vehicle_id = envelope.fleet_id, envelope.vehicle_id
    if isinstance(event, MembershipChanged):
        if fleet_id is None:
            return None
        name = "vehicle_added_to_fleet" if event.joined else "vehicle_removed_from_fleet"
        moved = VehicleAddedToFleet if event.joined else VehicleRemovedFromFleet
        return moved(id=envelope.id(name), time=time, fleet_id=fleet_id, vehicle_id=vehicle_id)
    name = f"access_{'granted_to' if event.granted else 'removed_from'}_{event.of}"
    if event.of == "vehicle":
        of_vehicle = AccessGrantedToVehicle if event.granted else AccessRemovedFromVehicle
        return of_vehicle(id=envelope.id(name), time=time, vehicle_id=vehicle_id)
    if fleet_id is None:
        return None
    of_fleet = AccessGrantedToFleet if event.granted else AccessRemovedFromFleet
    return of_fleet(id=envelope.id(name), time=time, fleet_id=fleet_id)

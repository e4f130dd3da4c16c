"""An event that came in by this protocol goes out by it, with every fact kept but the numbers, which are the hub's.

So its fields stay as they were, those too that nobody knows; the spelling follows the subscription's profile.
"""

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from postroad.protocols.connected_cars import times
from postroad.protocols.connected_cars.envelope import Envelope
from postroad.protocols.connected_cars.said import Said, type_of
from postroad.protocols.connected_cars.slots import OTHER
from postroad.protocols.connected_cars.wire.can import (
    CanOilDegradationPercent,
    CanOilDegrationPercent,
    DailyCanOdometerKm,
)
from postroad.protocols.connected_cars.wire.fields import VehicleEvent, WireEvent
from postroad.protocols.connected_cars.wire.other import OtherEvent

_DAY_US = 86_400 * 1_000_000


def relay(said: Said, envelope: Envelope) -> Said | None:
    """The event with the hub's numbers; None when it is about a fleet for which there is none."""
    if isinstance(said.event, OtherEvent):
        other = _other(said.event, envelope)
        return None if other is None else Said(other, said.extra)
    event = _spelled(said.event, envelope)
    changes: dict[str, Any] = {}
    if hasattr(event, "vehicle_id"):
        changes["vehicle_id"] = envelope.vehicle_id
    if hasattr(event, "fleet_id"):
        if envelope.fleet_id is None and not isinstance(event, VehicleEvent):
            return None
        changes["fleet_id"] = envelope.fleet_id
    if isinstance(event, VehicleEvent):
        changes |= {name: value for name, value in envelope.market().items() if _own(event, name)}
    return Said(replace(event, id=envelope.id(type_of(event)), **changes), said.extra)


def _own(event: VehicleEvent, name: str) -> bool:
    """The market is the hub's own word; a VIN is only added where there was none."""
    return name == "organization_key" or getattr(event, name) is UNSET


def _spelled(event: WireEvent, envelope: Envelope) -> WireEvent:
    """The event under the profile's name, and a day's ``time`` as the profile has it."""
    older = envelope.options.profile == "2023-08"
    match event:
        case CanOilDegradationPercent() if older:
            return CanOilDegrationPercent(**asdict(event))
        case CanOilDegrationPercent() if not older:
            return CanOilDegradationPercent(**asdict(event))
        case DailyCanOdometerKm():
            us = times.instant_us(event.time, or_date=True)
            return replace(event, time=envelope.day(us)) if us % _DAY_US == 0 else event
    return event


def _other(event: OtherEvent, envelope: Envelope) -> OtherEvent | None:
    changes: dict[str, Any] = {"id": envelope.id(OTHER)}
    of_vehicle = isinstance(event.vehicle_id, int)
    if of_vehicle:
        changes["vehicle_id"] = envelope.vehicle_id
    if isinstance(event.fleet_id, int):
        if envelope.fleet_id is None and not of_vehicle:
            return None
        changes["fleet_id"] = envelope.fleet_id
    return replace(event, **changes)

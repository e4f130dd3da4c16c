"""What an event says in the common language.

Beside it stands the event as it was said: sent on by this protocol it keeps what the common language has no word for.
"""

from typing import Any, Literal

from postroad.model.events import (
    AccessChanged,
    Event,
    ExternalPower,
    HarshManoeuvre,
    Header,
    Identifier,
    Idling,
    Ignition,
    MalfunctionLamp,
    MembershipChanged,
    Occurrence,
    Original,
    Position,
    Report,
    ServiceBooking,
    TroubleCode,
    Value,
)
from postroad.protocols.base import Item
from postroad.protocols.connected_cars.read import FLEET, identifier
from postroad.protocols.connected_cars.said import Said
from postroad.protocols.connected_cars.settings import ConnectedCarsSettings
from postroad.protocols.connected_cars.vocabulary import SIGNAL_OF, from_can
from postroad.protocols.connected_cars.wire.admin import (
    AccessGrantedToFleet,
    AccessGrantedToVehicle,
    AccessRemovedFromFleet,
    AccessRemovedFromVehicle,
    VehicleAddedToFleet,
    VehicleRemovedFromFleet,
)
from postroad.protocols.connected_cars.wire.car import (
    CalcVehicleIdle,
    CarIgnition,
    CarProfiling,
    GpioBatteryExternalDisconnect,
    GpsPosition,
)
from postroad.protocols.connected_cars.wire.service import CarServiceBooking
from postroad.protocols.connected_cars.wire.trouble import CanDtc, CanMilLamp, MappedDtc

NAME = "connected_cars"

_Manoeuvre = Literal["acceleration", "braking", "turn_left", "turn_right"]
_MANOEUVRES: dict[str, _Manoeuvre] = {
    "acceleration": "acceleration",
    "brake": "braking",
    "turn_left": "turn_left",
    "turn_right": "turn_right",
}
_SEVERITIES: dict[str, Literal["low", "medium", "high"]] = {"low": "low", "medium": "medium", "high": "high"}
_CHANGES: dict[str, Literal["added", "changed", "removed"]] = {
    "add": "added",
    "change": "changed",
    "remove": "removed",
}
_PENDING, _CONFIRMED, _LAMP = 1 << 2, 1 << 3, 1 << 7
"""Bits of a trouble code's status byte (ISO 14229-1)."""


def events(item: Item, header: Header, settings: ConnectedCarsSettings) -> tuple[Event, ...]:
    """One event; of an unknown type it says nothing but the original."""
    said: Said = item.wire
    original = Original(NAME, said)
    match said.event:
        case AccessGrantedToFleet() | AccessRemovedFromFleet() as admin:
            granted = isinstance(admin, AccessGrantedToFleet)
            return (AccessChanged(header=header, of="fleet", granted=granted, to_hub=True, original=original),)
        case AccessGrantedToVehicle() | AccessRemovedFromVehicle() as admin:
            granted = isinstance(admin, AccessGrantedToVehicle)
            return (AccessChanged(header=header, of="vehicle", granted=granted, to_hub=True, original=original),)
        case VehicleAddedToFleet() | VehicleRemovedFromFleet() as admin:
            fleet = Identifier(FLEET, identifier(admin.fleet_id, admin.organization_key or "", settings))
            joined = isinstance(admin, VehicleAddedToFleet)
            return (MembershipChanged(header=header, joined=joined, fleet=fleet, original=original),)
        case event:
            return (
                Report(
                    header=header,
                    position=_position(event) if isinstance(event, GpsPosition) else None,
                    readings=_readings(event, said.type),
                    occurrences=_occurrences(event),
                    from_can=from_can(said.type),
                    original=original,
                ),
            )


def _position(event: GpsPosition) -> Position:
    return Position(
        latitude_deg=event.latitude,
        longitude_deg=event.longitude,
        speed_kmh=_float(event.speed),
        heading_deg=None if event.direction is None else float(event.direction % 360),
        horizontal_error_m=_float(event.eph),
        hdop=None if event.hdop is None else event.hdop / 100,
    )


def _readings(event: Any, wire_type: str) -> dict[str, Value]:
    signal = SIGNAL_OF.get(wire_type)
    if signal is not None:
        return {signal.name: signal.type(event.value)}
    match event:
        case CarIgnition():
            return {"ignition": event.value}
        case CanMilLamp():
            return {"malfunction_lamp": event.value}
    return {}


def _occurrences(event: Any) -> tuple[Occurrence, ...]:
    match event:
        case CarIgnition():
            return (Ignition(event.value),)
        case CalcVehicleIdle():
            return (Idling(event.value),)
        case CarProfiling():
            return _harsh(event)
        case CanMilLamp():
            return (MalfunctionLamp(event.value),)
        case GpioBatteryExternalDisconnect():
            return (ExternalPower(connected=not event.value),)
        case CanDtc():
            return (_raw_code(event),)
        case MappedDtc():
            return (_mapped_code(event),)
        case CarServiceBooking():
            return (ServiceBooking(event.booking_id, event.booking_status.lower(), event.value),)
    return ()


def _harsh(event: CarProfiling) -> tuple[Occurrence, ...]:
    """Nothing for a direction that is not on the vendor's page."""
    direction, _, severity = event.direction.rpartition("_")
    if direction not in _MANOEUVRES or severity not in _SEVERITIES:
        return ()
    return (HarshManoeuvre(_MANOEUVRES[direction], event.g_force, event.g_force, _SEVERITIES[severity]),)


def _raw_code(event: CanDtc) -> TroubleCode:
    change = _CHANGES.get(event.diff or "")
    status = _byte(event.status)
    return TroubleCode(
        code=event.code,
        format=event.source_type or None,
        ecu=event.ecu,
        change=change,
        active=None if change is None else change != "removed",
        pending=None if status is None else bool(status & _PENDING),
        confirmed=None if status is None else bool(status & _CONFIRMED),
        lamp_requested=None if status is None else bool(status & _LAMP),
    )


def _mapped_code(event: MappedDtc) -> TroubleCode:
    return TroubleCode(
        code=event.code_id,
        format=event.vendor_id,
        ecu=event.ecu,
        active=event.enabled,
        pending=event.status.pending,
        confirmed=event.status.confirmed,
        lamp_requested=event.status.warning_indicator_requested,
    )


def _byte(text: str | None) -> int | None:
    """A status byte; None when it is none."""
    try:
        value = int(text or "", 16)
    except ValueError:
        return None
    return value if 0 <= value <= 0xFF else None


def _float(value: int | None) -> float | None:
    return None if value is None else float(value)

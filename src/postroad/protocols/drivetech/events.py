"""What an item says in the common language, and what in it does not fit together."""

from typing import Final

from postroad.model.events import (
    DeviceBatteryLow,
    Door,
    DriverIdentified,
    Event,
    GnssSignal,
    HarshManoeuvre,
    Header,
    Idling,
    Ignition,
    Occurrence,
    Original,
    Overspeed,
    PanicButton,
    Position,
    Report,
    Value,
)
from postroad.protocols.base import Item
from postroad.protocols.drivetech.settings import DrivetechSettings
from postroad.protocols.drivetech.wire import (
    STATES,
    DoorEvent,
    DriverId,
    Gps,
    GpsSignal,
    HarshBehavior,
    IdlingEvent,
    Ign,
    Injection,
    LowBattery,
    OverSpeed,
    Sos,
    WireEvent,
)

STANDARD_GRAVITY_M_S2 = 9.80665

WARNINGS: Final = (
    "ignition_disagrees",  # IGN's status and ign_input
    "doors_disagree",  # DOOR's status and doors
    "gnss_disagrees",  # GPS_SIGNAL's status and gps_status
    "state_disagrees",  # state and ign_input
    "state_spelling",  # a known state in other letters
    "state_unknown",
)
"""Every code that ``warnings`` can give: closed, fit for a metric label."""

_KMH = {"km/h": 1.0, "mph": 1.609344, "kn": 1.852, "m/s": 3.6}
MOTION = {
    "Tow": "towed",
    "Ignition Off Rest": "parked",
    "Idling": "idling",
    "Ignition On Moving": "moving",
    "Ignition On Rest": "standing",
}
_ORIGINAL = Original("drivetech", None)
_ENGINE_OFF = ("Tow", "Ignition Off Rest")
MANOEUVRES: Final = ("braking", "acceleration", "turn")
_STATE_BY_FOLDED = {state.casefold(): state for state in STATES} | {"ingition on rest": "Ignition On Rest"}
"""The misspelling is that of a widely copied tracker library."""


def events(item: Item, header: Header, settings: DrivetechSettings) -> tuple[Event, ...]:
    """One report: position, readings, and what happened, if the event is more than a periodic position.

    Of the original only one thing is needed beside that: a magnitude whose unit is not known.
    """
    wire: Injection = item.wire
    return (
        Report(
            header=header,
            position=_position(wire, settings),
            readings=_readings(wire),
            occurrences=_occurrences(wire.event, settings),
            original=_ORIGINAL if isinstance(wire.event, HarshBehavior) else None,
        ),
    )


def known_state(text: str) -> str | None:
    """The documented state that is meant, also in other letters; None when there is none."""
    return _STATE_BY_FOLDED.get(text.casefold())


def warnings(item: Item) -> tuple[str, ...]:
    """What does not fit together in an item, as codes of ``WARNINGS``. It is taken all the same."""
    wire: Injection = item.wire
    event, found = wire.event, []
    if isinstance(event, Ign) and event.status != wire.ign_input:
        found.append("ignition_disagrees")
    if isinstance(event, DoorEvent) and wire.doors is not None and event.status != wire.doors:
        found.append("doors_disagree")
    if isinstance(event, GpsSignal) and wire.gps_status is not None and event.status != wire.gps_status:
        found.append("gnss_disagrees")
    state = known_state(wire.state)
    if state is None:
        found.append("state_unknown")
    elif (state in _ENGINE_OFF) == wire.ign_input:
        found.append("state_disagrees")
    if state is not None and state != wire.state:
        found.append("state_spelling")
    return tuple(found)


def _position(wire: Injection, settings: DrivetechSettings) -> Position:
    return Position(
        latitude_deg=wire.latitude,
        longitude_deg=wire.longitude,
        altitude_m=wire.altitude,
        speed_kmh=wire.speed * _KMH[settings.speed_unit],
        heading_deg=wire.azimuth if wire.azimuth < 360 else 0.0,
        fix=wire.gps_status,
    )


def _readings(wire: Injection) -> dict[str, Value]:
    """Field by field and not by a table: every report goes through here, and this takes half the time."""
    motion = MOTION.get(wire.state) or MOTION.get(known_state(wire.state) or "", wire.state)
    readings: dict[str, Value] = {
        "motion_state": motion,
        "odometer_km": wire.odometer,
        "ignition": wire.ign_input,
    }
    if (hours := wire.hourmeter) is not None:
        readings["engine_hours_h"] = hours
    if (doors := wire.doors) is not None:
        readings["doors_open"] = doors
    if (battery := wire.battery) is not None:
        readings["device_battery_percent"] = battery
    if (supply := wire.power_supply) is not None:
        readings["supply_voltage_v"] = supply
    if (celsius := wire.temperature1) is not None:
        readings["temperature_1_celsius"] = celsius
    if (celsius := wire.temperature2) is not None:
        readings["temperature_2_celsius"] = celsius
    if (celsius := wire.temperature3) is not None:
        readings["temperature_3_celsius"] = celsius
    if (fuel := wire.fuel_percentage) is not None:
        readings["fuel_level_percent"] = fuel
    if (mcc := wire.mcc) is not None:
        readings["mobile_mcc"] = mcc
    if (mnc := wire.mnc) is not None:
        readings["mobile_mnc"] = mnc
    if (lac := wire.lac) is not None:
        readings["mobile_lac"] = lac
    if (cid := wire.cid) is not None:
        readings["mobile_cid"] = cid
    return readings


def _occurrences(event: WireEvent, settings: DrivetechSettings) -> tuple[Occurrence, ...]:
    match event:
        case Gps():
            return ()
        case Ign():
            return (Ignition(event.status, event.duration),)
        case IdlingEvent():
            return (Idling(event.status, event.duration),)
        case Sos():
            return (PanicButton(),)
        case OverSpeed():
            return (Overspeed(event.status),)
        case LowBattery():
            return (DeviceBatteryLow(),)
        case DoorEvent():
            return (Door(event.status),)
        case DriverId():
            return (DriverIdentified(event.driver_id),)
        case GpsSignal():
            return (GnssSignal(event.status),)
        case HarshBehavior():
            return (_harsh(event, settings),)


def _harsh(event: HarshBehavior, settings: DrivetechSettings) -> HarshManoeuvre:
    magnitude_g = None
    if event.magnitude is not None and settings.harsh_unit != "unknown":
        magnitude_g = event.magnitude / (STANDARD_GRAVITY_M_S2 if settings.harsh_unit == "m/s2" else 1.0)
    return HarshManoeuvre(MANOEUVRES[event.status], event.magnitude, magnitude_g)

"""The wire structs: one request of Drivetech's event injection, all 25 fields, all ten event types.

The bounds are part of the types, so that one decode checks them. The vendor states no ranges; these are ours, wide
enough for any road vehicle. Fields stand in the order of the vendor's table: it is the order of validation.
"""

import datetime as dt
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta


def said(meaning: str) -> Meta:
    """What is said about a field besides its type, for people and JSON Schemas."""
    return Meta(description=meaning)


def unit(name: str) -> Meta:
    """The unit of a number; the vendor's own where it states one."""
    return Meta(extra_json_schema={"x-unit": name})


Latitude = Annotated[float, Meta(ge=-90, le=90), unit("deg")]
Longitude = Annotated[float, Meta(ge=-180, le=180), unit("deg")]
Speed = Annotated[float, Meta(ge=0, le=300)]
Azimuth = Annotated[float, Meta(ge=0, le=360), unit("deg")]
NotNegative = Annotated[float, Meta(ge=0)]
Metres = Annotated[float, unit("m")]
Kilometres = Annotated[NotNegative, unit("km")]
Hours = Annotated[NotNegative, unit("h")]
Percent = Annotated[float, Meta(ge=0, le=100), unit("%")]
Volts = Annotated[float, Meta(ge=0, le=60), unit("V")]
Celsius = Annotated[float, Meta(ge=-100, le=200), unit("°C")]
Seconds = Annotated[int, Meta(ge=0, le=2**31 - 1), unit("s")]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
"""A plate, state or driver id. The upper bound is ours: it keeps what becomes a key or a label small."""


class Gps(msgspec.Struct, frozen=True, tag="GPS", tag_field="type"):
    """The periodic position."""


class Ign(msgspec.Struct, frozen=True, tag="IGN", tag_field="type"):
    """The ignition was turned on (true) or off."""

    status: bool
    duration: Annotated[
        Seconds | None, said('read as the length of the state that has just ended; the vendor says "time of the event"')
    ] = None


class IdlingEvent(msgspec.Struct, frozen=True, tag="IDLING", tag_field="type"):
    """Idling began (true) or ended."""

    status: bool
    duration: Annotated[Seconds | None, said("how long it idled")] = None


class Sos(msgspec.Struct, frozen=True, tag="SOS", tag_field="type"):
    """The panic button was pressed."""


class OverSpeed(msgspec.Struct, frozen=True, tag="OVER_SPEED", tag_field="type"):
    """Speeding began (true) or ended; the limit is the provider's own and is not sent."""

    status: bool


class LowBattery(msgspec.Struct, frozen=True, tag="LOW_BATTERY", tag_field="type"):
    """The device's own battery fell under the provider's limit."""


class DoorEvent(msgspec.Struct, frozen=True, tag="DOOR", tag_field="type"):
    """A door was opened (true) or closed."""

    status: bool


class DriverId(msgspec.Struct, frozen=True, tag="DRIVER_ID", tag_field="type"):
    """A driver identified himself by iButton, RFID or otherwise."""

    driver_id: Annotated[Word, said("text, also when it consists of digits: leading zeros count")]


class GpsSignal(msgspec.Struct, frozen=True, tag="GPS_SIGNAL", tag_field="type"):
    """The device regained (true) or lost its GPS signal."""

    status: bool


class HarshBehavior(msgspec.Struct, frozen=True, tag="HARSH_BEHAVIOR", tag_field="type"):
    """Harsh driving: braking (0), acceleration (1) or a turn (2). Here ``status`` is a number, never a boolean."""

    status: Literal[0, 1, 2]
    magnitude: Annotated[NotNegative | None, said("unit not stated by the vendor; see the setting harsh_unit")] = None


WireEvent = Gps | Ign | IdlingEvent | Sos | OverSpeed | LowBattery | DoorEvent | DriverId | GpsSignal | HarshBehavior

KINDS: tuple[str, ...] = (
    "GPS",
    "IGN",
    "IDLING",
    "SOS",
    "OVER_SPEED",
    "LOW_BATTERY",
    "DOOR",
    "DRIVER_ID",
    "GPS_SIGNAL",
    "HARSH_BEHAVIOR",
)
"""The event types in stored order: a log holds indexes into it, so append only."""

EVENT_TYPES: dict[str, type[WireEvent]] = {str(event.__struct_config__.tag): event for event in get_args(WireEvent)}
"""Type name -> its struct."""

STATES = ("Tow", "Ignition Off Rest", "Idling", "Ignition On Moving", "Ignition On Rest")
"""The documented values of ``state``, the last one only as an example. Others are kept as text, never refused."""


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """The body of one request: one event of one vehicle.

    ``buff`` and ``ign_input`` are documented as required *and* with a default. Here the default counts;
    ``StrictInjection`` requires them. Of the optional fields, absent and null are the same: not said.
    """

    plate: Word
    buff: Annotated[bool, said("true: an old event, sent late")] = False
    datetime: Annotated[dt.datetime, said("UTC; without a zone it is read as UTC")]
    latitude: Latitude
    longitude: Longitude
    speed: Annotated[Speed, said("unit not stated by the vendor; see the setting speed_unit")]
    azimuth: Annotated[Azimuth, said("clockwise from north; 360 is 0")]
    altitude: Annotated[Metres | None, said("above sea level")] = None
    state: Word
    event: WireEvent
    ign_input: Annotated[bool, said("true: the ignition is on")] = False
    doors: Annotated[bool | None, said("true: open")] = None
    gps_status: Annotated[
        bool | None, said("false: the device had no GPS data; the position is the last known one")
    ] = None
    odometer: Kilometres
    hourmeter: Annotated[Hours | None, said("engine hours")] = None
    battery: Annotated[Percent | None, said("of the device")] = None
    power_supply: Volts | None = None
    temperature1: Celsius | None = None
    temperature2: Celsius | None = None
    temperature3: Celsius | None = None
    fuel_percentage: Percent | None = None
    mcc: Annotated[int, Meta(ge=1, le=999)] | None = None
    mnc: Annotated[int, Meta(ge=0, le=999)] | None = None
    lac: Annotated[int, Meta(ge=0, le=0xFFFF)] | None = None
    cid: Annotated[Annotated[int, Meta(ge=0, le=0xFFFFFFF)] | None, said("28 bits")] = None


class StrictInjection(Injection, frozen=True, kw_only=True):
    """As ``Injection``, with ``buff`` and ``ign_input`` required."""

    buff: bool
    ign_input: bool

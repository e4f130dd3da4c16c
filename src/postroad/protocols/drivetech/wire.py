"""The wire structs: one request of Drivetech's event injection, all 25 fields, all ten event types.

The bounds are part of the types, so that one decode checks them. The vendor states no ranges; these are ours, wide
enough for any road vehicle. Fields stand in the order of the vendor's table: it is the order of validation.
"""

import datetime as dt
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Speed = Annotated[float, Meta(ge=0, le=300)]
Azimuth = Annotated[float, Meta(ge=0, le=360)]
NotNegative = Annotated[float, Meta(ge=0)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Volts = Annotated[float, Meta(ge=0, le=60)]
Celsius = Annotated[float, Meta(ge=-100, le=200)]
Seconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
"""A plate, state or driver id. The upper bound is ours: it keeps what becomes a key or a label small."""


class Gps(msgspec.Struct, frozen=True, tag="GPS", tag_field="type"):
    """The periodic position."""


class Ign(msgspec.Struct, frozen=True, tag="IGN", tag_field="type"):
    """The ignition was turned on (true) or off."""

    status: bool
    duration: Seconds | None = None
    """Seconds. Read as the length of the state that has just ended; the vendor only says "time of the event"."""


class IdlingEvent(msgspec.Struct, frozen=True, tag="IDLING", tag_field="type"):
    """Idling began (true) or ended."""

    status: bool
    duration: Seconds | None = None
    """Seconds of idling."""


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

    driver_id: Word
    """Text, also when it consists of digits: leading zeros count."""


class GpsSignal(msgspec.Struct, frozen=True, tag="GPS_SIGNAL", tag_field="type"):
    """The device regained (true) or lost its GPS signal."""

    status: bool


class HarshBehavior(msgspec.Struct, frozen=True, tag="HARSH_BEHAVIOR", tag_field="type"):
    """Harsh driving: braking (0), acceleration (1) or a turn (2). Here ``status`` is a number, never a boolean."""

    status: Literal[0, 1, 2]
    magnitude: NotNegative | None = None
    """Unit not stated by the vendor; see ``DrivetechSettings.harsh_unit``."""


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
    buff: bool = False
    """True: an old event, sent late."""
    datetime: dt.datetime
    """UTC; without a zone it is to be read as UTC."""
    latitude: Latitude
    longitude: Longitude
    speed: Speed
    """Unit not stated by the vendor; see ``DrivetechSettings.speed_unit``."""
    azimuth: Azimuth
    """Degrees clockwise from north; 360 is 0."""
    altitude: float | None = None
    """Metres above sea level."""
    state: Word
    event: WireEvent
    ign_input: bool = False
    """True: the ignition is on."""
    doors: bool | None = None
    """True: open."""
    gps_status: bool | None = None
    """False: the device had no GPS data; the position is the last known one."""
    odometer: NotNegative
    """Kilometres."""
    hourmeter: NotNegative | None = None
    """Engine hours."""
    battery: Percent | None = None
    """Of the device."""
    power_supply: Volts | None = None
    temperature1: Celsius | None = None
    temperature2: Celsius | None = None
    temperature3: Celsius | None = None
    fuel_percentage: Percent | None = None
    mcc: Annotated[int, Meta(ge=1, le=999)] | None = None
    mnc: Annotated[int, Meta(ge=0, le=999)] | None = None
    lac: Annotated[int, Meta(ge=0, le=0xFFFF)] | None = None
    cid: Annotated[int, Meta(ge=0, le=0xFFFFFFF)] | None = None
    """28 bits."""


class StrictInjection(Injection, frozen=True, kw_only=True):
    """As ``Injection``, with ``buff`` and ``ign_input`` required."""

    buff: bool
    ign_input: bool

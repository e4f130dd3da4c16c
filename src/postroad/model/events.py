"""What vehicles say, in the words every protocol is translated to and from.

An event is a header and what was said. Four clocks are kept apart: *recorded* (as the source said), *received* (the
request arrived), *stored* (the log holds it) and *delivered* (a destination confirmed); an event carries the first
two, the log and the delivery state the others. ``None`` is unknown; zero is a value. Units stand in the names.
"""

from typing import Literal

import msgspec

from postroad.model.accounts import AccountChange
from postroad.model.header import Header as Header

Value = float | int | bool | str
"""A reading's value; the catalogue says which of these a signal has, and its unit."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a vehicle was, WGS 84."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None
    """Above sea level."""
    speed_kmh: float | None = None
    heading_deg: float | None = None
    """Clockwise from true north, 0 to 360."""
    fix: bool | None = None
    """True: the receiver had a fix; False: this is an older position repeated."""


class Ignition(msgspec.Struct, frozen=True, tag="ignition"):
    """The ignition was turned on or off: a change, never a level repeated in a report."""

    on: bool
    previous_state_s: int | None = None
    """How long the state that has just ended lasted."""


class Idling(msgspec.Struct, frozen=True, tag="idling"):
    """The vehicle began or stopped standing with its engine running."""

    begins: bool
    duration_s: int | None = None


class Overspeed(msgspec.Struct, frozen=True, tag="overspeed"):
    """The vehicle went over, or came back under, a limit the source knows."""

    begins: bool


class Door(msgspec.Struct, frozen=True, tag="door"):
    """A door was opened or closed; which one is not known."""

    opened: bool


class GnssSignal(msgspec.Struct, frozen=True, tag="gnss_signal"):
    """The device lost or regained its satellites."""

    regained: bool


class PanicButton(msgspec.Struct, frozen=True, tag="panic_button"):
    """Somebody pressed the panic button."""


class DeviceBatteryLow(msgspec.Struct, frozen=True, tag="device_battery_low"):
    """The device's own battery fell under a limit the source knows."""


class DriverIdentified(msgspec.Struct, frozen=True, tag="driver_identified"):
    """A driver held a tag, key or card to the reader."""

    identifier: str


class HarshManoeuvre(msgspec.Struct, frozen=True, tag="harsh_manoeuvre"):
    """Harsh driving as the device judged it."""

    kind: Literal["braking", "acceleration", "turn", "turn_left", "turn_right"]
    magnitude: float | None = None
    """As the source gave it; in g only when ``magnitude_g`` could be derived."""
    magnitude_g: float | None = None


class TroubleCode(msgspec.Struct, frozen=True, tag="trouble_code"):
    """A control unit reported a trouble code."""

    code: str
    change: Literal["added", "changed", "removed"] | None = None
    """Since the source asked before."""
    vendor: str | None = None
    """Whose codes these are; ``None``: not said."""
    meanings: dict[str, str | None] = {}
    """Language, as the source names it -> what the code means; ``None``: not known in that language."""


class Refuelled(msgspec.Struct, frozen=True, kw_only=True, tag="refuelled"):
    """The tank was filled, wholly or in part."""

    before_l: float
    after_l: float
    added_l: float


Occurrence = (
    Ignition
    | Idling
    | Overspeed
    | Door
    | GnssSignal
    | PanicButton
    | DeviceBatteryLow
    | DriverIdentified
    | HarshManoeuvre
    | TroubleCode
    | Refuelled
)


class Report(msgspec.Struct, frozen=True, kw_only=True, tag="report"):
    """One report of a vehicle: where it was, what it measured, what happened."""

    header: Header
    position: Position | None = None
    readings: dict[str, Value] = {}
    """Signal name of the catalogue -> value in the catalogue's unit. A level, as it was at ``recorded_us``."""
    occurrences: tuple[Occurrence, ...] = ()
    from_can: bool = False
    """The readings were read from the vehicle's own network. False: not stated."""


Event = Report | AccountChange
"""Every kind of event; documents and access changes join as protocols that carry them do."""

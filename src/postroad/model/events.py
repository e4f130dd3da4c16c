"""What vehicles say, in the words every protocol is translated to and from.

An event is a header and what was said. Four clocks are kept apart: *recorded* (as the source said), *received* (the
request arrived), *stored* (the log holds it) and *delivered* (a destination confirmed); an event carries the first
two, the log and the delivery state the others. ``None`` is unknown; zero is a value. Units stand in the names.
"""

from typing import Literal

import msgspec

from postroad.model.accounts import AccountChange
from postroad.model.documents import Crash as Crash
from postroad.model.documents import CrashReport as CrashReport
from postroad.model.documents import DeviceStatus as DeviceStatus
from postroad.model.documents import Document
from postroad.model.documents import DriverDeleted as DriverDeleted
from postroad.model.documents import Trip as Trip
from postroad.model.documents import TripDeleted as TripDeleted
from postroad.model.header import Header as Header
from postroad.model.said import Identifier as Identifier
from postroad.model.said import Original as Original
from postroad.model.said import Position as Position

Value = float | int | bool | str
"""A reading's value; the catalogue says which of these a signal has, and its unit."""


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
    severity: Literal["low", "medium", "high"] | None = None
    """As the source classed it; its limits are its own."""


class MalfunctionLamp(msgspec.Struct, frozen=True, tag="malfunction_lamp"):
    """The malfunction indicator lamp was turned on or off: a change."""

    on: bool


class ExternalPower(msgspec.Struct, frozen=True, tag="external_power"):
    """The device lost the vehicle's power, or has it again."""

    connected: bool


class TroubleCode(msgspec.Struct, frozen=True, tag="trouble_code"):
    """A control unit reported a trouble code."""

    code: str
    format: str | None = None
    """How the code is to be read, in the source's word."""
    ecu: str | None = None
    """The control unit, in the source's word."""
    change: Literal["added", "changed", "removed"] | None = None
    """Since the source asked before."""
    active: bool | None = None
    pending: bool | None = None
    confirmed: bool | None = None
    lamp_requested: bool | None = None
    vendor: str | None = None
    """Whose codes these are; ``None``: not said."""
    meanings: dict[str, str | None] = {}
    """Language, as the source names it -> what the code means; ``None``: not known in that language."""


class Refuelled(msgspec.Struct, frozen=True, kw_only=True, tag="refuelled"):
    """The tank was filled, wholly or in part."""

    before_l: float
    after_l: float
    added_l: float


class ServiceBooking(msgspec.Struct, frozen=True, tag="service_booking"):
    """A booking at a workshop was made, changed or cancelled."""

    booking_id: str
    status: str
    """In the source's word."""
    appointment: str
    """RFC 3339."""


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
    | MalfunctionLamp
    | ExternalPower
    | TroubleCode
    | Refuelled
    | ServiceBooking
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
    original: Original | None = None


class AccessChanged(msgspec.Struct, frozen=True, kw_only=True, tag="access_changed"):
    """The header's subject gave or withdrew access to its data."""

    header: Header
    of: Literal["vehicle", "fleet"]
    """What the subject is."""
    granted: bool
    to_hub: bool = False
    """True: access of this hub to what a provider has, as the provider says; False: of a customer to what we have."""
    original: Original | None = None


class MembershipChanged(msgspec.Struct, frozen=True, kw_only=True, tag="membership_changed"):
    """The header's subject, a vehicle, joined or left a fleet."""

    header: Header
    joined: bool
    fleet: Identifier
    original: Original | None = None


Event = Report | Document | AccessChanged | MembershipChanged | AccountChange
"""Every kind of event."""

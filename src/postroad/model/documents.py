"""Documents: what a source sums up or judges afterwards, and may say again, corrected or withdrawn.

A document is named by its ``key`` among all of one provider; of its editions the one with the greatest ``revision``
counts. The core below is what protocols share, normalised; ``original`` keeps the whole. ``None`` is unknown.
"""

from typing import Final, Literal

import msgspec

from postroad.model.header import Header
from postroad.model.said import Identifier, Original, Position

FINAL: Final = 2**62
"""Revision of a deletion that nothing can follow: an edition that comes late is older, whenever it comes."""

Score = Literal["overall", "safety", "eco", "distraction", "speeding"]
Manoeuvre = Literal["braking", "acceleration", "turn"]


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    header: Header
    key: str
    """The same for all editions of a document, and for its deletion."""
    revision: int
    """Greater is newer."""
    original: Original | None = None


class TrackPoint(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One sample of a path, WGS 84."""

    recorded_us: int
    latitude_deg: float
    longitude_deg: float
    speed_kmh: float | None = None
    heading_deg: float | None = None
    altitude_m: float | None = None
    horizontal_error_m: float | None = None


class TripManoeuvre(msgspec.Struct, frozen=True, kw_only=True):
    """Harsh driving within a trip, as its source judged it."""

    kind: Manoeuvre
    at_us: int
    position: Position | None = None
    acceleration_mps2: float | None = None
    """Along the direction of travel, braking negative; across it for turns."""
    severity: Literal["low", "medium", "high"] | None = None


class PhoneUse(msgspec.Struct, frozen=True, kw_only=True):
    """What the driver did with a phone during a trip."""

    unlocked_s: float | None = None
    unlocked_m: float | None = None
    unlocks: int | None = None


class Trip(_Document, frozen=True, kw_only=True, tag="trip"):
    """A drive from its start to its end. The header's subject is whose trip it is: a driver or a vehicle."""

    started_us: int | None = None
    ended_us: int | None = None
    start: Position | None = None
    end: Position | None = None
    start_address: str | None = None
    end_address: str | None = None
    distance_m: float | None = None
    driving_s: float | None = None
    """In motion."""
    idling_s: float | None = None
    """Standing within the trip."""
    mean_speed_kmh: float | None = None
    max_speed_kmh: float | None = None
    driver: Identifier | None = None
    vehicle: Identifier | None = None
    scores: dict[Score, float] = {}
    """0 to 100, 100 best. What was not scored is not here."""
    manoeuvres: tuple[TripManoeuvre, ...] | None = None
    """None: not looked for; empty: there were none."""
    phone: PhoneUse | None = None
    path: tuple[TrackPoint, ...] = ()
    """By time."""
    fuel_l: float | None = None
    energy_kwh: float | None = None
    co2_kg: float | None = None
    tags: dict[str, str] = {}
    """What the customer's own software attached."""
    derived: bool = False
    """The hub cut it from reports; False: its source said it."""


class TripDeleted(_Document, frozen=True, kw_only=True, tag="trip_deleted"):
    """The trip of that key is no more; no edition of it may go out or come back."""


class Crash(_Document, frozen=True, kw_only=True, tag="crash"):
    """A suspected or confirmed accident, told as soon as it is known. Its later report has the same key."""

    happened_us: int | None = None
    trip_key: str | None = None
    """Of the trip during which it happened."""
    position: Position | None = None
    confirmed: bool | None = None
    probability: float | None = None
    """0 to 1, that it is an accident."""
    max_acceleration_g: float | None = None
    driver: Identifier | None = None
    withdrawn: bool = False
    """The source does not hold it for an accident any more."""


class CrashReport(_Document, frozen=True, kw_only=True, tag="crash_report"):
    """What was found about an accident once its trip was over."""

    happened_us: int | None = None
    trip_key: str | None = None
    position: Position | None = None
    confirmed: bool | None = None
    probability: float | None = None
    driver: Identifier | None = None


class DeviceStatus(_Document, frozen=True, kw_only=True, tag="device_status"):
    """How the phone or device that records stands. ``changes`` only what changed; with none it is a sign of life."""

    changes: dict[str, bool | float | str] = {}
    """By a name of the form ``permission.location``; the documents of a source list its names."""
    driver: Identifier | None = None


class DriverDeleted(_Document, frozen=True, kw_only=True, tag="driver_deleted"):
    """The header's subject, a driver, and all its data are to be forgotten."""


Document = Trip | TripDeleted | Crash | CrashReport | DeviceStatus | DriverDeleted

"""A sample: what of a report counts for trips, small, because hours of them are kept for each vehicle."""

import msgspec

from postroad.model.events import Idling, Ignition, Report

SECOND_US = 1_000_000


class Sample(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One report. ``None``: the report did not say. *Stored format*, in snapshots: a change raises their version."""

    recorded_us: int
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    speed_kmh: float | None = None
    heading_deg: float | None = None
    altitude_m: float | None = None
    odometer_km: float | None = None
    on: bool | None = None
    """The ignition, as this report states it."""
    turned: bool | None = None
    """The ignition was turned on or off at this instant."""
    turned_after_s: int | None = None
    """How long the state that ended with it had lasted."""
    idling: bool | None = None
    """Idling began or ended at this instant."""

    @property
    def slot(self) -> tuple[int, bool | None, bool | None, int]:
        """Its second, and what it tells of. Of samples with the same slot one is kept: bounds what a second holds.

        Sources that tell position, speed and odometer one by one have a sample of each.
        """
        has = (self.latitude_deg, self.speed_kmh, self.odometer_km, self.on)
        told = sum((value is not None) << bit for bit, value in enumerate(has))
        return self.recorded_us // SECOND_US, self.turned, self.idling, told

    @property
    def order(self) -> tuple[int, bytes]:
        """By time, then by anything that does not depend on the order of arrival."""
        return self.recorded_us, msgspec.msgpack.encode(self)

    @property
    def point(self) -> tuple[float, float] | None:
        """Latitude and longitude."""
        if self.latitude_deg is None or self.longitude_deg is None:
            return None
        return self.latitude_deg, self.longitude_deg


def sample_of(report: Report) -> Sample | None:
    """The sample of a report, if anything in it counts for trips.

    What is recorded ahead of its arrival is left out, as in the last known state: one report of a wrong clock would
    put all others out of the horizon.
    """
    if report.header.ahead:
        return None
    readings, position = report.readings, report.position
    speed = _number(readings.get("vehicle_speed_kmh"))
    if position is not None and (position.fix is False or position.latitude_deg == position.longitude_deg == 0.0):
        position = None  # an older position repeated, or the zeroes of a receiver without one
    if position is not None and position.speed_kmh is not None:
        speed = position.speed_kmh
    ignition = next((said for said in report.occurrences if isinstance(said, Ignition)), None)
    idling = next((said.begins for said in report.occurrences if isinstance(said, Idling)), None)
    sample = Sample(
        recorded_us=report.header.recorded_us,
        latitude_deg=position.latitude_deg if position else None,
        longitude_deg=position.longitude_deg if position else None,
        speed_kmh=speed,
        heading_deg=position.heading_deg if position else None,
        altitude_m=position.altitude_m if position else None,
        odometer_km=_number(readings.get("odometer_km")),
        on=_ignition(report, ignition, idling),
        turned=ignition.on if ignition else None,
        turned_after_s=ignition.previous_state_s if ignition else None,
        idling=idling,
    )
    counts = (sample.latitude_deg, sample.speed_kmh, sample.odometer_km, sample.on)
    return sample if any(value is not None for value in counts) else None


def _ignition(report: Report, turned: Ignition | None, idling: bool | None) -> bool | None:
    """What happened counts more than a level, and a level more than a word for the motion."""
    if turned is not None:
        return turned.on
    if isinstance(level := report.readings.get("ignition"), bool):
        return level
    match report.readings.get("motion_state"):
        case "parked" | "towed":
            return False
        case "idling" | "moving" | "standing":
            return True
    return True if idling else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

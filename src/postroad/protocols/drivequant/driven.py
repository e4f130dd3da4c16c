"""What a pushed trip says in the common language: scores out of 100, instants for seconds since the start."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any, Literal

from postroad.model.documents import Manoeuvre, PhoneUse, Score, TrackPoint, Trip, TripManoeuvre
from postroad.model.events import Identifier, Position
from postroad.protocols.drivequant import times
from postroad.protocols.drivequant.options import DriveQuantSettings
from postroad.protocols.drivequant.slots import VEHICLE_ID
from postroad.protocols.drivequant.wire.driving import (
    DriverDistraction,
    EcoDriving,
    FuelEstimation,
    Safety,
    SafetyEvent,
    SpeedingStatistics,
)
from postroad.protocols.drivequant.wire.equipment import Route
from postroad.protocols.drivequant.wire.trip import ItineraryData, ItineraryStatistics, TripPush

BEST_SCORE = 10.0
"""The vendor's; more stands for not scored."""

MANOEUVRES: dict[int, Manoeuvre] = {1: "turn", 2: "acceleration", 3: "braking"}
"""Type of a safety event -> kind. Adherence is lost in bends."""
CRITICAL: dict[Manoeuvre, float] = {"turn": 0.3, "acceleration": 2.5, "braking": 2.4}
"""From this size of ``value`` on an event is critical: the limits that the vendor shows to drivers."""
_CRITICAL_LEVEL = 2

_US = 1_000_000


def trip_facts(push: TripPush, settings: DriveQuantSettings, about: dict[str, Any]) -> Trip:
    """The trip; ``about`` has header, key, revision, driver and original."""
    data = push.itinerary_data or ItineraryData()
    figures = push.itinerary_statistics or ItineraryStatistics()
    fuel = push.fuel_estimation or FuelEstimation()
    started_us, ended_us = _span_us(push, data, figures)
    path = tuple(sorted(_path(push.route, started_us, settings), key=attrgetter("recorded_us"))) if push.route else ()
    return Trip(
        started_us=started_us,
        ended_us=ended_us,
        start=_at(path[0]) if path else None,
        end=_at(path[-1]) if path else None,
        start_address=data.departure_address,
        end_address=data.arrival_address,
        distance_m=_not_negative(figures.distance),
        driving_s=_not_negative(figures.driving_duration),
        idling_s=_not_negative(figures.idling_duration),
        mean_speed_kmh=_not_negative(figures.speed_mean),
        vehicle=_vehicle(push),
        scores=dict(_scores(push)),
        manoeuvres=_manoeuvres(push.safety_events, started_us),
        phone=_phone(push),
        path=path,
        fuel_l=fuel.fuel_volume,
        energy_kwh=push.energy_estimation.energy if push.energy_estimation else None,
        co2_kg=fuel.co2_mass,
        tags=push.meta_data or {},
        **about,
    )


def place(
    latitude: float | None,
    longitude: float | None,
    *,
    speed_kmh: float | None,
    heading_deg: float | None = None,
    altitude_m: float | None = None,
) -> Position | None:
    """A position, if there is one on earth."""
    if latitude is None or longitude is None or not _on_earth(latitude, longitude):
        return None
    return Position(
        latitude_deg=latitude,
        longitude_deg=longitude,
        altitude_m=altitude_m,
        speed_kmh=speed_kmh,
        heading_deg=heading_deg,
    )


def _on_earth(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 180


def _span_us(push: TripPush, data: ItineraryData, figures: ItineraryStatistics) -> tuple[int | None, int | None]:
    """Start and end: as they are said, or else the one from the other by the duration."""
    started_us, ended_us = times.instant_us(data.start_date), times.instant_us(push.end_date)
    ended_us = times.instant_us(data.end_date) if ended_us is None else ended_us
    if figures.trip_duration is not None:
        if started_us is None and ended_us is not None:
            started_us = times.within_bounds(ended_us - figures.trip_duration * _US)
        elif ended_us is None and started_us is not None:
            ended_us = times.within_bounds(started_us + figures.trip_duration * _US)
    return started_us, ended_us


def _vehicle(push: TripPush) -> Identifier | None:
    named = push.account and push.account.vehicle_id
    return Identifier(VEHICLE_ID, named) if named else None


def _scores(push: TripPush) -> Iterator[tuple[Score, float]]:
    scored: tuple[tuple[Score, float | None], ...] = (
        ("safety", (push.safety or Safety()).safety_score),
        ("eco", (push.eco_driving or EcoDriving()).score),
        ("distraction", (push.driver_distraction or DriverDistraction()).score),
        ("speeding", (push.speeding_statistics or SpeedingStatistics()).score),
    )
    for name, score in scored:
        if score is not None and 0 <= score <= BEST_SCORE:
            yield name, round(score * 10, 6)


def _manoeuvres(found: Sequence[SafetyEvent] | None, started_us: int | None) -> tuple[TripManoeuvre, ...] | None:
    """Those whose kind and instant are known."""
    if found is None:
        return None
    return tuple(one for event in found if (one := _manoeuvre(event, started_us)) is not None)


def _manoeuvre(event: SafetyEvent, started_us: int | None) -> TripManoeuvre | None:
    kind = MANOEUVRES.get(event.type or 0)
    if kind is None or event.time is None or started_us is None:
        return None
    at_us = times.within_bounds(started_us + event.time * _US)
    if at_us is None:
        return None
    return TripManoeuvre(
        kind=kind,
        at_us=at_us,
        position=place(
            event.latitude,
            event.longitude,
            altitude_m=event.elevation,
            speed_kmh=event.velocity,
            heading_deg=_heading(event.heading),
        ),
        acceleration_mps2=None if kind == "turn" else event.value,  # of adherence it is a ratio
        severity=_severity(kind, event),
    )


def _severity(kind: Manoeuvre, event: SafetyEvent) -> Literal["medium", "high"] | None:
    """Critical is high, moderate medium: by the size of what was measured, or else as the vendor classed it."""
    if event.value is not None:
        return "high" if abs(event.value) > CRITICAL[kind] else "medium"
    if event.level is None:
        return None
    return "high" if event.level >= _CRITICAL_LEVEL else "medium"


def _phone(push: TripPush) -> PhoneUse | None:
    seen = push.driver_distraction
    if seen is None:
        return None
    return PhoneUse(unlocked_s=seen.duration_unlock, unlocked_m=seen.distance_unlock, unlocks=seen.nb_unlock)


def _path(route: Route, started_us: int | None, settings: DriveQuantSettings) -> Iterator[TrackPoint]:
    """The samples that have a place and an instant. An array of another length than the places is passed over."""
    latitudes, longitudes = route.latitude or [], route.longitude or []
    size = len(latitudes)
    if len(longitudes) != size:
        return

    def column(values: Sequence[float | None] | None) -> Sequence[float | None]:
        return values if values is not None and len(values) == size else (None,) * size

    instants = _instants_us(column(route.gps_date), started_us, settings)
    rows = zip(
        instants,
        latitudes,
        longitudes,
        column(route.gps_velocity),
        column(route.gps_heading),
        column(route.gps_elevation),
        column(route.gps_accuracy),
        strict=True,
    )
    for at_us, latitude, longitude, speed, heading, altitude, error in rows:
        if at_us is not None and latitude is not None and longitude is not None and _on_earth(latitude, longitude):
            yield TrackPoint(
                recorded_us=at_us,
                latitude_deg=latitude,
                longitude_deg=longitude,
                speed_kmh=speed,
                heading_deg=_heading(heading),
                altitude_m=altitude,
                horizontal_error_m=error,
            )


def _instants_us(
    dates: Sequence[float | None], started_us: int | None, settings: DriveQuantSettings
) -> Sequence[int | None]:
    """When each sample was taken: as it says, or else a second apart from the trip's start."""
    scale = _US if settings.route_clock == "seconds" else _US // 1000
    said = [None if date is None else times.within_bounds(date * scale) for date in dates]
    if started_us is None or any(us is not None for us in said):
        return said
    return [times.within_bounds(started_us + second * _US) for second in range(len(dates))]


def _at(point: TrackPoint) -> Position:
    return Position(
        latitude_deg=point.latitude_deg,
        longitude_deg=point.longitude_deg,
        altitude_m=point.altitude_m,
        speed_kmh=point.speed_kmh,
        heading_deg=point.heading_deg,
        horizontal_error_m=point.horizontal_error_m,
    )


def _heading(degrees: float | None) -> float | None:
    """From 0 to below 360; ``None`` for what is no direction (phones say -1)."""
    return degrees % 360 if degrees is not None and 0 <= degrees <= 360 else None


def _not_negative(figure: float | None) -> float | None:
    return figure if figure is not None and figure >= 0 else None

"""A push of a trip that did not come in by this protocol: the hub cut it from reports, or another protocol told it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from postroad.model.documents import TrackPoint, Trip, TripManoeuvre
from postroad.protocols.drivequant import times
from postroad.protocols.drivequant.driven import BEST_SCORE, CRITICAL, MANOEUVRES
from postroad.protocols.drivequant.options import Options
from postroad.protocols.drivequant.relay import Names
from postroad.protocols.drivequant.wire.driving import (
    DriverDistraction,
    EcoDriving,
    EnergyEstimation,
    FuelEstimation,
    Safety,
    SafetyEvent,
    SpeedingStatistics,
)
from postroad.protocols.drivequant.wire.equipment import Route
from postroad.protocols.drivequant.wire.fields import Body
from postroad.protocols.drivequant.wire.trip import Account, ItineraryData, ItineraryStatistics, TripPush

_Part = TypeVar("_Part", bound=Body)

_US = 1_000_000
_TYPES = {kind: number for number, kind in MANOEUVRES.items()}
_MODERATE, _CRITICAL = 1, 2


def made_trip(trip: Trip, itin_id: str, names: Names, options: Options) -> TripPush:
    """The push; what the trip does not know is left out."""
    ended = None if trip.ended_us is None else times.timestamp(trip.ended_us)
    figures = _figures(trip)
    score = {name: value * BEST_SCORE / 100 for name, value in trip.scores.items()}
    return TripPush(
        itin_id=itin_id,
        account=Account(user_id=names.driver, vehicle_id=names.vehicle),
        user_id=names.driver,
        status=True,
        end_date=ended,
        itinerary_data=_known(
            ItineraryData(
                start_date=None if trip.started_us is None else times.timestamp(trip.started_us),
                end_date=ended,
                departure_address=trip.start_address,
                arrival_address=trip.end_address,
            )
        ),
        itinerary_statistics=_known(figures),
        eco_driving=_known(EcoDriving(score=score.get("eco"))),
        fuel_estimation=_known(FuelEstimation(fuel_volume=trip.fuel_l, co2_mass=trip.co2_kg)),
        energy_estimation=_known(EnergyEstimation(energy=trip.energy_kwh)),
        safety=_known(_safety(trip.manoeuvres, score.get("safety"))),
        safety_events=_safety_events(trip),
        driver_distraction=_known(_distraction(trip, figures, score.get("distraction"))),
        speeding_statistics=_known(SpeedingStatistics(score=score.get("speeding"))),
        route=_route(trip.path, options),
        meta_data=trip.tags or None,
    )


def _known(part: _Part) -> _Part | None:
    """``None`` for an object without a member."""
    return None if part == type(part)() else part


def _figures(trip: Trip) -> ItineraryStatistics:
    """Driving and idling add up to the whole, and their shares to 100."""
    driving, idling = trip.driving_s, trip.idling_s
    whole = None if trip.started_us is None or trip.ended_us is None else (trip.ended_us - trip.started_us) / _US
    if driving is not None and idling is not None:
        whole = driving + idling
    elif whole is not None and driving is not None:
        whole = max(whole, driving)
        idling = whole - driving
    elif whole is not None and idling is not None:
        whole = max(whole, idling)
        driving = whole - idling
    share = round(100 * driving / whole, 1) if driving is not None and whole else None
    return ItineraryStatistics(
        trip_duration=whole,
        driving_duration=driving,
        idling_duration=idling,
        driving_percentage=share,
        idling_percentage=None if share is None else round(100 - share, 1),
        distance=trip.distance_m,
        speed_mean=trip.mean_speed_kmh,
    )


def _level(manoeuvre: TripManoeuvre) -> int | None:
    """Moderate or critical, by what was measured or else as its source classed it."""
    if manoeuvre.acceleration_mps2 is not None and manoeuvre.kind != "turn":
        return _CRITICAL if abs(manoeuvre.acceleration_mps2) > CRITICAL[manoeuvre.kind] else _MODERATE
    if manoeuvre.severity is None:
        return None
    return _CRITICAL if manoeuvre.severity == "high" else _MODERATE


def _safety(manoeuvres: Sequence[TripManoeuvre] | None, score: float | None) -> Safety:
    """Counts only where every manoeuvre could be classed."""
    levels = None if manoeuvres is None else [(one.kind, _level(one)) for one in manoeuvres]
    if levels is None or any(level is None for _, level in levels):
        return Safety(safety_score=score)
    return Safety(
        safety_score=score,
        nb_adh=levels.count(("turn", _MODERATE)),
        nb_accel=levels.count(("acceleration", _MODERATE)),
        nb_decel=levels.count(("braking", _MODERATE)),
        nb_adh_crit=levels.count(("turn", _CRITICAL)),
        nb_accel_crit=levels.count(("acceleration", _CRITICAL)),
        nb_decel_crit=levels.count(("braking", _CRITICAL)),
    )


def _safety_events(trip: Trip) -> list[SafetyEvent] | None:
    started_us = trip.started_us
    if trip.manoeuvres is None or started_us is None:
        return None
    return [_safety_event(one, started_us) for one in trip.manoeuvres]


def _safety_event(one: TripManoeuvre, started_us: int) -> SafetyEvent:
    where = one.position
    return SafetyEvent(
        time=(one.at_us - started_us) / _US,
        latitude=where.latitude_deg if where else None,
        longitude=where.longitude_deg if where else None,
        velocity=where.speed_kmh if where else None,
        heading=where.heading_deg if where else None,
        elevation=where.altitude_m if where else None,
        type=_TYPES[one.kind],
        level=_level(one),
        value=None if one.kind == "turn" else one.acceleration_mps2,
    )


def _distraction(trip: Trip, figures: ItineraryStatistics, score: float | None) -> DriverDistraction:
    phone = trip.phone
    if phone is None:
        return DriverDistraction(score=score)
    return DriverDistraction(
        score=score,
        nb_unlock=phone.unlocks,
        duration_unlock=phone.unlocked_s,
        duration_percent_unlock=_share(phone.unlocked_s, figures.trip_duration),
        distance_unlock=phone.unlocked_m,
        distance_percent_unlock=_share(phone.unlocked_m, figures.distance),
    )


def _share(part: float | None, whole: float | None) -> float | None:
    return round(100 * part / whole, 1) if part is not None and whole and part <= whole else None


def _route(path: Sequence[TrackPoint], options: Options) -> Route | None:
    """The samples, one for each second as the vendor has them; sparser ones only by option."""
    if not path or not (options.sparse_route or _second_by_second(path)):
        return None

    def column(name: str) -> list[float | None] | None:
        values = [getattr(point, name) for point in path]
        return None if all(value is None for value in values) else values

    return Route(
        gps_date=[point.recorded_us / _US for point in path],
        latitude=[point.latitude_deg for point in path],
        longitude=[point.longitude_deg for point in path],
        gps_velocity=column("speed_kmh"),
        gps_elevation=column("altitude_m"),
        gps_accuracy=column("horizontal_error_m"),
        gps_heading=column("heading_deg"),
    )


def _second_by_second(path: Sequence[TrackPoint]) -> bool:
    return all(abs(after.recorded_us - before.recorded_us - _US) <= _US // 2 for before, after in pairwise(path))

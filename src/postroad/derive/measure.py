"""What is known of a drive: distance, times, speeds, path. ``None`` where the samples do not tell."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from postroad.derive.cutter import Cut
from postroad.derive.sample import SECOND_US, Sample
from postroad.derive.settings import TripSettings
from postroad.model.documents import TrackPoint
from postroad.model.geodesy import distance_m
from postroad.model.said import Position

KMH_PER_MPS = 3.6
UNSEEN_S = 60.0
"""So long at its two ends, together, an odometer may say nothing of a drive and still count for it."""
UNKNOWN_SHARE = 0.1
"""Of a drive's time; beyond it the time standing is not known."""
COARSE_SHARE, COARSE_M = 0.005, 10.0
"""An odometer whose last digit is coarser than both, of the distance and in metres, gives way to the positions: those
are no better than that."""
BACKWARD_KM = 0.05
"""So much an odometer may go back: two control units of a vehicle differ by a digit."""
STRAIGHT_SLACK_M = 200.0
"""So much shorter than the straight line an odometer may be: the error of two positions, and a coarse digit."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A drive, measured. Names, units and meanings are those of ``postroad.model.documents.Trip``."""

    started_us: int
    ended_us: int
    start: Position | None
    end: Position | None
    distance_m: float | None
    driving_s: float | None
    idling_s: float | None
    mean_speed_kmh: float | None
    max_speed_kmh: float | None
    path: tuple[TrackPoint, ...]


def measure(cut: Cut, samples: Sequence[Sample], settings: TripSettings) -> Facts | None:
    """What is known of a drive; ``None`` if it is too short for a trip."""
    within = samples[cut.first : cut.last + 1]
    metres = _distance_m(cut, samples[cut.measured_from : cut.measured_to + 1], settings)
    least_m = settings.least_distance_m if cut.ignition else settings.least_displacement_m
    if metres is not None and metres < least_m:
        return None
    lasted_s = (cut.ended_us - cut.started_us) / SECOND_US
    idling_s = _idling_s(cut, within, settings)
    speeds = [sample.speed_kmh for sample in within if sample.speed_kmh is not None]
    places = [sample for sample in samples[cut.measured_from : cut.measured_to + 1] if sample.point is not None]
    return Facts(
        started_us=cut.started_us,
        ended_us=cut.ended_us,
        start=_position(places[0]) if places else None,
        end=_position(places[-1]) if places else None,
        distance_m=None if metres is None else round(metres, 1),
        driving_s=None if idling_s is None else round(lasted_s - idling_s, 3),
        idling_s=None if idling_s is None else round(idling_s, 3),
        mean_speed_kmh=None if metres is None else round(metres / lasted_s * KMH_PER_MPS, 2),
        max_speed_kmh=max(speeds, default=None),
        path=_path(within, settings.longest_path),
    )


def _distance_m(cut: Cut, samples: Sequence[Sample], settings: TripSettings) -> float | None:
    """By the odometer where it is there and makes sense, else along the positions."""
    along_m = _along_m(samples, settings)
    odometer = _odometer(cut, samples, settings)
    if odometer is None:
        return along_m
    metres, digit_m = odometer
    if along_m is not None and digit_m > max(COARSE_M, COARSE_SHARE * along_m):
        return along_m
    return metres


def _odometer(cut: Cut, samples: Sequence[Sample], settings: TripSettings) -> tuple[float, float] | None:
    """Metres by the odometer, and what its last digit is worth in metres; ``None`` where it does not tell."""
    told = [(sample.recorded_us, sample.odometer_km) for sample in samples if sample.odometer_km is not None]
    if len(told) < 2:
        return None
    unseen_us = max(0, told[0][0] - cut.started_us) + max(0, cut.ended_us - told[-1][0])
    if unseen_us > UNSEEN_S * SECOND_US or any(
        after < before - BACKWARD_KM for (_, before), (_, after) in pairwise(told)
    ):
        return None
    metres = max(0.0, (told[-1][1] - told[0][1]) * 1000)
    hours = (cut.ended_us - cut.started_us) / SECOND_US / 3600
    points = [point for sample in samples if (point := sample.point) is not None]
    straight_m = distance_m(points[0], points[-1]) if points else 0.0
    if metres / 1000 > settings.fastest_kmh * hours + BACKWARD_KM or metres < straight_m - STRAIGHT_SLACK_M:
        return None
    return metres, _last_digit_km([km for _, km in told]) * 1000


def _last_digit_km(values: Sequence[float]) -> float:
    """The coarsest power of ten of which all values are whole multiples, 1 km to 1 m."""
    for digits in (0, 1, 2):
        if all(abs(value - round(value, digits)) < 1e-6 for value in values):
            return 10.0**-digits
    return 0.001


def _along_m(samples: Sequence[Sample], settings: TripSettings) -> float | None:
    """Along the positions: straight lines, and between close ones what the speeds make of the time."""
    placed = [(sample, point) for sample in samples if (point := sample.point) is not None]
    if len(placed) < 2:
        return None
    metres = 0.0
    for (before, here), (after, there) in pairwise(placed):
        seconds = (after.recorded_us - before.recorded_us) / SECOND_US
        if before.speed_kmh is None or after.speed_kmh is None or seconds > settings.integrated_interval_s:
            metres += distance_m(here, there)
        else:
            metres += (before.speed_kmh + after.speed_kmh) / 2 / KMH_PER_MPS * seconds
    return metres


def _idling_s(cut: Cut, samples: Sequence[Sample], settings: TripSettings) -> float | None:
    """Time standing: between two reports without motion. ``None`` if too little is known."""
    standing_us = 0
    told = [sample for sample in samples if sample.speed_kmh is not None]
    if not told:
        return None
    unknown_us = told[0].recorded_us - cut.started_us + cut.ended_us - told[-1].recorded_us
    for before, after in pairwise(told):
        lasted_us = after.recorded_us - before.recorded_us
        if lasted_us > settings.silence_ends_s * SECOND_US:
            unknown_us += lasted_us
        elif not _fast(before, settings) and not _fast(after, settings):
            standing_us += lasted_us
    if unknown_us > UNKNOWN_SHARE * (cut.ended_us - cut.started_us):
        return None
    return standing_us / SECOND_US


def _fast(sample: Sample, settings: TripSettings) -> bool:
    return sample.speed_kmh is not None and sample.speed_kmh >= settings.moving_kmh


def _position(sample: Sample) -> Position | None:
    if sample.latitude_deg is None or sample.longitude_deg is None:
        return None
    return Position(
        latitude_deg=sample.latitude_deg,
        longitude_deg=sample.longitude_deg,
        altitude_m=sample.altitude_m,
        speed_kmh=sample.speed_kmh,
        heading_deg=sample.heading_deg,
    )


def _path(samples: Sequence[Sample], longest: int) -> tuple[TrackPoint, ...]:
    points = [
        TrackPoint(
            recorded_us=sample.recorded_us,
            latitude_deg=sample.latitude_deg,
            longitude_deg=sample.longitude_deg,
            speed_kmh=sample.speed_kmh,
            heading_deg=sample.heading_deg,
            altitude_m=sample.altitude_m,
        )
        for sample in samples
        if sample.latitude_deg is not None and sample.longitude_deg is not None
    ]
    step = -(-len(points) // longest) if points else 1
    return tuple(points[::step]) if step == 1 else (*points[:-1:step], points[-1])

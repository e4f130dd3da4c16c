"""From accidents to crashes, in the common language."""

from typing import Final

import msgspec

from postroad.model.documents import Crash
from postroad.model.header import Header
from postroad.model.identifiers import DAMOOV_DEVICE
from postroad.model.said import Identifier, Original, Position
from postroad.protocols.damoov.identity import canonical
from postroad.protocols.damoov.options import DamoovSettings
from postroad.protocols.damoov.said import Said
from postroad.protocols.damoov.trips import LAST_MS, NAME
from postroad.protocols.damoov.wire.accident import DrivingEvent
from postroad.protocols.damoov.wire.notification import AccidentEventCompletePackageReceived

STANDARD_GRAVITY_M_S2: Final = 9.80665
KMH: Final[dict[str, float | None]] = {"m/s": 3.6, "km/h": 1.0, "unknown": None}
"""Setting ``crash_speed_unit`` -> what a speed is multiplied with."""


def rejected(said: Said) -> bool:
    """Whether the notification says that the filters do not hold the accident for one."""
    told = said.notification
    return isinstance(told, AccidentEventCompletePackageReceived) and told.details.accident_passed_filters is False


def withdrawal(said: Said, header: Header) -> Crash:
    """That an accident was none: known from the notification alone, so when it happened is not."""
    return Crash(
        header=header,
        key=said.object_id,
        revision=said.revision,
        original=Original(NAME, said),
        driver=Identifier(DAMOOV_DEVICE, canonical(said.notification.user_id)),
        withdrawn=True,
    )


def crash(said: Said, accident: DrivingEvent, header: Header, settings: DamoovSettings) -> Crash:
    """The accident that a dataset is about."""
    start = accident.time_start
    return msgspec.structs.replace(
        withdrawal(said, header),
        happened_us=start * 1000 if start is not None and 0 <= start < LAST_MS else None,
        position=_position(accident, KMH[settings.crash_speed_unit]),
        max_acceleration_g=_max_g(accident),
        withdrawn=rejected(said),
    )


def _position(accident: DrivingEvent, kmh: float | None) -> Position | None:
    start, speed = accident.point_start, accident.speed_start
    if start is None or start.latitude is None or start.longitude is None:
        return None
    return Position(
        latitude_deg=start.latitude,
        longitude_deg=start.longitude,
        speed_kmh=None if speed is None or kmh is None or speed < 0 else round(speed * kmh, 6),
    )


def _max_g(accident: DrivingEvent) -> float | None:
    """The greatest acceleration along travel or sideways. Vertical ones hold gravity, which is no shock."""
    ranges = [one for one in (accident.range_direct, accident.range_lateral) if one is not None]
    found = [abs(value) for one in ranges for value in (one.min, one.max) if value is not None]
    return round(max(found) / STANDARD_GRAVITY_M_S2, 6) if found else None

"""Pushes made of documents that did not come in by this protocol: what they know, in the vendor's words and units."""

from hashlib import sha256

import msgspec

from postroad.model.documents import Crash, CrashReport, DeviceStatus, Document, DriverDeleted, Trip, TripDeleted
from postroad.model.events import Position
from postroad.protocols.drivequant import times
from postroad.protocols.drivequant.events import CHANGE_GROUPS
from postroad.protocols.drivequant.made_trip import made_trip
from postroad.protocols.drivequant.options import Options
from postroad.protocols.drivequant.read import TRIP_DELETION
from postroad.protocols.drivequant.relay import Names
from postroad.protocols.drivequant.wire import Push
from postroad.protocols.drivequant.wire.others import (
    CrashParameters,
    CrashPush,
    CrashReportPush,
    CrashVerdict,
    DiagnosisPush,
    DriverDeletedPush,
    Installation,
    TripDeletedPush,
    UserInfo,
)

DRIVER_DELETION = "DRIVER_DELETION"

_ID_BYTES = 12
"""The vendor's ids are 24 hexadecimal digits."""


def made(event: Document, names: Names, options: Options) -> Push:
    """The push that says what the document says."""
    now = times.timestamp(event.header.recorded_us)
    match event:
        case Trip():
            return made_trip(event, document_id(event, event.key), names, options)
        case TripDeleted():
            return TripDeletedPush(itin_id=document_id(event, event.key), event=TRIP_DELETION, date=now)
        case DeviceStatus():
            return _diagnosis(event, names, now)
        case Crash():
            return CrashPush(
                crash_id=document_id(event, event.key),
                user_id=names.driver,
                parameters=_parameters(event),
                result=_verdict(event.position, False if event.withdrawn else event.confirmed, event.probability),
            )
        case CrashReport():
            return CrashReportPush(
                crash_id=document_id(event, event.key),
                itin_id=None if event.trip_key is None else document_id(event, event.trip_key),
                user_id=names.driver,
                date=None if event.happened_us is None else times.timestamp(event.happened_us),
                crash=_verdict(event.position, event.confirmed, event.probability),
            )
        case DriverDeleted():
            return DriverDeletedPush(user_id=names.driver, event=DRIVER_DELETION, date=now)


def document_id(event: Document, key: str) -> str:
    """The id of a trip or crash: the same for all editions of it, for its deletion, and over replays."""
    return sha256(f"{event.header.provider_id}/{key}".encode()).digest()[:_ID_BYTES].hex()


def _parameters(crash: Crash) -> CrashParameters | None:
    """Its instant. What the vendor also requires tells of recordings, of which no other protocol has one."""
    return None if crash.happened_us is None else CrashParameters(date=times.timestamp(crash.happened_us))


def _verdict(position: Position | None, confirmed: bool | None, probability: float | None) -> CrashVerdict | None:
    found = CrashVerdict(
        crash_status=None if confirmed is None else ("CONFIRMED" if confirmed else "UNCONFIRMED"),
        probability=None if probability is None else round(probability * 100),
        latitude=position.latitude_deg if position else None,
        longitude=position.longitude_deg if position else None,
        velocity=position.speed_kmh if position else None,
    )
    return None if found == CrashVerdict() else found


def _diagnosis(event: DeviceStatus, names: Names, now: str) -> DiagnosisPush:
    """Changes by their names' first part; those of other names have no place in the body."""
    groups: dict[str, dict[str, bool | float | str]] = {}
    for name, value in event.changes.items():
        prefix, _, rest = name.partition(".")
        groups.setdefault(prefix, {})[rest] = value
    changed = {member: groups[prefix] for member, prefix in CHANGE_GROUPS.items() if prefix in groups}
    phone = {name: value for name, value in groups.get("phone", {}).items() if isinstance(value, str)}
    status = event.changes.get("status")
    return DiagnosisPush(
        user_info=UserInfo(user_id=names.driver),
        smartphone_data=msgspec.convert(phone, Installation) if phone else None,
        last_update=now,
        status=status if isinstance(status, str) else None,
        **changed,  # type: ignore[arg-type]  # all are maps
    )

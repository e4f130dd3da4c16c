"""From the bytes of a request to an ``Item``.

The common case is one typed decode; only what that refuses goes through ``careful``.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

import msgspec

from postroad.errors import WireError
from postroad.model.identifiers import DRIVEQUANT_USER_ID, MAX_CHARS
from postroad.protocols.base import UNTIMED_US, Item
from postroad.protocols.drivequant import times
from postroad.protocols.drivequant.careful import read_carefully
from postroad.protocols.drivequant.options import DriveQuantSettings
from postroad.protocols.drivequant.said import Said
from postroad.protocols.drivequant.wire import KINDS, PUSHES, Push
from postroad.protocols.drivequant.wire.others import (
    CrashParameters,
    CrashPush,
    CrashReportPush,
    DiagnosisPush,
    DriverDeletedPush,
    TripDeletedPush,
    UserInfo,
)
from postroad.protocols.drivequant.wire.trip import Account, ItineraryData, TripPush

TRIP_DELETION: Final = "TRIP_DELETION"

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DECODERS: dict[str, msgspec.json.Decoder[Push]] = {
    service: msgspec.json.Decoder(struct) for service, struct in PUSHES.items()
}
_KEY = msgspec.msgpack.Encoder()
_REPORTS = ("itinId", "trip", "previousTrip", "crash")
"""Members of a crash report that a crash push does not have."""


def read(raw: bytes, settings: DriveQuantSettings, kind: int | None = None) -> Item:  # noqa: ARG001 - they change events
    """Decode and validate one request body. Raises ``WireError``, nothing else, whatever the bytes.

    The error's code is ``not_json``, ``missing`` or ``invalid``. Missing can only be the identifier of a trip, a
    deletion of one, or a crash. Invalid is such an identifier, a driver's id that cannot be stored, and a word other
    than ``TRIP_DELETION`` of a deleted trip: on a word that nobody knows nothing must be deleted. Of a member given
    twice the last one counts.

    Who it is about may be unknown: the identifier is empty then. A deleted trip never says it (``document_key``).
    """
    raw = _compact(raw)
    service = _judge(raw) if kind is None else KINDS[kind]
    push = _push(raw, service)
    identifier = _driver(push)
    return Item(
        kind=KINDS.index(service),
        recorded_us=next((us for us in map(times.instant_us, _dates(push)) if us is not None), UNTIMED_US),
        late=False,
        namespace=DRIVEQUANT_USER_ID,
        identifier=identifier,
        dedup=_dedup(service, push, identifier, raw),
        wire=Said(push, raw),
    )


def document_key(item: Item) -> str:
    """What names the document that an item is an edition of, among all of one provider; empty where nothing does.

    A trip and its deletion have the same (``itinId``), and so have a crash and its report (``crashId``): by it the hub
    finds whose trip it was that a deletion speaks of.
    """
    said: Said = item.wire
    match said.push:
        case TripPush() | TripDeletedPush():
            return said.push.itin_id
        case CrashPush() | CrashReportPush():
            return said.push.crash_id or ""
        case DriverDeletedPush():
            return item.identifier
        case _:
            return ""


def _compact(raw: bytes) -> bytes:
    """The same JSON without white space between its tokens, so that one body has one spelling."""
    try:
        raw.decode()  # the decoder looks only into the strings that it keeps
        return msgspec.json.format(raw, indent=-1)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise WireError("not_json") from exc


def _judge(raw: bytes) -> str:
    """The service of a body, by its members. None of them is documented to tell, so the entrance's word goes first."""
    try:
        members = {name for name, value in _MEMBERS.decode(raw).items() if bytes(value) != b"null"}
    except (msgspec.DecodeError, RecursionError) as exc:
        raise WireError("not_json") from exc
    if "crashId" in members:
        return "crash" if "parameters" in members or members.isdisjoint(_REPORTS) else "crash_report"
    if "event" in members:
        return "trip_deleted" if "itinId" in members else "driver_deleted"
    return "trip" if "itinId" in members else "diagnosis"


def _push(raw: bytes, service: str) -> Push:
    try:
        push = _DECODERS[service].decode(raw)
    except (msgspec.DecodeError, RecursionError):
        push = read_carefully(raw, PUSHES[service])
    for name, field in (("itin_id", "itinId"), ("crash_id", "crashId")):
        if getattr(push, name, None) == "" and not isinstance(push, CrashReportPush):
            raise WireError("missing", field)
    if isinstance(push, TripDeletedPush) and (push.event or TRIP_DELETION).upper() != TRIP_DELETION:
        raise WireError("invalid", "event")
    return push


def _driver(push: Push) -> str:
    """The driver's id, or nothing. Raises ``WireError`` for one that cannot be stored."""
    for field, value in _drivers(push):
        if value:
            if len(value) > MAX_CHARS or not value.isprintable():
                raise WireError("invalid", field)
            return value
    return ""


def _drivers(push: Push) -> Iterator[tuple[str, str | None]]:
    """Where a driver may be named, the best place first: the customer's own id goes before the vendor's."""
    match push:
        case TripPush():
            yield "account.userId", (push.account or Account()).user_id
            yield "userId", push.user_id
        case DiagnosisPush():
            yield "userInfo.userId", (push.user_info or UserInfo()).user_id
            yield "userId", push.user_id
        case CrashPush() | CrashReportPush():
            yield "userId", push.user_id
            yield "driverId", push.driver_id
        case DriverDeletedPush():
            yield "userId", push.user_id
            yield "driverId", push.driver_id
            yield "id", push.id


def _dates(push: Push) -> Iterator[str | None]:
    """Where the item's time may stand, the best place first."""
    match push:
        case TripPush():
            yield push.end_date
            yield (push.itinerary_data or ItineraryData()).end_date
        case DiagnosisPush():
            yield push.last_update
        case CrashPush():
            yield (push.parameters or CrashParameters()).date
        case _:
            yield push.date


def _dedup(service: str, push: Push, driver: str, raw: bytes) -> bytes:
    """What tells a repeat from something new.

    Of what may be said again corrected the whole body: a correction is no repeat. A diagnosis has no key, as the same
    may be said again rightly: daily, or after it was otherwise in between.
    """
    match push:
        case DiagnosisPush():
            return b""
        case TripDeletedPush():
            return _KEY.encode((service, push.itin_id))
        case DriverDeletedPush() if driver:
            return _KEY.encode((service, driver))
        case _:
            return _KEY.encode((service, sha256(raw).digest()))

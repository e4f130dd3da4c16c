"""From the bytes of one element of a bulk to an ``Item``.

The common case is one typed decode; only what that refuses goes through ``careful``.
"""

from typing import Any, Final, Union

import msgspec
from msgspec.structs import replace

from postroad.errors import WireError
from postroad.model.identifiers import CONNECTED_CARS_FLEET
from postroad.protocols.base import Item
from postroad.protocols.connected_cars import times
from postroad.protocols.connected_cars.careful import read_carefully
from postroad.protocols.connected_cars.said import Said
from postroad.protocols.connected_cars.settings import ConnectedCarsSettings
from postroad.protocols.connected_cars.slots import OTHER, SLOTS
from postroad.protocols.connected_cars.wire import EVENT_TYPES
from postroad.protocols.connected_cars.wire.can import DailyCanOdometerKm
from postroad.protocols.connected_cars.wire.car import GpsPosition
from postroad.protocols.connected_cars.wire.fields import WireEvent

VEHICLE: Final = "connected_cars.vehicle"
"""Namespace of the sender's numbers of vehicles."""
FLEET: Final = CONNECTED_CARS_FLEET
"""Namespace of the sender's numbers of fleets."""

_FAST: msgspec.json.Decoder[WireEvent] = msgspec.json.Decoder(Union[tuple(EVENT_TYPES.values())])  # noqa: UP007 - of a tuple
_KEY = msgspec.msgpack.Encoder()


def read(raw: bytes, settings: ConnectedCarsSettings) -> Item:
    """Decode and validate one event. Raises ``WireError``, nothing else, whatever the bytes.

    The error's code is ``not_json``, ``missing`` or ``invalid``. Unknown types and fields are kept, not refused. Of a
    key given twice the last one counts, except ``type``: see ``careful``.
    """
    check_utf8(raw)
    try:
        said = Said(_FAST.decode(raw))
    except (msgspec.DecodeError, RecursionError):
        said = read_carefully(raw)
    event: Any = said.event
    if isinstance(event, GpsPosition) and event.eph is not None and event.hdop is not None:
        said = Said(replace(event, eph=None, hdop=None), said.extra)  # they contradict each other
    recorded_us = times.instant_us(event.time, or_date=isinstance(event, DailyCanOdometerKm))
    market = getattr(event, "organization_key", None) or ""
    namespace, number = _subject(event)
    return Item(
        kind=SLOTS.get(said.type, SLOTS[OTHER]),
        recorded_us=recorded_us,
        late=False,
        namespace=namespace,
        identifier=identifier(number, market, settings),
        # The id alone does not tell events apart: each shard of the sender counts for itself.
        dedup=_KEY.encode((market, said.type, namespace, number, recorded_us, event.id)),
        wire=said,
    )


def identifier(number: int, market: str, settings: ConnectedCarsSettings) -> str:
    """A vehicle or fleet of the sender, as the hub looks it up."""
    return f"{market}/{number}" if settings.organization_in_ids and market else str(number)


def check_utf8(raw: bytes) -> None:
    """Raises ``WireError`` (``not_json``). Needed because the decoder looks only into the strings that it keeps."""
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as exc:
            raise WireError("not_json") from exc


def _subject(event: Any) -> tuple[str, int]:
    """Namespace and number of what the event is about: the vehicle, if it names one."""
    for namespace, field in ((VEHICLE, "vehicle_id"), (FLEET, "fleet_id")):
        number = getattr(event, field, None)
        if isinstance(number, int):
            return namespace, number
    raise WireError("missing", "vehicleId")

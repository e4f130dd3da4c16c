"""From the bytes of a request to an ``Item``.

The common case is one typed decode; only what that refuses goes through ``careful``.
"""

import msgspec

from postroad.errors import WireError
from postroad.model.identifiers import MAX_CHARS, PLATE, normalise
from postroad.protocols.base import Item
from postroad.protocols.drivetech import times
from postroad.protocols.drivetech.careful import read_carefully
from postroad.protocols.drivetech.settings import DrivetechSettings
from postroad.protocols.drivetech.wire import EVENT_TYPES, KINDS, DriverId, Injection, StrictInjection, WireEvent

_LENIENT = msgspec.json.Decoder(Injection)
_STRICT = msgspec.json.Decoder(StrictInjection)
_KIND: dict[type[WireEvent], int] = {EVENT_TYPES[name]: number for number, name in enumerate(KINDS)}
_KEY = msgspec.msgpack.Encoder()


def read(raw: bytes, settings: DrivetechSettings, kind: int | None = None) -> Item:
    """Decode and validate one request body. Raises ``WireError``, nothing else, whatever the bytes.

    The error's code is ``not_json``, ``missing`` or ``invalid``; ``answers.refusal`` makes the documented body of it.
    Unknown fields are tolerated (the stored bytes keep them); of a key given twice the last one counts.
    """
    strict = settings.profile == "strict"
    _check_utf8(raw)
    try:
        wire: Injection = (_STRICT if strict else _LENIENT).decode(raw)
    except (msgspec.DecodeError, RecursionError):
        wire = read_carefully(raw, strict=strict)
    plate = normalise(PLATE, wire.plate)
    if not 0 < len(plate) <= MAX_CHARS:  # upper case can be longer
        raise WireError("invalid", "plate")
    recorded_us = times.instant_us(wire.datetime)
    kind = _KIND[type(wire.event)]
    return Item(kind, recorded_us, wire.buff, PLATE, plate, _dedup(plate, recorded_us, kind, wire.event), wire)


def _check_utf8(raw: bytes) -> None:
    """The decoder checks only the strings it keeps; what is stored must be UTF-8 throughout."""
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as exc:
            raise WireError("not_json") from exc


def _dedup(plate: str, recorded_us: int, kind: int, event: WireEvent) -> bytes:
    """Plate, instant, type, and status or driver: what tells a repeat from a new event.

    ``buff`` is not in it: a repeat is often marked late. MessagePack keeps lengths and types apart, so nothing runs
    together and ``true`` is not 1.
    """
    detail = event.driver_id if isinstance(event, DriverId) else getattr(event, "status", None)
    return _KEY.encode((plate, recorded_us, KINDS[kind], detail))

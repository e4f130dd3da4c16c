"""What a body says in the common language: one document. Beside it stands the body as it was said."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from postroad.model.documents import (
    FINAL,
    Crash,
    CrashReport,
    DeviceStatus,
    DriverDeleted,
    TripDeleted,
)
from postroad.model.events import Event, Header, Identifier, Original
from postroad.protocols.base import UNTIMED_US, Item
from postroad.protocols.drivequant import times
from postroad.protocols.drivequant.driven import place, trip_facts
from postroad.protocols.drivequant.options import DriveQuantSettings
from postroad.protocols.drivequant.read import document_key
from postroad.protocols.drivequant.said import Said
from postroad.protocols.drivequant.slots import NAME
from postroad.protocols.drivequant.wire.others import (
    CrashPush,
    CrashReportPush,
    CrashVerdict,
    DiagnosisPush,
    DriverDeletedPush,
    Installation,
    TripDeletedPush,
)
from postroad.protocols.drivequant.wire.trip import TripPush

CHANGE_GROUPS: Mapping[str, str] = {
    "sensors": "sensor",
    "permissions": "permission",
    "settings": "setting",
    "events": "event",
}
"""Member of a diagnosis -> what stands before the point in a name of ``DeviceStatus.changes``."""

_CONFIRMED = {"CONFIRMED": True, "UNCONFIRMED": False}


def events(item: Item, header: Header, settings: DriveQuantSettings) -> tuple[Event, ...]:
    """One document. Its revision is when it was received: bodies have none of their own. Deletions are final."""
    said: Said = item.wire
    if item.recorded_us == UNTIMED_US:
        header = msgspec.structs.replace(header, recorded_us=header.received_us)
    about: dict[str, Any] = {
        "header": header,
        "key": document_key(item),
        "revision": header.received_us,
        "original": Original(NAME, said),
    }
    named = {"driver": Identifier(item.namespace, item.identifier) if item.identifier else None}
    match said.push:
        case TripPush() as push:
            return (trip_facts(push, settings, about | named),)
        case TripDeletedPush():
            return (TripDeleted(**about | {"revision": FINAL}),)
        case DiagnosisPush() as push:
            return (DeviceStatus(changes=dict(_changes(push)), **about | named),)
        case CrashPush() as push:
            happened_us = times.instant_us(push.parameters.date) if push.parameters else None
            return (Crash(happened_us=happened_us, **_verdict(push, push.result), **about | named),)
        case CrashReportPush() as push:
            happened_us = times.instant_us(push.date)
            facts = _verdict(push, push.crash)
            return (CrashReport(happened_us=happened_us, trip_key=push.itin_id or None, **facts, **about | named),)
        case DriverDeletedPush():
            return (DriverDeleted(**about | {"revision": FINAL}),)


def _verdict(root: CrashVerdict, grouped: CrashVerdict | None) -> dict[str, Any]:
    """Place, verdict and likelihood, from the root or from where they are grouped: the vendor publishes neither."""

    def first(name: str) -> Any:
        value = getattr(root, name)
        return getattr(grouped, name, None) if value is None else value

    probability = first("probability")
    return {
        "position": place(first("latitude"), first("longitude"), speed_kmh=first("velocity")),
        "confirmed": _CONFIRMED.get((first("crash_status") or "").upper()),
        "probability": probability / 100 if probability is not None and 0 <= probability <= 100 else None,
    }


def _changes(push: DiagnosisPush) -> Iterator[tuple[str, bool | float | str]]:
    """What changed, by name; what is no plain value stays with the original."""
    if push.status is not None:
        yield "status", push.status
    for group, prefix in CHANGE_GROUPS.items():
        for name, value in (getattr(push, group) or {}).items():
            if isinstance(value, bool | str):
                yield f"{prefix}.{name}", value
            elif isinstance(value, int | float):
                yield f"{prefix}.{name}", float(value)
    for name, value in msgspec.to_builtins(push.smartphone_data or Installation()).items():
        yield f"phone.{name}", value

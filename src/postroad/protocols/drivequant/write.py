"""From documents of the common language to pushes.

What came in by this protocol goes out as it was said (``relay``); of others it is said what they know, and nothing is
made up.
"""

from typing import Final

import msgspec

from postroad.model.documents import Crash, CrashReport, DeviceStatus, Document, DriverDeleted, Trip, TripDeleted
from postroad.model.events import Event
from postroad.protocols.base import Addressing, Outgoing
from postroad.protocols.drivequant.made import made
from postroad.protocols.drivequant.options import Options
from postroad.protocols.drivequant.relay import Names, relay
from postroad.protocols.drivequant.said import Said, encode_push
from postroad.protocols.drivequant.slots import NAME, SLOTS

_SERVICES: Final[dict[type[msgspec.Struct], str]] = {
    Trip: "trip",
    TripDeleted: "trip_deleted",
    DeviceStatus: "diagnosis",
    Crash: "crash",
    CrashReport: "crash_report",
    DriverDeleted: "driver_deleted",
}
_FAMILIES: Final = {"trip_deleted": "trip"}
"""Services that speak of documents of another one."""


def write(event: Event, *, to: Addressing, options: Options) -> list[Outgoing]:
    """The push that says what a document says; nothing for other events. Pure.

    Nobody is named but by what the hub issued. A trip must name its driver or its vehicle, a deleted trip nobody, all
    others the driver.
    """
    if not isinstance(event, Document):
        return []
    names = Names(to.driver_id, None if to.vehicle_id is None else str(to.vehicle_id))
    if not _is_named(event, names) or _is_withheld(event, options):
        return []
    service = _SERVICES[type(event)]
    original = event.original
    if original is not None and original.protocol == NAME:
        said: Said = original.said
        body = relay(said.raw, names, id_is_driver=service == "driver_deleted")
    else:
        body = encode_push(made(event, names, options))
    return [
        Outgoing(
            SLOTS[service],
            body,
            recorded_us=event.happened_us if isinstance(event, Crash) else None,  # its half hour begins then
            document=_document(event, _FAMILIES.get(service, service)),
            revision=event.revision,
            deletes=isinstance(event, TripDeleted),
        )
    ]


def _is_named(event: Document, names: Names) -> bool:
    match event:
        case TripDeleted():
            return True
        case Trip():
            return names.driver is not None or names.vehicle is not None
        case _:
            return names.driver is not None


def _is_withheld(event: Document, options: Options) -> bool:
    """The vendor pushes confirmed crashes only. One that was told and is withdrawn must be told of again."""
    if not isinstance(event, Crash) or (event.original is not None and event.original.protocol == NAME):
        return False
    return event.confirmed is False and not event.withdrawn and not options.unconfirmed_crashes


def _document(event: Document, family: str) -> bytes:
    """Names the document at the receiver. A diagnosis is none: each one tells changes, and none replaces another."""
    if isinstance(event, DeviceStatus) or not event.key:
        return b""
    return f"{family}/{event.header.provider_id}/{event.key}".encode()

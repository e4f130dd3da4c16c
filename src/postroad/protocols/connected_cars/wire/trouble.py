"""Trouble codes and the lamp that goes with them."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from postroad.protocols.connected_cars.wire.fields import VehicleEvent

ECUS = (
    "engine",
    "aircondition",
    "brakes",
    "central_electrics",
    "driver_door",
    "gateway",
    "instruments",
    "transmission",
    "airbag",
    "central_electrics_secondary",
    "electric_drive",
    "electric_drive_secondary",
    "engine_secondary",
    "high_voltage_battery",
    "online_communication_unit",
)
"""Control units, those of the newer page last. The list has grown before, so another word is read all the same."""

CODE_FORMATS = ("vag", "j2012")
"""How a raw trouble code is to be read."""


class CanDtc(VehicleEvent, frozen=True, kw_only=True, tag="can_dtc"):
    """A raw trouble code, and how the control unit was asked for it.

    The page of 2023 has the key ``type`` twice in one object: the event's type and the code's format. The newer one
    calls the second ``sourceType``. Both are read, in any order; ``sourceType`` is what is written.
    """

    code: Annotated[str, Meta(description="the code in hex")]
    diff: Annotated[
        str | None, Meta(examples=["add", "change", "remove"], description="what happened to it since last asked")
    ] = None
    status: Annotated[str | None, Meta(description="status byte in hex")] = None
    rx_id: Annotated[str | None, Meta(description="CAN id in hex")] = None
    tx_id: Annotated[str, Meta(description="CAN id in hex")]
    transport: Annotated[str, Meta(examples=["ISOTP", "TP2", "ISOTP-NOPAD"], description="transport protocol")]
    application: Annotated[str, Meta(examples=["UDS", "KWP2000"], description="application protocol")]
    ecu: Annotated[str | None, Meta(examples=list(ECUS), description="control unit")] = None
    source_type: Annotated[
        str | UnsetType, Meta(examples=list(CODE_FORMATS), description="the code's format; `type` in 2023")
    ] = UNSET
    rx_local_id: Annotated[str | None, Meta(description="local id asked")] = None
    tx_local_id: Annotated[str | None, Meta(description="local id of the answer")] = None
    service_and_did: Annotated[str | None, Meta(description="service and parameters in hex")] = None
    use_functional_addressing: Annotated[bool | None, Meta(description="functional (true) or physical")] = None
    session_type: Annotated[str | None, Meta(description="diagnostic session")] = None


class CanMilLamp(VehicleEvent, frozen=True, kw_only=True, tag="can_mil_lamp"):
    """The malfunction indicator lamp was turned on (true) or off."""

    value: bool
    color: Annotated[str | UnsetType | None, Meta(examples=["yellow", "red"], description="newer page")] = UNSET
    frequency: Annotated[str | UnsetType | None, Meta(examples=["solid", "blinking"], description="newer page")] = UNSET
    lamp_type: Annotated[str | UnsetType | None, Meta(description="only in a sample of the newer page")] = UNSET


class DtcStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Five bits of a trouble code's status byte (2, 3, 4, 5 and 7)."""

    pending: bool
    confirmed: bool
    test_not_completed_since_last_clear: bool
    test_failed_since_last_clear: bool
    warning_indicator_requested: bool


class MappedDtc(VehicleEvent, frozen=True, kw_only=True, tag="mapped_dtc"):
    """A trouble code made readable; newer page."""

    code_id: Annotated[str, Meta(description="the code")]
    vendor_id: Annotated[str, Meta(examples=["VAG", "HEGU", "TL", "2012"], description="whose mapping it is")]
    raw_code: Annotated[str | None, Meta(description="the code in hex")] = None
    status: DtcStatus
    enabled: Annotated[bool, Meta(description="the code is on")]
    ecu: Annotated[str, Meta(examples=list(ECUS), description="control unit")]
    description_danish: str | None = None
    description_english: str | None = None
    description_german: str | None = None
    description_norwegian: str | None = None
    description_spanish: str | None = None
    description_swedish: str | None = None

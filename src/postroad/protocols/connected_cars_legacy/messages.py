"""All messages of both feeds: their union, their stored numbers, and the shape of one that the vendor may yet add."""

import datetime as dt
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from postroad.protocols.connected_cars_legacy.account import AccountMessage, CarAdd, CarRemove, UserRemove, UserSignup
from postroad.protocols.connected_cars_legacy.car import (
    CanOdometer,
    ChargeLevelPercent,
    Dtc,
    FuelConsumed,
    FuelLevel,
    FuelLevelPercent,
    HighVoltageBatteryTemperature,
    IdleTime,
    IgnitionOff,
    IgnitionOn,
    Odometer,
    PositionMessage,
    Profiling,
    Refuel,
)

Feed = Literal["account", "car"]


class UnknownMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a type that is not documented: kept, and never sent on, since nobody knows the scope it needs."""

    type: str
    user_id: str | None
    car_id: str | None
    time: dt.datetime | None
    members: dict[str, msgspec.Raw]
    """All of it."""


AnyAccountMessage = UserSignup | UserRemove | CarAdd | CarRemove

AnyCarMessage = (
    IgnitionOn
    | IgnitionOff
    | PositionMessage
    | Odometer
    | FuelLevel
    | FuelLevelPercent
    | FuelConsumed
    | ChargeLevelPercent
    | HighVoltageBatteryTemperature
    | Profiling
    | IdleTime
    | Dtc
    | Refuel
    | CanOdometer
)

Documented = AnyAccountMessage | AnyCarMessage
Message = Documented | UnknownMessage

STRUCTS: Mapping[str, type[Documented]] = {str(struct.__struct_config__.tag): struct for struct in get_args(Documented)}
"""Type -> its struct. The order, that of the vendor's page, is stored: append only."""

SLOTS: Mapping[str, int] = {name: slot for slot, name in enumerate(STRUCTS)}
"""Type -> its number within an outgoing id, below 64."""

FEED_TYPES: Mapping[Feed, frozenset[str]] = {
    "account": frozenset(str(struct.__struct_config__.tag) for struct in get_args(AnyAccountMessage)),
    "car": frozenset(str(struct.__struct_config__.tag) for struct in get_args(AnyCarMessage)),
}
"""Feed -> the types of its messages."""

UNKNOWN = "unknown"

KINDS: tuple[str, ...] = (UNKNOWN, *STRUCTS)
"""What an item can be, in stored order: a log holds indexes into it."""


def feed_of(message: Message) -> Feed:
    """Which of the two feeds a message belongs to. An undocumented one that names a user is of the account feed."""
    if isinstance(message, UnknownMessage):
        return "car" if message.user_id is None else "account"
    return "account" if isinstance(message, AccountMessage) else "car"

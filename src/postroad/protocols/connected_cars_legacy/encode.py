"""From messages to bytes: the fields that the scopes allow, in the spelling that is wanted."""

import re
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec

from postroad.protocols.connected_cars_legacy.account import Car, CarAdd, UserSignup
from postroad.protocols.connected_cars_legacy.fields import Scope, facts
from postroad.protocols.connected_cars_legacy.messages import Documented
from postroad.protocols.connected_cars_legacy.options import Options

_encode = msgspec.json.Encoder().encode
_YEAR = re.compile("[1-9][0-9]{3}")
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def encode_message(message: Documented, options: Options) -> bytes | None:
    """One message; None if the scopes do not allow it. A field whose scope is missing is left out."""
    if message.scope is not None and message.scope not in options.scopes:
        return None
    if isinstance(message, UserSignup | CarAdd):
        cars = tuple(_year(allowed(car, options.scopes), options) for car in message.cars)
        message = msgspec.structs.replace(allowed(message, options.scopes), cars=cars)
    keys = _table_keys(type(message)) if options.spelling == "tables" else {}
    if not keys:
        return _encode(message)
    members: dict[str, Any] = msgspec.to_builtins(message)
    return _encode({keys.get(key, key): value for key, value in members.items()})


def bulk(bodies: Sequence[bytes]) -> bytes:
    """One request's body: a JSON array of messages, also of one."""
    return b"[" + b",".join(bodies) + b"]"


def allowed(struct: _Struct, scopes: Collection[str]) -> _Struct:
    """A message or car without the fields for which a scope is missing."""
    withheld = {name: None for name, scope in _scoped(type(struct)) if scope not in scopes}
    return msgspec.structs.replace(struct, **withheld) if withheld else struct


def _year(car: Car, options: Options) -> Car:
    """The vendor's table has text, its samples a number; what is no year of four digits stays text."""
    if car.year is None:
        return car
    text = str(car.year)
    a_number = options.spelling == "samples" and _YEAR.fullmatch(text)
    return msgspec.structs.replace(car, year=int(text) if a_number else text)


@cache
def _scoped(struct: type[msgspec.Struct]) -> tuple[tuple[str, Scope], ...]:
    """The fields that need a scope of their own."""
    return tuple((field.name, field.scope) for field in facts(struct) if field.scope is not None)


@cache
def _table_keys(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Key of the samples -> key of the tables, where they differ."""
    return {field.key: field.other_keys[0] for field in facts(struct) if field.other_keys}

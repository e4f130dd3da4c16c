"""What the fields of the messages are made of, and what is said about each: meaning, unit, scope, other spelling.

A field's facts stand beside its type, as data: the page, the JSON Schemas, reading and writing all use the same ones.
"""

from functools import cache
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

Scope = Literal[
    "user_name",
    "user_email",
    "user_phone",
    "vehicle_license_plate",
    "vehicle_make",
    "vehicle_model",
    "vehicle_ignition",
    "vehicle_position",
    "vehicle_odometer",
    "vehicle_fuel_level",
    "vehicle_fuel_consumed",
    "vehicle_profiling",
    "vehicle_idle_time",
    "vehicle_dtc",
]
"""What a service can ask a user for. The first eleven are those of the vendor's list; the last three stand only beside
the messages that need them."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

MAX_ID_CHARS = 64

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARS)]
"""ASCII, which is checked apart; case does not count."""
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Degrees = Annotated[float, Meta(ge=0, le=360)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Celsius = Annotated[float, Meta(ge=-100, le=200)]
NotNegative = Annotated[float, Meta(ge=0)]


class FieldFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a field besides its type."""

    name: str
    """In Python."""
    key: str
    """On the wire, as in the vendor's samples."""
    meaning: str
    unit: str
    """Empty for words, codes and truth values."""
    scope: Scope | None
    """Without it the field is left out; None: of its own it needs none."""
    other_keys: tuple[str, ...]
    """Read as well, in this order; the first is that of the vendor's tables."""
    required: bool


def said(meaning: str, *, unit: str = "", scope: Scope | None = None, other_keys: tuple[str, ...] = ()) -> Meta:
    """The facts of a field, to stand in its annotation."""
    shown = {"x-unit": unit, "x-scope": scope}
    return Meta(
        description=meaning,
        extra={"unit": unit, "scope": scope, "other_keys": other_keys},
        extra_json_schema={key: value for key, value in shown.items() if value},
    )


@cache
def facts(struct: type[msgspec.Struct]) -> tuple[FieldFacts, ...]:
    """The facts of a struct's fields, in their order. Every field has some: a test holds them to it."""
    hints = get_type_hints(struct, include_extras=True)
    return tuple(
        FieldFacts(
            name=field.name,
            key=field.encode_name,
            meaning=meta.description or "",
            required=field.required,
            **(meta.extra or {}),
        )
        for field in msgspec.structs.fields(struct)
        for meta in [_meta(hints[field.name])]
    )


def _meta(hint: Any) -> Meta:
    """The one that ``said`` made: the outermost, which comes last."""
    found: Meta = hint.__metadata__[-1]
    return found

"""What the wire structs are made of: numbers with their unit and granularity, and the fields that events share.

Unit and granularity are data (``Meta.extra``), from which the protocol's page is made. Where the vendor states no width
an integer is read as 64 bits; a *decimal* is a JSON number that may have a fraction. Fields whose page allows null may
also be absent. A field of the newer page only is ``UNSET`` when absent, so that reading and writing do not invent it.
"""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Int16 = Annotated[int, Meta(ge=-(2**15), le=2**15 - 1)]


def measure(unit: str, granularity: str = "") -> Meta:
    """Unit of a number, and the step it is rounded to; empty where the vendor states none."""
    shown = {"x-unit": unit, "x-granularity": granularity}
    return Meta(
        extra={"unit": unit, "granularity": granularity},
        extra_json_schema={key: value for key, value in shown.items() if value},
    )


Kilometres = Annotated[Int64, measure("km", "1 km")]
TenKilometres = Annotated[Int64, measure("km", "10 km")]
DecimalKilometres = Annotated[float, measure("km")]
KilometresPerHour = Annotated[float, measure("km/h")]
Days = Annotated[Int64, measure("days", "1 day")]
ThirtyDays = Annotated[Int64, measure("days", "30 days")]
Litres = Annotated[Int64, measure("l", "1 l")]
Percent = Annotated[Int64, measure("%", "1 %")]
DecimalPercent = Annotated[float, measure("%")]
Celsius = Annotated[Int64, measure("°C", "1 °C")]
DecimalCelsius = Annotated[float, measure("°C")]
Volts = Annotated[float, measure("V")]
Date = Annotated[str, measure("YYYY-MM-DD", "1 day")]
DateTime = Annotated[str, measure("RFC 3339")]


class WireEvent(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", forbid_unknown_fields=True
):
    """What every event has, an admin event too.

    Fields that are not the struct's are refused here and kept by ``read``, beside the struct (``Said.extra``).
    """

    id: Annotated[Int64, Meta(description="counts up; each shard of the sender counts for itself")]
    time: Annotated[DateTime, Meta(description="when it was recorded; kept as it was spelled")]


class VehicleEvent(WireEvent, frozen=True, kw_only=True):
    """What every vehicle event has."""

    vehicle_id: Annotated[Int32, Meta(description="the vehicle; also read from text")]
    vin: Annotated[str | UnsetType | None, Meta(description="VIN of the vehicle, newer page")] = UNSET
    organization_key: Annotated[
        str | UnsetType | None, Meta(description="market within which ids are unique, newer page")
    ] = UNSET

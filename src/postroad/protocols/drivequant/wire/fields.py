"""What the wire structs are made of: numbers with their unit, and meanings, as data from which the page is made.

The vendor marks nothing as required and publishes only part of its schemas, so everything may be absent or null but
the identifier of a message. Absent and null are the same here; the bytes that are kept beside a struct tell them apart.
"""

from typing import Annotated

import msgspec
from msgspec import Meta


def said(meaning: str) -> Meta:
    """What is said about a field besides its type, for people and JSON Schemas."""
    return Meta(description=meaning)


def unit(name: str) -> Meta:
    """The unit of a number."""
    return Meta(extra_json_schema={"x-unit": name})


Seconds = Annotated[float, unit("s")]
Metres = Annotated[float, unit("m")]
KilometresPerHour = Annotated[float, unit("km/h")]
Degrees = Annotated[float, unit("degrees")]
Percent = Annotated[float, unit("%")]
Kilograms = Annotated[float, unit("kg")]
GramsPerKilometre = Annotated[float, unit("g/km")]
Litres = Annotated[float, unit("l")]
LitresPer100Km = Annotated[float, unit("l/100 km")]
KilowattHours = Annotated[float, unit("kWh")]
KilowattHoursPer100Km = Annotated[float, unit("kWh/100 km")]
MilligramsPerKilometre = Annotated[float, unit("mg/km")]

WholeSeconds = Annotated[int, unit("s")]
WholeMetres = Annotated[int, unit("m")]
WholePercent = Annotated[int, unit("%")]

Score = Annotated[float, unit("0 to 10")]
"""10 is best; above 10 stands for not scored."""
Date = Annotated[str, Meta(extra_json_schema={"x-format": "yyyy-MM-dd'T'HH:mm:ss.SSSZ"})]
"""An instant with milliseconds and an offset: ``2025-01-30T07:23:22.000+0000``. ``+00:00`` and ``Z`` are read too."""


class Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An object of the wire. Members that it does not know are kept in the bytes beside it (``Said``)."""

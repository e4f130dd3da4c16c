"""What a subscription can choose of the records that are sent for it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.protocols.drivetech.wire import Azimuth, Kilometres, Speed

State = Literal["Tow", "Ignition Off Rest", "Idling", "Ignition On Moving", "Ignition On Rest"]
"""The documented values of ``state``: no other is sent."""


class Fallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to write into a field that nobody knows. Nothing, unless somebody who knows the receiver says so.

    There is none for a plate or a position: a made-up one would be a lie about where which vehicle was.
    """

    speed: Annotated[Speed | None, Meta(description="in km/h")] = None
    azimuth: Annotated[Azimuth | None, Meta(description="in degrees, clockwise from north")] = None
    state: Annotated[State | None, Meta(description="one of the five words")] = None
    ign_input: Annotated[bool | None, Meta(description="whether the ignition is on")] = None
    odometer: Annotated[Kilometres | None, Meta(description="in km")] = None


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Translation options of one subscription. Hashable."""

    max_fill_age_s: Annotated[
        float,
        Meta(
            gt=0,
            le=7 * 86_400,
            description="how old an earlier value may be to stand in a record that does not say it itself: from when "
            "it was recorded, and from when it was stored",
        ),
    ] = 600.0
    """Ten times the interval at which the vendor expects positions while the ignition is on: an older place is
    another part of the route. As long a stretch of the log is read back when a subscription starts."""
    fallback: Annotated[
        Fallback, Meta(description="values for fields that nobody knows: by default such an event is not sent")
    ] = Fallback()
    moving_above_kmh: Annotated[
        float, Meta(ge=0, description="a vehicle that is faster is moving, for the choice of `state`")
    ] = 5.0
    idle_after_s: Annotated[
        float,
        Meta(gt=0, description="a vehicle that stands for so long with its ignition on is idling, for `state`"),
    ] = 300.0
    harsh_unit: Annotated[
        Literal["m/s2", "g"], Meta(description="unit of the magnitude of `HARSH_BEHAVIOR`; the vendor states none")
    ] = "m/s2"

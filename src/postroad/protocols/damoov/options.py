"""What a provider and a subscription can choose."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Word = Annotated[str, Meta(min_length=1, max_length=64)]


class DamoovSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decoding settings of a provider: the readings of the vendor's pages that are not certain.

    They change what is derived, never what is stored.
    """

    trips: Annotated[
        Literal["processed", "received", "both"],
        Meta(
            description="which tracks are trips. The vendor does not say that a processed track has the token of the "
            "raw one, so with both of them one drive may become two trips"
        ),
    ] = "processed"
    height_unit: Annotated[
        Literal["unknown", "cm", "mm"],
        Meta(description="of `Height`: the vendor says centimetres, its samples fit millimetres; unknown: left out"),
    ] = "unknown"
    crash_speed_unit: Annotated[
        Literal["m/s", "km/h", "unknown"],
        Meta(description="of an accident's speeds: the vendor says that they are the phone's"),
    ] = "m/s"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Translation options of one subscription, which is what the vendor calls an instance."""

    base_url: Annotated[
        Annotated[str, Meta(pattern=r"^https://[^\s/]+(/[^\s?#]*[^\s?#/])?$")] | None,
        Meta(
            description="where this hub's datasets are fetched, without the vendor's path; without it only heartbeats "
            "are sent",
            extra_json_schema={"examples": ["https://hub.example"]},
        ),
    ] = None
    instance_id: Annotated[Word | None, Meta(description="`InstanceId` of heartbeats; without it they have none")] = (
        None
    )
    sender: Annotated[
        Word | None,
        Meta(description="`Sender`; without it `Damoov` in heartbeats and `Data Motion` in all others"),
    ] = None

"""What a provider and a subscription can choose."""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

Word = Annotated[str, Meta(min_length=1, max_length=64)]
Host = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?$")]
_Seconds = Annotated[float, Meta(gt=0, le=600)]

PUBLISHED_HOSTS: Final = ("mobilesdk.telematicssdk.com", "api.telematicssdk.com")
"""Where the vendor's own notifications have their datasets."""


class FetchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the datasets are fetched that a provider announces. Whoever writes a URL gets the user's credential."""

    hosts: Annotated[
        tuple[Host, ...],
        Meta(
            description="the hosts that may be asked, each with its port unless that is 443; what is announced at any "
            "other is given up at once"
        ),
    ] = PUBLISHED_HOSTS
    unneeded: Annotated[
        bool,
        Meta(description="fetch also what is of use only to look for a fault: removed tracks and rejected accidents"),
    ] = False
    concurrency: Annotated[int, Meta(ge=1, le=64, description="requests at once for tracks, and for accidents")] = 8
    timeout_s: Annotated[_Seconds, Meta(description="for a whole answer, in seconds")] = 60.0
    connect_timeout_s: Annotated[_Seconds, Meta(description="for TCP and TLS to one address, in seconds")] = 10.0


class DamoovSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a provider: the readings of the vendor's pages that are not certain, and how datasets are fetched.

    Readings change what is derived, never what is stored.
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
    fetch: Annotated[FetchSettings, Meta(description="how datasets are fetched")] = FetchSettings()


_SEGMENT = re.compile("[A-Za-z0-9_-]+")


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
    stored_url: Annotated[
        Annotated[str, Meta(pattern=r"^[a-z][a-z0-9+.-]*://[^\s?#]*[^\s?#/]$")] | None,
        Meta(
            description="in place of base_url: each dataset is copied to the destination's storage first, and this URL "
            "is where the receiver finds what is stored there",
            extra_json_schema={"examples": ["s3://bucket/prefix", "file:///srv/damoov"]},
        ),
    ] = None
    instance_id: Annotated[Word | None, Meta(description="`InstanceId` of heartbeats; without it they have none")] = (
        None
    )
    sender: Annotated[
        Word | None,
        Meta(description="`Sender`; without it `Damoov` in heartbeats and `Data Motion` in all others"),
    ] = None

    def __post_init__(self) -> None:
        """The URL of a dataset is one or the other; and what names an instance names its folder in the storage."""
        if self.base_url is not None and self.stored_url is not None:
            raise ValueError("give either base_url or stored_url")
        if self.stored_url is not None and self.instance_id is not None and not _SEGMENT.fullmatch(self.instance_id):
            raise ValueError("with stored_url, instance_id has only letters, digits, - and _")

    @property
    def announces(self) -> bool:
        """Whether anything is told that is to be fetched."""
        return self.base_url is not None or self.stored_url is not None

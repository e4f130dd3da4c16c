"""What a provider and a subscription can choose: the readings of the vendor's pages that are not certain."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class DriveQuantSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decoding settings of a provider. They change what is derived, never what is stored."""

    route_clock: Annotated[
        Literal["seconds", "milliseconds"],
        Meta(
            description="unit of ``route.gpsDate``, counted from 1970; where it gives no instant, samples are taken to"
            " be a second apart from the trip's start"
        ),
    ] = "seconds"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Translation options of one subscription. Hashable: what is the same for two subscriptions is encoded once."""

    sparse_route: Annotated[
        bool,
        Meta(
            description="write ``route`` also of trips whose positions are not a second apart, though receivers may"
            " count a second for each"
        ),
    ] = False
    unconfirmed_crashes: Annotated[
        bool,
        Meta(description="tell crashes of other protocols also where their source says that they are not confirmed"),
    ] = False

"""What a provider and a subscription can choose."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.protocols.connected_cars_legacy.fields import Scope


class LegacySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decoding settings of a provider: the readings of the vendor's page that are not certain.

    They change what is derived, never what is stored.
    """

    disabled_code: Annotated[
        Literal["removed", "unknown"],
        Meta(description="what ``enabled`` false of a ``dtc`` says: the code no longer shows, or nothing certain"),
    ] = "removed"
    reported_by_car: Annotated[
        Literal["can", "unknown"],
        Meta(
            description="where values come from that the vendor calls reported by the car: its own network or not known"
        ),
    ] = "can"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Translation options of one subscription. Hashable: what is the same for two subscriptions is encoded once."""

    scopes: Annotated[
        frozenset[Scope],
        Meta(
            description="what the service requests: messages and fields are written as far as that is also authorised"
        ),
    ] = frozenset()
    spelling: Annotated[
        Literal["samples", "tables"],
        Meta(description="whose keys are written where the vendor's samples and tables differ, and whose kind of year"),
    ] = "samples"
    feed: Annotated[
        Literal["account", "car"],
        Meta(description="which of the two feeds this subscription is: no message of the other is sent"),
    ] = "car"

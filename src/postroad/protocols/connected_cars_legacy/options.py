"""What a provider and a subscription can choose."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.protocols.connected_cars_legacy.fields import Scope


class LegacySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decoding settings of a provider: none so far. Every spelling that is known is read."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Translation options of one subscription. Hashable: what is the same for two subscriptions is encoded once."""

    scopes: Annotated[
        frozenset[Scope],
        Meta(description="what was both requested and authorised: it decides which messages and fields are written"),
    ] = frozenset()
    spelling: Annotated[
        Literal["samples", "tables"],
        Meta(description="whose keys are written where the vendor's samples and tables differ, and whose kind of year"),
    ] = "samples"

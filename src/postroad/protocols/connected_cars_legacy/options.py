"""What a provider and a subscription can choose."""

from typing import Literal

import msgspec

from postroad.protocols.connected_cars_legacy.fields import Scope


class LegacySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decoding settings of a provider: none so far. Every spelling that is known is read."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Translation options of one subscription. Hashable: what is the same for two subscriptions is encoded once."""

    scopes: frozenset[Scope] = frozenset()
    """What was both requested and authorised: it decides which messages and which fields are written."""
    spelling: Literal["samples", "tables"] = "samples"
    """Where the vendor's samples and tables differ: ``lon`` or ``long``, ``percent`` or ``charge_level_percent``,
    ``celsius`` or ``high_voltage_battery_temperature``, ``year`` as a number or as text."""

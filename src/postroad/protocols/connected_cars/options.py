"""What a subscription can choose of the translation."""

import msgspec

HARSH_FLOOR_G = 0.2
"""Harsh driving below this is not reported: the vendor's own rule."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Translation options of one subscription. Hashable: what is the same for two subscriptions is encoded once."""

    claim_can: bool = False
    """Send ``can_vehicle_speed_kph`` and ``can_fuel_level_percent`` from values that may not come from the CAN bus."""
    harsh_medium_g: float = 0.24
    """From here on harsh driving is ``_medium``. The vendor states no limits; its one sample calls 0.24 medium."""
    harsh_high_g: float = 0.4
    """From here on it is ``_high``."""

    def __post_init__(self) -> None:
        """Refuse classes that do not rise (msgspec turns it into its own error when it decodes)."""
        if not HARSH_FLOOR_G <= self.harsh_medium_g <= self.harsh_high_g:
            raise ValueError(f"expected {HARSH_FLOOR_G} <= harsh_medium_g <= harsh_high_g")

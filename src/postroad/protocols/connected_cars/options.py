"""What a subscription can choose of the translation."""

from typing import Literal

import msgspec

HARSH_FLOOR_G = 0.2
"""Harsh driving below this is not reported: the vendor's own rule."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Translation options of one subscription. Hashable: what is the same for two subscriptions is encoded once."""

    claim_can: bool = False
    """Send ``can_...`` types also from values that may not come from the CAN bus, where no other type says them."""
    harsh_medium_g: float = 0.24
    """From here on harsh driving is ``_medium``. The vendor states no limits; its one sample calls 0.24 medium."""
    harsh_high_g: float = 0.4
    """From here on it is ``_high``. Neither limit counts where the source has classed it."""
    profile: Literal["2023-08", "2026-03"] = "2023-08"
    """Which of the vendor's pages is followed where they disagree: names, the day's ``time``, types that are made from
    other protocols' reports. Of what came in by this protocol no fact is dropped in either."""
    organization_key: str | None = None
    """The market, sent with every vehicle event in place of the source's. None: the source's, if it had one."""
    admin_events: bool = True
    """Send the six admin event types, whether or not they are among the agreed types."""
    relay_access: bool = False
    """Send on what a provider says of *its* grants to the hub. Without it customers are told of grants to them only.
    That it withdrew access the hub tells in either case, once, in its own words."""

    def __post_init__(self) -> None:
        """Refuse classes that do not rise (msgspec turns it into its own error when it decodes)."""
        if not HARSH_FLOOR_G <= self.harsh_medium_g <= self.harsh_high_g:
            raise ValueError(f"expected {HARSH_FLOOR_G} <= harsh_medium_g <= harsh_high_g")

"""What a provider's decoding settings can change: the readings of the vendor's page that are not certain."""

from typing import Literal

import msgspec


class DrivetechSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decoding settings of one provider. They change what is derived, never what is stored."""

    profile: Literal["lenient", "strict"] = "lenient"
    """Lenient: ``buff`` and ``ign_input`` may be absent (false), booleans and numbers may be given as text, and
    booleans as 0 or 1. Strict: none of these."""
    speed_unit: Literal["km/h", "mph", "kn", "m/s"] = "km/h"
    """The vendor states none."""
    harsh_unit: Literal["m/s2", "g", "unknown"] = "m/s2"
    """Of ``HARSH_BEHAVIOR``'s magnitude. The vendor states none; its sample of 4.2 makes m/s2 likelier than g.
    Unknown: the number is kept, and no g is derived from it."""

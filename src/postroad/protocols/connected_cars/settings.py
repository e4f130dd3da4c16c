"""What a provider's decoding settings can change."""

import msgspec


class ConnectedCarsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decoding settings of one provider. They change what is derived, never what is stored."""

    organization_in_ids: bool = False
    """The provider sends for several markets. Numbers are unique only within one, so identifiers of vehicles and
    fleets become ``organizationKey/number``."""

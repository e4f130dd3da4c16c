"""Who said something, and when."""

import msgspec

OF_THE_HUB = 0
"""Provider id of what the hub itself says: nobody sent it."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Who said it and when. Instants are microseconds since 1970, UTC."""

    subject_id: int
    provider_id: int
    recorded_us: int
    received_us: int
    late: bool = False
    """The source marked it as sent late; it fills gaps and never replaces newer values."""
    ahead: bool = False
    """Recorded further in the future than the setting allows; it never becomes last-known state."""

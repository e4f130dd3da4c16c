"""What a look at a hub found."""

from collections.abc import Callable

import msgspec

from postroad.errors import PostroadError


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at."""

    check: str
    ok: bool
    detail: str


class Findings(list[Finding]):
    """Everything looked at, in order."""

    def look(self, check: str, at: Callable[[], str]) -> bool:
        """Add what ``at`` says, or the error it raises; whether it was fine."""
        try:
            self.append(Finding(check, True, at()))
        except PostroadError as exc:
            self.append(Finding(check, False, str(exc)))
        return self[-1].ok

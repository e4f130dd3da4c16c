"""Passwords of owners: kept as argon2id hashes, and checked in the same time whether or not there is somebody.

Source: RFC 9106 (argon2). Its second recommended set of parameters is the library's default: 64 MiB, 3 passes, 4 lanes.
"""

import secrets
import unicodedata
from functools import cached_property
from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from postroad.errors import ConfigError

MIN_CHARS: Final = 10
MAX_CHARS: Final = 500
"""The longer a password, the longer it takes: this bounds what a request may cost."""


class Checked(NamedTuple):
    """What came of a check."""

    right: bool
    renewed: str | None = None
    """A hash to keep instead, where parameters have changed since the present one was made."""


class Passwords:
    """Makes and checks hashes. Either takes some tens of milliseconds, and 64 MiB meanwhile: never on an event loop."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """``hasher`` has the parameters; by default those that are recommended."""
        self._hasher = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        """The hash to keep, in PHC format. Raises ``ConfigError`` for a password that is too short or too long."""
        if not MIN_CHARS <= len(password) <= MAX_CHARS:
            raise ConfigError(f"has {MIN_CHARS} to {MAX_CHARS} characters", field="password")
        return self._hasher.hash(_compared(password))

    def check(self, password: str, kept: str | None) -> Checked:
        """Whether it is the password of which ``kept`` is the hash; with ``None``, of nobody, it costs as much."""
        right = self._verify(kept or self._nobodys, password) and kept is not None
        if not right or kept is None or not self._hasher.check_needs_rehash(kept):
            return Checked(right)
        return Checked(right, self._hasher.hash(_compared(password)))

    def _verify(self, kept: str, password: str) -> bool:
        if len(password) > MAX_CHARS:
            return False
        try:
            return self._hasher.verify(kept, _compared(password))
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _nobodys(self) -> str:
        """The hash of a password that nobody knows."""
        return self._hasher.hash(secrets.token_urlsafe())


def _compared(password: str) -> str:
    """Keyboards encode the same letter differently."""
    return unicodedata.normalize("NFKC", password)

"""Access tokens: what is shown to the hub, until they expire, by whoever has signed in.

A provider gets one for its client id and secret, and shows it at the entrances; a service account gets one for an
assertion, and shows it at the hub's API.

A token is a note to ourselves, sealed with the folder's key: whose it is and until when. Nothing is stored, so a
restart, another process of the same folder, or any number of tokens at once change nothing, and asking for tokens
cannot fill the registry. It names the credential with which it was got (the provider's own token, or the service
account): when that is revoked, or its owner removed, it is worth nothing with the next view of the registry. Not secret
from its holder, but sealed all the same: it says nothing to anybody.
"""

import base64
import hashlib
import hmac
from typing import Final

import msgspec

from postroad.clock import Clock
from postroad.errors import PostroadError
from postroad.registry.records import Provider, RegistryView
from postroad.registry.secrets import KeyRing

PREFIX: Final = b"pat_"
"""So that people and scanners of repositories recognise one."""
MAX_CHARS: Final = 512
"""Longer ones are not looked at."""

CLIENTS: Final = "access_token"
"""The place of tokens of providers' clients."""
SERVICE_ACCOUNTS: Final = "service_account_token"
"""The place of tokens of service accounts."""

_SCHEME: Final = b"bearer "


class _Note(msgspec.Struct, frozen=True, array_like=True):
    holder_id: str
    expires_us: int


class AccessTokens:
    """Issues those of one place, and knows them again. One of another place is none of them."""

    def __init__(self, keys: KeyRing, *, lifetime_s: int, clock: Clock, place: str = CLIENTS) -> None:
        """Each is good for ``lifetime_s``."""
        self.lifetime_s = lifetime_s
        self._keys = keys
        self._clock = clock
        self._place = place

    def issue(self, holder_id: str) -> str:
        """A new token for a client whose secret, or a service account whose assertion was checked."""
        note = _Note(holder_id, self._clock.now_us() + self.lifetime_s * 1_000_000)
        sealed = self._keys.seal(self._place, msgspec.json.encode(note).decode())
        return (PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=")).decode()

    def provider_of(self, authorization: bytes, view: RegistryView) -> Provider | None:
        """Whose token an ``Authorization`` header holds; ``None`` if it is none of ours, expired or revoked."""
        if authorization[:7].lower() != _SCHEME:
            return None
        client_id = self.holder_of(authorization[7:].strip())
        return None if client_id is None else _provider_of(view.clients.get(client_id), view)

    def holder_of(self, token: bytes) -> str | None:
        """To whom a token was issued; ``None`` if it is none of ours or expired. Whether he still is, the view says.

        Nothing can be learned from the time this takes: a sealed text is checked as a whole, in constant time.
        """
        note = self._opened(token)
        return None if note is None or self._clock.now_us() >= note.expires_us else note.holder_id

    def _opened(self, token: bytes) -> _Note | None:
        if not token.startswith(PREFIX) or len(token) > MAX_CHARS:
            return None
        text = token[len(PREFIX) :]
        try:
            sealed = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return msgspec.json.decode(self._keys.unseal(self._place, sealed), type=_Note)
        except (ValueError, msgspec.MsgspecError, PostroadError):
            return None


def client_of(client_id: str, secret: str, view: RegistryView) -> Provider | None:
    """The provider whose client this is, if the secret is its own. Secrets are compared by digest, in constant time."""
    expected = view.clients.get(client_id)
    given = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
    if not hmac.compare_digest(given, expected or bytes(len(given))):
        return None
    return _provider_of(expected, view)


def _provider_of(sha256: bytes | None, view: RegistryView) -> Provider | None:
    provider_id = None if sha256 is None else view.tokens.get(sha256)
    return None if provider_id is None else view.providers.get(provider_id)

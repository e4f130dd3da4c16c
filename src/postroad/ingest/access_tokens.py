"""Access tokens: what a provider gets for its client id and secret, and shows at the entrances until they expire.

A token is a note to ourselves, sealed with the folder's key: whose it is and until when. Nothing is stored, so a
restart, another process of the same folder, or any number of tokens at once change nothing, and asking for tokens
cannot fill the registry. It names the provider's own token, of which it was got: when that is revoked, or the provider
removed, it is worth nothing with the next view of the registry. Not secret from its holder, but sealed all the same:
it says nothing to anybody.
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

_PLACE: Final = "access_token"
_SCHEME: Final = b"bearer "


class _Note(msgspec.Struct, frozen=True, array_like=True):
    client_id: str
    expires_us: int


class AccessTokens:
    """Issues them, and knows them again."""

    def __init__(self, keys: KeyRing, *, lifetime_s: int, clock: Clock) -> None:
        """Each is good for ``lifetime_s``."""
        self.lifetime_s = lifetime_s
        self._keys = keys
        self._clock = clock

    def issue(self, client_id: str) -> str:
        """A new token for a client, whose secret was checked."""
        note = _Note(client_id, self._clock.now_us() + self.lifetime_s * 1_000_000)
        sealed = self._keys.seal(_PLACE, msgspec.json.encode(note).decode())
        return (PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=")).decode()

    def provider_of(self, authorization: bytes, view: RegistryView) -> Provider | None:
        """Whose token an ``Authorization`` header holds; ``None`` if it is none of ours, expired or revoked.

        Nothing can be learned from the time this takes: a sealed text is checked as a whole, in constant time.
        """
        if authorization[:7].lower() != _SCHEME:
            return None
        note = self._opened(authorization[7:].strip())
        if note is None or self._clock.now_us() >= note.expires_us:
            return None
        return _provider_of(view.clients.get(note.client_id), view)

    def _opened(self, token: bytes) -> _Note | None:
        if not token.startswith(PREFIX) or len(token) > MAX_CHARS:
            return None
        text = token[len(PREFIX) :]
        try:
            sealed = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return msgspec.json.decode(self._keys.unseal(_PLACE, sealed), type=_Note)
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

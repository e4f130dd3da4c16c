"""Who is calling: bearer tokens of providers, known by their SHA-256 only, and access tokens got with them.

Constant time, without comparing in constant time: what is looked up is the digest. A caller cannot choose a digest's
first bytes without guessing the token, so that how far two digests agree, and how long finding that out takes, says
nothing of how far two tokens agree; a token near a good one is as far away as any. Hashing takes as long as the text is
long, and that the caller knows already. ``Callers`` keeps to this.
"""

import base64
import hashlib

from postroad.ingest.access_tokens import AccessTokens
from postroad.registry.records import Provider, RegistryView

MAX_REMEMBERED = 1_000
"""Headers of good tokens; one token can be written in many ways, by blanks before it."""

_SCHEME = b"bearer "
_BASIC = b"basic "


def provider_of(
    authorization: bytes | None, view: RegistryView, protocol: str, *, basic: bool = False
) -> Provider | None:
    """The provider whose active token the ``Authorization`` header holds, if it speaks ``protocol``.

    ``basic``: it may also stand there as the password of basic authentication, under any name.
    The look-up is by digest: how long it takes tells nothing about any token.
    """
    token = _token(authorization, basic=basic) if authorization is not None else None
    if token is None:
        return None
    provider_id = view.tokens.get(hashlib.sha256(token).digest())
    if provider_id is None:
        return None
    provider = view.providers.get(provider_id)
    return provider if provider is not None and provider.protocol == protocol else None


def _token(authorization: bytes, *, basic: bool) -> bytes | None:
    if authorization[:7].lower() == _SCHEME:
        return authorization[7:].strip()
    if basic and authorization[:6].lower() == _BASIC:
        try:
            _, separator, password = base64.b64decode(authorization[6:].strip(), validate=True).partition(b":")
        except ValueError:
            return None
        return password if separator else None
    return None


class Callers:
    """Finds the caller's provider; a header whose token was good is not hashed again as long as the view is the same.

    That saves about 0.8 us a request. Python finds a header by a keyed hash (SipHash) of all of it, and compares texts
    only when all 64 bits agree: there is still nothing to be learned from the time.
    """

    def __init__(self, protocol: str, *, basic: bool = False, access: AccessTokens | None = None) -> None:
        """Of those that speak ``protocol``; ``basic`` as in ``provider_of``; ``access`` tokens too, if given."""
        self._basic = basic
        self._access = access
        self._protocol = protocol
        self._view: RegistryView | None = None
        self._good: dict[bytes | None, Provider] = {}

    def provider_of(self, authorization: bytes | None, view: RegistryView) -> Provider | None:
        """As the function of that name. A token that is revoked is so with the view that says it."""
        if view is not self._view:
            self._view, self._good = view, {}
        provider = self._good.get(authorization)
        if provider is None:
            provider = provider_of(authorization, view, self._protocol, basic=self._basic)
            if provider is not None:
                if len(self._good) >= MAX_REMEMBERED:
                    self._good.clear()
                self._good[authorization] = provider
            elif self._access is not None and authorization is not None:  # never remembered: these expire
                provider = self._access.provider_of(authorization, view)
                if provider is not None and provider.protocol != self._protocol:
                    return None
        return provider

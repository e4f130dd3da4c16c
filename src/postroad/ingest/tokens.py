"""Who is calling: bearer tokens of providers, known by their SHA-256 only.

Constant time, without comparing in constant time: what is looked up is the digest. A caller cannot choose a digest's
first bytes without guessing the token, so that how far two digests agree, and how long finding that out takes, says
nothing of how far two tokens agree; a token near a good one is as far away as any. Hashing takes as long as the text is
long, and that the caller knows already. No token is compared with another as text.
"""

import hashlib

from postroad.registry.records import Provider, RegistryView

_SCHEME = b"bearer "


def provider_of(authorization: bytes | None, view: RegistryView, protocol: str) -> Provider | None:
    """The provider whose active token the ``Authorization`` header holds, if it speaks ``protocol``.

    The look-up is by digest: how long it takes tells nothing about any token.
    """
    if authorization is None or authorization[:7].lower() != _SCHEME:
        return None
    provider_id = view.tokens.get(hashlib.sha256(authorization[7:].strip()).digest())
    if provider_id is None:
        return None
    provider = view.providers.get(provider_id)
    return provider if provider is not None and provider.protocol == protocol else None

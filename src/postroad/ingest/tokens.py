"""Who is calling: bearer tokens of providers, known by their SHA-256 only."""

import hashlib

from postroad.registry.records import Provider, RegistryView

_SCHEME = b"bearer "
MAX_KNOWN = 1024


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


class Callers:
    """``provider_of`` for one protocol, with a memory: the same header again costs one look-up.

    It forgets all with every new view, so a revoked token is refused as soon as the registry's change is in use.
    """

    def __init__(self, protocol: str) -> None:
        """Nobody is known yet."""
        self._protocol = protocol
        self._view: RegistryView | None = None
        self._known: dict[bytes, Provider] = {}

    def find(self, authorization: bytes | None, view: RegistryView) -> Provider | None:
        """See ``provider_of``. Only good tokens are remembered: bad ones are without number."""
        if authorization is None:
            return None
        if view is not self._view or len(self._known) > MAX_KNOWN:  # a good token has many spellings: spaces, case
            self._view, self._known = view, {}
        provider = self._known.get(authorization)
        if provider is None:
            provider = provider_of(authorization, view, self._protocol)
            if provider is not None:
                self._known[authorization] = provider
        return provider

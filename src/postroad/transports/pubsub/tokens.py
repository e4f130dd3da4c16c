"""Whether a push's token is Google's, for the service account and the audience that the subscription shows.

Source   Google's documentation of authentication for push subscriptions: an OpenID Connect token, RS256, whose claims
         ``aud``, ``email`` and ``email_verified`` the receiver checks; certificates by key id, as JSON of PEM texts.

Certificates are fetched when they are older than an hour, and when a token names one that is not known; a stranger who
makes up names has them fetched once a minute at most.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jwt import JWTClaimsRegistry

from postroad.clock import Clock

ISSUERS: Final = ["https://accounts.google.com", "accounts.google.com"]
LEEWAY_S: Final = 60
KEPT_S: Final = 3600.0
FETCHED_APART_S: Final = 60.0
MAX_TOKEN_CHARS: Final = 8192

_SIGNED: Final = jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)  # RFC 7515, section 4
_MALFORMED: Final = (JoseError, ValueError, TypeError)


class BadToken(Exception):
    """The token is none, or somebody else's. Caught by the push, and answered 401."""


class NoCertificates(Exception):
    """They cannot be had now. Caught by the push, and answered 503; its text is for an alert."""


class TokenCheck:
    """Checks tokens of one subscription's pushes."""

    def __init__(self, fetch: Callable[[], Awaitable[bytes]], *, audience: str, email: str, clock: Clock) -> None:
        """``fetch`` gives the JSON of certificates, or raises ``NoCertificates``."""
        self._fetch = fetch
        self._audience = audience
        self._email = email
        self._clock = clock
        self._keys: Mapping[str, RSAKey] = {}
        self._fetched_s: float | None = None
        self._fetching = asyncio.Lock()

    async def check(self, authorization: str) -> None:
        """Raises ``BadToken`` or ``NoCertificates`` unless an ``Authorization`` header shows a token that is good."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or len(token) > MAX_TOKEN_CHARS:
            raise BadToken
        try:
            signed = jws.extract_compact(token.strip().encode(), registry=_SIGNED)
            key = await self._key(str(signed.headers().get("kid")))
            good = jws.validate_compact(signed, key, registry=_SIGNED)
            claims = json.loads(signed.payload)
        except (*_MALFORMED, RecursionError) as exc:
            raise BadToken from exc
        if not good or not isinstance(claims, dict) or not self._is_good(claims):
            raise BadToken

    def _is_good(self, claims: dict[str, Any]) -> bool:
        registry = JWTClaimsRegistry(
            now=self._clock.now_us() // 1_000_000,
            leeway=LEEWAY_S,
            iss={"essential": True, "values": ISSUERS},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            iat={"essential": True},
            email={"essential": True, "value": self._email},
        )
        try:
            registry.validate(claims)
        except _MALFORMED:
            return False
        return claims.get("email_verified") is True

    async def _key(self, key_id: str) -> RSAKey:
        async with self._fetching:
            age_s = None if self._fetched_s is None else self._clock.monotonic_s() - self._fetched_s
            if age_s is None or age_s > KEPT_S or (key_id not in self._keys and age_s > FETCHED_APART_S):
                self._keys = _keys(await self._fetch())
                self._fetched_s = self._clock.monotonic_s()
        if key_id not in self._keys:
            raise BadToken
        return self._keys[key_id]


def _keys(body: bytes) -> dict[str, RSAKey]:
    try:
        return {str(key_id): _key(pem) for key_id, pem in json.loads(body).items()}
    except (*_MALFORMED, AttributeError, RecursionError) as exc:
        raise NoCertificates("what is said to be the certificates of push tokens cannot be read") from exc


def _key(pem: str) -> RSAKey:
    public = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return RSAKey.import_key(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

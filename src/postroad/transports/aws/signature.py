"""Whether an envelope is signed by Amazon, as both versions of the signature have it: RSA over SHA-1, or over SHA-256.

Source   Amazon, "Verifying the signatures of Amazon SNS messages": the certificate's URL is Amazon's, by https.

The TLS of that URL is what vouches for a certificate. Certificates are kept for a day. A stranger who makes up URLs has
something fetched from Amazon every ten seconds at most.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from postroad.clock import Clock
from postroad.transports.aws.envelope import Envelope

KEPT_S: Final = 86_400.0
FETCHED_APART_S: Final = 10.0
MAX_KEPT: Final = 8
_HASHES: Final = {"1": hashes.SHA1, "2": hashes.SHA256}
"""Version 1 is what topics sign by unless they are told otherwise."""
_PATH: Final = re.compile(r"(/[A-Za-z0-9._-]+)*/[A-Za-z0-9._-]+\.pem")


class BadSignature(Exception):
    """The envelope is not signed, or by somebody else. Caught by the push, and answered 401."""


class NoCertificate(Exception):
    """It cannot be had now. Caught by the push, and answered 503; its text is for an alert."""


class Hosts:
    """Where certificates and confirmations of one topic may be."""

    def __init__(self, topic_arn: str, endpoint: str | None) -> None:
        """Amazon's host of the topic's region, or ``endpoint`` in its place."""
        _, partition, _, region, *_ = topic_arn.split(":")
        domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        self._origin = _origin(endpoint or f"https://sns.{region}.{domain}")

    def allows(self, url: str) -> bool:
        """Nothing else is ever asked, whatever an envelope says."""
        try:
            parsed = urlsplit(url)
            return _origin(url) == self._origin and "@" not in parsed.netloc and not parsed.fragment
        except ValueError:
            return False


def _origin(url: str) -> tuple[str, str | None, int]:
    """Raises ``ValueError``."""
    parsed = urlsplit(url)
    return parsed.scheme, parsed.hostname, parsed.port or 443


class SignatureCheck:
    """Checks envelopes of one topic."""

    def __init__(self, fetch: Callable[[str], Awaitable[bytes]], *, hosts: Hosts, clock: Clock) -> None:
        """``fetch`` gives what is at a URL, or raises ``NoCertificate``."""
        self._fetch = fetch
        self._hosts = hosts
        self._clock = clock
        self._keys: dict[str, tuple[RSAPublicKey, float]] = {}
        """By URL: the key, and when it was fetched."""
        self._fetched_s: float | None = None
        self._fetching = asyncio.Lock()

    async def check(self, envelope: Envelope) -> None:
        """Raises ``BadSignature`` or ``NoCertificate`` unless it is signed by Amazon."""
        if not self._hosts.allows(envelope.signing_cert_url) or not _PATH.fullmatch(_path(envelope.signing_cert_url)):
            raise BadSignature
        try:
            signature = base64.b64decode(envelope.signature, validate=True)
            key = await self._key(envelope.signing_cert_url)
            key.verify(signature, envelope.signed(), PKCS1v15(), _HASHES[envelope.signature_version]())
        except (InvalidSignature, binascii.Error, ValueError) as exc:
            raise BadSignature from exc

    async def _key(self, url: str) -> RSAPublicKey:
        async with self._fetching:
            now_s = self._clock.monotonic_s()
            key, since_s = self._keys.get(url, (None, 0.0))
            if key is not None and now_s - since_s <= KEPT_S:
                return key
            if self._fetched_s is not None and now_s - self._fetched_s < FETCHED_APART_S:
                raise NoCertificate("the certificate of a push's signature was not fetched: another was just before")
            self._fetched_s = now_s
            fetched = _public_key(await self._fetch(url))
            while len(self._keys) >= MAX_KEPT:
                del self._keys[next(iter(self._keys))]
            self._keys[url] = (fetched, now_s)
            return fetched


def _path(url: str) -> str:
    """With the query and whatever else follows: a certificate's URL has none."""
    return "/" + url.partition("://")[2].partition("/")[2]


def _public_key(pem: bytes) -> RSAPublicKey:
    """Raises ``BadSignature`` if it is none that Amazon would sign by."""
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except ValueError as exc:
        raise BadSignature from exc
    if not isinstance(key, RSAPublicKey):
        raise BadSignature
    return key

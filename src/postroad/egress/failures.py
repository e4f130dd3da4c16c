"""What went wrong on the way out, as a closed set of reasons. The exceptions of aiohttp, ssl and sockets end here."""

import ssl
from collections.abc import Iterator
from typing import Literal

import aiohttp

from postroad.errors import EgressRefused, PostroadError

_ALERTS = {
    "ALERT_CERTIFICATE_REQUIRED": "the other end asks for a client certificate",
    "ALERT_UNKNOWN_CA": "the other end does not know the authority of our client certificate",
    "ALERT_CERTIFICATE_EXPIRED": "our client certificate has expired, says the other end",
    "ALERT_CERTIFICATE_REVOKED": "our client certificate has been revoked, says the other end",
    "ALERT_CERTIFICATE_UNKNOWN": "the other end does not accept our client certificate",
    "ALERT_BAD_CERTIFICATE": "the other end does not accept our client certificate",
}
"""How OpenSSL's reasons end -> what to tell people."""

FailureReason = Literal["dns", "connect", "tls", "timeout", "broken"]


class EgressFailed(PostroadError):
    """No complete answer came back. The request may have arrived all the same.

    Attributes:
        reason: ``dns``, ``connect``, ``tls``, ``timeout`` or ``broken`` (the connection ended before the answer did).
        detail: a short sentence for people. Never holds the URL, a header or a body.
    """

    def __init__(self, reason: FailureReason, detail: str) -> None:
        """Give the closed reason and a sentence for people."""
        super().__init__(f"{reason}: {detail}")
        self.reason: FailureReason = reason
        self.detail = detail


class RefusedSocket(OSError):
    """Carries a refusal through aiohttp's connect loop, which lets nothing but ``OSError`` pass between addresses."""

    def __init__(self, refusal: EgressRefused) -> None:
        """Wrap ``refusal``."""
        super().__init__(str(refusal))
        self.refusal = refusal


def failure_of(exc: BaseException) -> EgressFailed | EgressRefused:
    """What an exception out of aiohttp means. The order matters: its classes inherit from several of these."""
    for cause in _causes(exc):
        if isinstance(cause, RefusedSocket):
            return cause.refusal
    if isinstance(exc, TimeoutError):
        return EgressFailed("timeout", "no complete answer in time")
    for cause in _causes(exc):
        if isinstance(cause, aiohttp.ClientError):
            continue  # some of aiohttp's are SSLErrors by name only; the real one stands behind them
        if isinstance(cause, ssl.SSLCertVerificationError):
            return EgressFailed("tls", f"the certificate was not accepted: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return EgressFailed("tls", _objection(cause.reason or "NO_REASON_GIVEN"))
    if isinstance(exc, aiohttp.ClientConnectorError):
        if isinstance(exc.os_error, ConnectionResetError | ConnectionAbortedError):
            return EgressFailed("tls", "the connection ended during the TLS handshake")
        return EgressFailed("connect", exc.os_error.strerror or "no connection could be made")
    if isinstance(exc, aiohttp.InvalidURL):
        return EgressRefused("name", "the URL's host is not in its usual spelling")
    if isinstance(exc, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
        return EgressFailed("broken", "the connection ended before the answer did")
    if isinstance(exc, aiohttp.ClientResponseError):
        return EgressFailed("broken", "the answer is not HTTP as we know it")
    return EgressFailed("broken", f"the connection failed ({type(exc).__name__})")


def _objection(reason: str) -> str:
    """OpenSSL's reason as a sentence. An alert about a certificate can only be about ours."""
    for ending, sentence in _ALERTS.items():
        if reason.endswith(ending):
            return sentence
    return f"TLS failed: {reason.lower().replace('_', ' ')}"


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    """``exc``, what it was raised from, and so on; with the ``OSError`` that a connector's error holds."""
    while exc is not None:
        yield exc
        if isinstance(exc, aiohttp.ClientConnectorError):
            yield exc.os_error
        exc = exc.__cause__

"""How the other end proves who it is: TLS 1.2 or later, certificate and host name always checked.

There is no setting that turns a check off. The one knob is a file of certificate authorities, trusted *in addition to*
the system's: a destination often has a public authority at its token endpoint and a private one at its own door. How we
prove who we are is in ``client_certificate``.
"""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from postroad.egress.failures import EgressFailed, failure_of
from postroad.errors import ConfigError

_OBJECTION_S = (0.2, 2.0)
"""The least and the most that an objection is waited for."""


def read_ca_file(ca_file: str) -> str:
    """The text of a PEM file. Raises ``ConfigError`` if there is none."""
    try:
        return Path(ca_file).read_text("ascii")
    except OSError as exc:
        raise ConfigError(f"{ca_file}: {exc.strerror}", field="ca_file") from exc
    except ValueError as exc:
        raise ConfigError(f"{ca_file}: not PEM text", field="ca_file") from exc


def client_context(authorities: str | None = None) -> ssl.SSLContext:
    """A context that checks everything, by the system's authorities and by those in PEM text.

    Raises ``ConfigError`` if the text holds no certificate.
    """
    context = ssl.create_default_context()  # system roots, host name and certificate checked
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities is not None:
        try:
            context.load_verify_locations(cadata=authorities)
        except (ssl.SSLError, ValueError) as exc:
            raise ConfigError("the file of certificate authorities holds no PEM certificate", field="ca_file") from exc
    return context


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a checked TLS connection reached."""

    tls_version: str
    """As OpenSSL writes it: ``TLSv1.3``."""
    expires: datetime
    issuer: str
    """The issuer's common name, or its organization."""
    names: tuple[str, ...]
    """The subject's alternative names: host names and addresses the certificate is good for."""


async def inspect(address: str, port: int, server_name: str, context: ssl.SSLContext, *, timeout_s: float) -> Peer:
    """Connect to an address that the guard has passed, and say who is there. Raises ``EgressFailed``."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=server_name)
    except (OSError, TimeoutError) as exc:
        raise failure_of(exc) from exc
    try:
        await _hear_objection(reader, 2 * (loop.time() - started_s))
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return _peer(tls.getpeercert() or {}, tls.version() or "unknown")
    finally:
        writer.transport.abort()  # nothing was said; no need to wait for a goodbye


async def _hear_objection(reader: asyncio.StreamReader, wait_s: float) -> None:
    """Wait a moment for what the other end makes of our certificate, or of our having none.

    In TLS 1.3 our handshake is over before it has seen that, and we cannot tell whether it asked at all. An objection
    comes one way there and back later; ``wait_s`` is the time that the handshake took, twice.
    """
    try:
        async with asyncio.timeout(min(max(wait_s, _OBJECTION_S[0]), _OBJECTION_S[1])):
            said = await reader.read(1)
    except TimeoutError:
        return
    except ConnectionError:
        said = b""
    except OSError as exc:
        raise failure_of(exc) from exc
    if not said:
        raise EgressFailed("tls", "the other end hung up after the TLS handshake: it may ask for a client certificate")


def _peer(certificate: dict[str, Any], tls_version: str) -> Peer:
    """Read the mapping that ``ssl.SSLObject.getpeercert`` gives."""
    issuer = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    return Peer(
        tls_version=tls_version,
        expires=datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC),
        issuer=issuer.get("commonName") or issuer.get("organizationName") or "unnamed",
        names=tuple(value for _, value in certificate.get("subjectAltName", ())),
    )

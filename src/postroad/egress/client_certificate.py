"""How we prove who we are in TLS: a certificate and its key in files, which are renewed while the hub runs.

New connections show the newest pair; those made with an earlier one are used no more. A new pair is loaded whole into a
context of its own before anything is sent with it, so that a broken one changes nothing.
"""

import logging
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from postroad.errors import ConfigError

_NOT_A_PAIR = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")

_log = logging.getLogger(__name__)


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What a certificate says."""

    name: str
    """The subject's common name, or its organization."""
    issuer: str
    """The issuer's common name, or its organization."""
    expires: datetime


class ClientCertificate:
    """The pair in two files (or both in one), as it is now, for the connections of one destination."""

    def __init__(self, make_context: Callable[[], ssl.SSLContext], cert_file: str, key_file: str | None = None) -> None:
        """Load it into a context that ``make_context`` makes, shared with no other destination.

        Raises:
            ConfigError: They cannot be read, or are no pair. It names the field, ``client_cert_file`` or
                ``client_key_file``.
        """
        self._make_context = make_context
        self._cert_file = cert_file
        self._key_file = key_file or cert_file
        self._seen = self._marks()
        self._context, self._certificate = self._load()

    @property
    def certificate(self) -> Certificate:
        """What the pair in use says."""
        return self._certificate

    def context(self) -> ssl.SSLContext:
        """The context for the next request. Files that have changed are loaded; if they are wrong, that is logged."""
        marks = self._marks()
        if marks != self._seen:
            self._seen = marks
            try:
                self._context, self._certificate = self._load()
            except ConfigError as exc:
                _log.error("The new client certificate is not used; the old one stays: %s", exc)
            else:
                _log.info("The client certificate %s was loaded again", self._cert_file)
        return self._context

    def _load(self) -> tuple[ssl.SSLContext, Certificate]:
        certificate = _described(_read(self._cert_file, "client_cert_file"), self._cert_file)
        _read(self._key_file, "client_key_file")  # says which file is not there; ssl does not
        context = self._make_context()
        try:
            # A key with a passphrase would be asked for at the terminal: an empty one is wrong at once.
            context.load_cert_chain(self._cert_file, self._key_file, password="")
        except (OSError, ValueError) as exc:
            reason = exc.reason if isinstance(exc, ssl.SSLError) else None
            if reason in _NOT_A_PAIR:
                message = f"{self._key_file}: not the key of the certificate in {self._cert_file}"
            else:
                said = f" ({reason.lower().replace('_', ' ')})" if reason else ""
                message = f"{self._key_file}: holds no PEM key that can be used without a passphrase{said}"
            raise ConfigError(message, field="client_key_file") from exc
        return context, certificate

    def _marks(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes when a file is written or replaced; ``None`` for one that is not there."""
        marks: list[tuple[int, int, int] | None] = []
        for file in (self._cert_file, self._key_file):
            try:
                status = Path(file).stat()
            except OSError:
                marks.append(None)
            else:
                marks.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(marks)


def _read(file: str, field: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as exc:
        raise ConfigError(f"{file}: {exc.strerror}", field=field) from exc


def _described(pem: bytes, file: str) -> Certificate:
    """The first certificate of a file: a chain begins with its own."""
    try:
        parsed = x509.load_pem_x509_certificate(pem)
        return Certificate(
            name=_short(parsed.subject), issuer=_short(parsed.issuer), expires=parsed.not_valid_after_utc
        )
    except ValueError as exc:
        raise ConfigError(f"{file}: holds no PEM certificate", field="client_cert_file") from exc


def _short(name: x509.Name) -> str:
    """The common name, or the organization."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(kind):
            return str(attribute.value)
    return "unnamed"

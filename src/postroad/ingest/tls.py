"""The hub's own TLS: at least version 1.2, and certificates that can be renewed while it runs.

New connections get the newest pair; those that are open keep theirs. A new pair is loaded whole into a context of its
own before anybody meets it, so that a broken one changes nothing.
"""

import logging
import ssl
from pathlib import Path

from postroad.clock import Clock
from postroad.errors import ConfigError

CHECKED_EVERY_S = 5.0
"""How often the files are looked at."""

_log = logging.getLogger(__name__)


class Certificates:
    """The certificate and key in two files (or both in one), as they are now."""

    def __init__(self, cert_file: Path, key_file: Path | None = None) -> None:
        """Load them.

        Raises:
            ConfigError: They cannot be read, or are no pair.
        """
        self._cert_file = cert_file
        self._key_file = key_file or cert_file
        self._seen = self._marks()
        self._current = self._load()
        self.context = self._load()
        """For the listening socket: hands each connection over to the newest pair."""
        self.context.sni_callback = self._hand_over

    def reload(self) -> bool:
        """Load the files again; whether they are in use now. What is wrong is logged, and the old pair stays."""
        self._seen = self._marks()
        try:
            self._current = self._load()
        except ConfigError as exc:
            _log.error("The new certificate is not used; the old one stays: %s", exc)
            return False
        _log.info("The certificate %s was loaded again", self._cert_file)
        return True

    def reload_if_changed(self) -> bool:
        """``reload``, if the files are others than when they were last loaded."""
        return self._marks() != self._seen and self.reload()

    async def watch(self, clock: Clock) -> None:
        """Look at the files every few seconds, for ever. Two small files: reading them blocks the loop for moments."""
        while True:
            await clock.sleep(CHECKED_EVERY_S)
            self.reload_if_changed()

    def _hand_over(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # A key with a passphrase would be asked for at the terminal: an empty one is wrong at once.
            context.load_cert_chain(self._cert_file, self._key_file, password="")
        except ssl.SSLError as exc:
            message = f"{exc.reason or 'not a pair of certificate and key in PEM'} (with the key {self._key_file})"
            raise ConfigError(message, file=str(self._cert_file), field="hub.tls_cert_file") from exc
        except OSError as exc:
            reason = f"the certificate or its key {self._key_file} cannot be read: {exc.strerror}"
            raise ConfigError(reason, file=str(self._cert_file), field="hub.tls_cert_file") from exc
        return context

    def _marks(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes when a file is written or replaced; ``None`` for one that is not there."""
        marks: list[tuple[int, int, int] | None] = []
        for file in (self._cert_file, self._key_file):
            try:
                status = file.stat()
            except OSError:
                marks.append(None)
            else:
                marks.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(marks)

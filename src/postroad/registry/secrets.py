"""Secrets at rest: sealed with a key that lies in a file beside the database, never in it.

A sealed secret is AES-256-GCM: version byte, key id (4 bytes), nonce (12 bytes), ciphertext with its tag. The *place*
of the secret (``destination/7/auth.client_secret``) is bound in, so that a sealed secret cannot be moved to where
somebody else would see it opened. *Stored format.*

The key file holds one key a line, ``<id in hex> <key in base64>``; the last line is the current key, the others open
what was sealed before. Lines that begin with ``#`` are comments.
"""

import base64
import os
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postroad.errors import ConfigError, StoreCorrupt
from postroad.registry.records import Destination

_VERSION = b"\x01"
_ID_BYTES = 4
_NONCE_BYTES = 12
_KEY_BYTES = 32

_HEADING = (
    "# Seals the secrets in Postroad's registry. Without it they cannot be opened: keep a copy, apart from backups.\n"
)


def secret_place(destination_id: int, path: str) -> str:
    """The place of a secret field of a destination."""
    return f"destination/{destination_id}/{path}"


def sealing_key_id(sealed: bytes) -> str:
    """The id, in hex, of the key that opens a sealed secret."""
    return sealed[1 : 1 + _ID_BYTES].hex()


def field_path(keys: Sequence[str]) -> str:
    """The path of a field in nested mappings: ``auth.client_secret``; a dot within a key is written ``~1``."""
    return ".".join(key.replace("~", "~0").replace(".", "~1") for key in keys)


def opened_config(destination: Destination, keys: "KeyRing") -> dict[str, Any]:
    """A destination's config as its transport takes it, its secrets opened. Do not keep it longer than needed.

    Raises:
        ConfigError, StoreCorrupt: See ``KeyRing.unseal``.
    """
    config: dict[str, Any] = msgspec.to_builtins(destination.config)  # a copy, all the way down
    for path, sealed in destination.sealed.items():
        *outer, last = (key.replace("~1", ".").replace("~0", "~") for key in path.split("."))
        mapping = config
        for key in outer:
            mapping = mapping.setdefault(key, {})
        mapping[last] = keys.unseal(secret_place(destination.id, path), sealed)
    return config


class KeyRing:
    """Sealing keys by id, one of them current."""

    def __init__(
        self,
        keys: Mapping[bytes, bytes],
        current: bytes,
        *,
        name: str = "the key ring",
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Hold ``keys`` (id of 4 bytes -> 32 bytes); seal with the one whose id is ``current``.

        ``name`` is what messages call it: the file's path.
        """
        self._ciphers = {id_: AESGCM(key) for id_, key in keys.items()}
        self._current = current
        self._name = name
        self._random = random

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the keys it holds, in hex."""
        return frozenset(id_.hex() for id_ in self._ciphers)

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Read a key file.

        Raises:
            ConfigError: It is missing, not a key file, or others than its owner may read it.
        """
        file = str(path)
        try:
            with path.open(encoding="utf-8") as opened:
                mode = os.fstat(opened.fileno()).st_mode
                lines = opened.read().splitlines()
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "not text"
            raise ConfigError(f"the sealing key cannot be read: {reason}", file=file) from exc
        if stat.S_IMODE(mode) & 0o077:
            message = f"the sealing key may be read or written by others than its owner: chmod 600 {path}"
            raise ConfigError(message, file=file)
        keys: dict[bytes, bytes] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            id_, key = _parsed(line, file, number)
            keys[id_] = key
        if not keys:
            raise ConfigError("holds no key: restore it from a copy", file=file)
        return cls(keys, list(keys)[-1], name=file)

    @classmethod
    def load_or_create(cls, path: Path, *, random: Callable[[int], bytes] = os.urandom) -> "KeyRing":
        """Read a key file, or make one with a fresh key if there is none; of two that try at once, one makes it.

        Raises:
            ConfigError: See ``load``; or it cannot be made.
        """
        if not path.exists():
            key = base64.b64encode(random(_KEY_BYTES)).decode()
            try:
                _create_whole(path, f"{_HEADING}{random(_ID_BYTES).hex()} {key}\n")
            except FileExistsError:
                pass  # another process was first
            except OSError as exc:
                raise ConfigError(f"the sealing key cannot be made: {exc.strerror}", file=str(path)) from exc
        return cls.load(path)

    def seal(self, place: str, secret: str) -> bytes:
        """Seal a secret so that it can be opened at ``place`` only."""
        nonce = self._random(_NONCE_BYTES)
        ciphertext = self._ciphers[self._current].encrypt(nonce, secret.encode(), place.encode())
        return _VERSION + self._current + nonce + ciphertext

    def unseal(self, place: str, sealed: bytes) -> str:
        """Open what ``seal`` gave for the same place.

        Raises:
            ConfigError: The key that sealed it is not here.
            StoreCorrupt: It is damaged, or was sealed for another place.
        """
        if sealed[:1] != _VERSION:
            raise StoreCorrupt(f"{place}: sealed in a form that this version does not know")
        id_, rest = sealed[1 : 1 + _ID_BYTES], sealed[1 + _ID_BYTES :]
        cipher = self._ciphers.get(id_)
        if cipher is None:
            message = f"{place}: sealed with key {id_.hex()}, which {self._name} does not hold; restore that key file, "
            raise ConfigError(message + "or apply the file with the secret again")
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError) as exc:
            raise StoreCorrupt(f"{place}: the sealed secret is damaged, or belongs elsewhere") from exc


def _parsed(line: str, file: str, number: int) -> tuple[bytes, bytes]:
    try:
        id_text, key_text = line.split()
        id_, key = bytes.fromhex(id_text), base64.b64decode(key_text, validate=True)
    except ValueError:
        id_, key = b"", b""
    if len(id_) != _ID_BYTES or len(key) != _KEY_BYTES:
        # Without a cause: it could quote the line.
        raise ConfigError("not a sealing key: restore the file from a copy", file=file, line=number)
    return id_, key


def _create_whole(path: Path, text: str) -> None:
    """Create a private file that is there whole and durably, or not at all. Raises ``FileExistsError``."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename, refuses to replace
    finally:
        os.unlink(temporary)  # noqa: PTH108 - as mkstemp gave it
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

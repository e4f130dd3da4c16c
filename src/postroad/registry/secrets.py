"""Secrets at rest: sealed with a key that lies in a file beside the database, never in it.

A sealed secret is AES-256-GCM: version byte, key id (4 bytes), nonce (12 bytes), ciphertext with its tag. The *place*
of the secret (``destination/7/auth.client_secret``) is bound in, so that a sealed secret cannot be moved to where
somebody else would see it opened. *Stored format.*

The key file holds one key a line, ``<id in hex> <key in base64>``; the last line is the current key, the others open
what was sealed before. Lines that begin with ``#`` are comments.
"""

import base64
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postroad.errors import ConfigError, StoreCorrupt
from postroad.registry.records import Destination, Receiver, Upstream

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


def upstream_place(provider_id: int, path: str) -> str:
    """The place of a secret field of a provider's upstream."""
    return f"upstream/{provider_id}/{path}"


def receiver_place(provider_id: int, path: str) -> str:
    """The place of a secret field of a provider's receiver."""
    return f"receiver/{provider_id}/{path}"


def sealing_key_id(sealed: bytes) -> str:
    """The id, in hex, of the key that opens a sealed secret."""
    return sealed[1 : 1 + _ID_BYTES].hex()


def field_path(keys: Sequence[str]) -> str:
    """The path of a field in nested mappings: ``auth.client_secret``; a dot within a key is written ``~1``."""
    return ".".join(key.replace("~", "~0").replace(".", "~1") for key in keys)


def split_path(path: str) -> list[str]:
    """The keys of which ``field_path`` made a path."""
    return [key.replace("~1", ".").replace("~0", "~") for key in path.split(".")]


def opened_config(destination: Destination, keys: "KeyRing") -> dict[str, Any]:
    """A destination's config as its transport takes it, its secrets opened. Do not keep it longer than needed.

    Raises:
        ConfigError, StoreCorrupt: See ``KeyRing.unseal``.
    """
    secrets = {path: keys.unseal(secret_place(destination.id, path), s) for path, s in destination.sealed.items()}
    return _whole(destination.config, secrets)


def opened_upstream(provider_id: int, upstream: Upstream, keys: "KeyRing") -> dict[str, Any]:
    """The same of a provider's upstream. Raises like ``opened_config``."""
    secrets = {path: keys.unseal(upstream_place(provider_id, path), s) for path, s in upstream.sealed.items()}
    return _whole(upstream.config, secrets)


def opened_receiver(provider_id: int, receiver: Receiver, keys: "KeyRing") -> dict[str, Any]:
    """The same of a provider's receiver. Raises like ``opened_config``."""
    secrets = {path: keys.unseal(receiver_place(provider_id, path), s) for path, s in receiver.sealed.items()}
    return _whole(receiver.config, secrets)


def _whole(public: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    config: dict[str, Any] = msgspec.to_builtins(public)  # a copy, all the way down
    for path, secret in secrets.items():
        *outer, last = split_path(path)
        mapping = config
        for key in outer:
            mapping = mapping.setdefault(key, {})
        mapping[last] = secret
    return config


class KeyRing:
    """Sealing keys by id, one of them current."""

    def __init__(
        self,
        keys: Mapping[bytes, bytes],
        current: bytes,
        *,
        name: str = "the key ring",
        file: Path | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Hold ``keys`` (id of 4 bytes -> 32 bytes); seal with the one whose id is ``current``.

        ``name`` is what messages call it: the file's path. ``file``, if any, is read anew when an unknown key is met.
        """
        self._ciphers = {id_: AESGCM(key) for id_, key in keys.items()}
        self._file = file
        self._current = current
        self._name = name
        self._random = random

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Read a key file.

        Raises:
            ConfigError: It is missing, not a key file, or others than its owner may read it.
        """
        keys = {id_: key for id_, key in map(_split, _lines(path)) if id_}
        return cls(keys, list(keys)[-1], name=str(path), file=path)

    @classmethod
    def load_or_create(cls, path: Path, *, random: Callable[[int], bytes] = os.urandom) -> "KeyRing":
        """Read a key file, or make one with a fresh key if there is none; of two that try at once, one makes it.

        Raises:
            ConfigError: See ``load``; or it cannot be made.
        """
        if not path.exists():
            key = base64.b64encode(random(_KEY_BYTES)).decode()
            try:
                _write_whole(path, f"{_HEADING}{random(_ID_BYTES).hex()} {key}\n", os.link)
            except FileExistsError:
                pass  # another process was first
            except OSError as exc:
                raise ConfigError(f"the sealing key cannot be made: {exc.strerror}", file=str(path)) from exc
        return cls.load(path)

    def seal(self, place: str, secret: str) -> bytes:
        """Seal a secret so that it can be opened at ``place`` only, with the key that is current in the file now.

        Within a transaction of the registry this key is not retired before the secret is seen to need it.
        """
        self._read_anew()
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
        if id_ not in self._ciphers:
            self._read_anew()
        cipher = self._ciphers.get(id_)
        if cipher is None:
            message = f"{place}: sealed with key {id_.hex()}, which {self._name} does not hold; restore that key file, "
            raise ConfigError(message + "or apply the file with the secret again")
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError) as exc:
            raise StoreCorrupt(f"{place}: the sealed secret is damaged, or belongs elsewhere") from exc

    @property
    def ids(self) -> list[str]:
        """The keys' ids in hex, oldest first."""
        return [id_.hex() for id_ in self._ciphers]

    @property
    def current_id(self) -> str:
        """The id of the key that seals, in hex."""
        return self._current.hex()

    def _read_anew(self) -> None:
        """Somebody may have rotated the key meanwhile. A file that cannot be read changes nothing here."""
        if self._file is None:
            return
        try:
            newer = KeyRing.load(self._file)
        except ConfigError:
            return  # the caller says which key is missing
        self._ciphers |= newer._ciphers  # noqa: SLF001 - of the same class
        self._current = newer._current  # noqa: SLF001 - the same


def key_id(sealed: bytes) -> str:
    """The id, in hex, of the key that sealed a secret."""
    return sealed[1 : 1 + _ID_BYTES].hex()


def add_key(path: Path, *, random: Callable[[int], bytes] = os.urandom) -> str:
    """Add a fresh key to a key file, as the current one; its id in hex. The file is replaced whole.

    Raises:
        ConfigError: See ``KeyRing.load``; or it cannot be written.
    """
    with _changing(path) as lines:
        id_ = random(_ID_BYTES).hex()
        lines.append(f"{id_} {base64.b64encode(random(_KEY_BYTES)).decode()}")
    return id_


def drop_keys(path: Path, ids: Sequence[str]) -> tuple[str, ...]:
    """Remove keys from a key file, but never the current one; the ids of those removed.

    Raises:
        ConfigError: See ``KeyRing.load``; or it cannot be written.
    """
    with _changing(path) as lines:
        held = [_split(line)[0].hex() for line in lines]
        gone = {id_ for id_ in ids if id_ in held and id_ != [one for one in held if one][-1]}
        lines[:] = [line for line, id_ in zip(lines, held, strict=True) if id_ not in gone]
    return tuple(id_ for id_ in held if id_ in gone)


@contextmanager
def _changing(path: Path) -> Iterator[list[str]]:
    """The lines of a key file, to be changed by one process at a time, and written whole if all went well."""
    lines = _lines(path)
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as exc:
        raise ConfigError(f"the sealing key cannot be changed: {exc.strerror}", file=str(path)) from exc
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        lines = _lines(path)
        yield lines
        _write_whole(path, "\n".join(lines) + "\n", os.replace)
    except OSError as exc:
        raise ConfigError(f"the sealing key cannot be changed: {exc.strerror}", file=str(path)) from exc
    finally:
        os.close(folder)


def _lines(path: Path) -> list[str]:
    """The lines of a key file that is one: every key well formed, at least one, and nobody else may read it."""
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
    keys = [_parsed(line, file, number) for number, line in enumerate(lines, 1) if not _is_comment(line)]
    if not keys:
        raise ConfigError("holds no key: restore it from a copy", file=file)
    return lines


def _is_comment(line: str) -> bool:
    return not line.strip() or line.startswith("#")


def _split(line: str) -> tuple[bytes, bytes]:
    """Id and key of a line that ``_parsed`` found good; empty for a comment."""
    if _is_comment(line):
        return b"", b""
    id_, key = line.split()
    return bytes.fromhex(id_), base64.b64decode(key)


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


def _write_whole(path: Path, text: str, place: Callable[[str, Path], None]) -> None:
    """Write a private file that is there whole and durably, or not at all.

    ``place`` puts a temporary file at the path: ``os.link`` refuses to replace (``FileExistsError``), ``os.replace``
    does not.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        place(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Being sure that no hub runs on a folder while its files are changed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postroad.errors import ConfigError
from postroad.layout import LOCK_FILE


@contextmanager
def stopped_hub(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that no hub runs or starts meanwhile. Raises ``ConfigError`` when one runs."""
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ConfigError(f"{folder} cannot be changed: {exc.strerror}") from exc
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise ConfigError(f"a hub is running on {folder}; stop it first") from exc
        yield
    finally:
        os.close(lock)

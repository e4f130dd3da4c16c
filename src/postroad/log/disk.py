"""The disk reserve: appends stop while there is still room for everything else."""

import os
from collections.abc import Callable
from pathlib import Path

from postroad.clock import Clock
from postroad.errors import StoreUnavailable

CHECK_EVERY_S = 0.2


def free_bytes_of(folder: Path) -> Callable[[], int]:
    """A function that tells how many bytes of ``folder``'s file system are free to us."""

    def free_bytes() -> int:
        stat = os.statvfs(folder)
        return stat.f_bavail * stat.f_frsize

    return free_bytes


class Reserve:
    """Watches free space, looking at most every ``CHECK_EVERY_S``."""

    def __init__(self, free_bytes: Callable[[], int], reserve_bytes: int, clock: Clock) -> None:
        self._free_bytes = free_bytes
        self._reserve_bytes = reserve_bytes
        self._clock = clock
        self._checked_s = float("-inf")
        self._refused: StoreUnavailable | None = None

    def refusal(self, reusable_bytes: Callable[[], int]) -> StoreUnavailable | None:
        """Why nothing may be appended now, or ``None``.

        ``reusable_bytes`` is asked for the room inside the file, which retention made and appends fill first.
        """
        now_s = self._clock.monotonic_s()
        if now_s - self._checked_s >= CHECK_EVERY_S:
            self._checked_s = now_s
            self._refused = self._check(reusable_bytes)
        return self._refused

    def _check(self, reusable_bytes: Callable[[], int]) -> StoreUnavailable | None:
        try:
            free = self._free_bytes()
        except OSError as exc:
            return StoreUnavailable("io", f"the disk of the log cannot be asked for its free space: {exc}")
        room = free + reusable_bytes()
        if room >= self._reserve_bytes:
            return None
        return StoreUnavailable(
            "disk_reserve", f"the log has {room} bytes of room left, less than its reserve of {self._reserve_bytes}"
        )

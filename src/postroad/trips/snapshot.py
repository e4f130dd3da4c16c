"""The snapshot of trips in the making: what is remembered of each vehicle, and up to where the log was read for it.

It is derived: if it is lost, of another epoch or version, or cannot be read, it is made anew from what the log holds.
One length and one MessagePack value for each part, so that neither writing nor reading needs all of it in one piece.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from postroad.derive import Memory

SNAPSHOT_VERSION = 2
_LENGTH_BYTES = 4

_log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decode_vehicle = msgspec.msgpack.Decoder(tuple[int, Memory]).decode


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What a snapshot is of."""

    version: int
    epoch: int
    position: int
    """Everything below has been applied, and what it made is in the log."""


def write(path: Path, head: Head, vehicles: Mapping[int, Memory]) -> None:
    """Write a snapshot, whole or not at all. Raises ``OSError``."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        for value in (head, *vehicles.items()):
            data = _encode(value)
            file.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read(path: Path, epoch: int) -> tuple[int, dict[int, Memory]] | None:
    """The position and the vehicles of a good snapshot of that epoch; ``None`` if there is none."""
    try:
        frames = _frames(path.read_bytes())
        head = msgspec.msgpack.decode(next(frames), type=Head)
        if (head.version, head.epoch) != (SNAPSHOT_VERSION, epoch):
            return None
        return head.position, dict(_decode_vehicle(frame) for frame in frames)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, ValueError, StopIteration) as exc:
        _log.warning("The snapshot %s cannot be used and is made anew from the log: %s", path, exc)
        return None


def _frames(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        end = start + _LENGTH_BYTES + int.from_bytes(data[start : start + _LENGTH_BYTES], "big")
        if end > len(data):
            raise ValueError("it is cut off")
        yield data[start + _LENGTH_BYTES : end]
        start = end

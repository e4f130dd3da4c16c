"""``log_append_vs_file``: the log's append against writing the same bytes to a file and syncing it.

Parts of almost 1 MiB one after the other, each durable before the next; and parts of a single event with 64 and with
256 of them waiting at any time, where the file gets as many events in one write and one sync. By turns.
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

import vehicles
from machine import median
from postroad.clock import SystemClock
from postroad.log.interface import DEDUP_KEY_BYTES, MAX_PART_BYTES, Part
from postroad.log.sqlite import SqliteLog, open_log

ROUNDS = 5
LARGE_PARTS = 60
SMALL_ITEMS = 20_000
IN_FLIGHT = (64, 256)


def measure(folder: Path) -> dict[str, Any]:
    (folder / "log").mkdir()
    return uvloop.run(_measure(folder / "log"))


async def _measure(folder: Path) -> dict[str, Any]:
    log = await open_log(folder, 0, clock=SystemClock())
    descriptor = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return await _rounds(log, descriptor)
    finally:
        os.close(descriptor)
        await log.close()


async def _rounds(log: SqliteLog, descriptor: int) -> dict[str, Any]:
    large, small = _large_part(), vehicles.bodies(0, SMALL_ITEMS, 0)
    large_ratios, large_mib, small_ratios = [], [], {n: [] for n in IN_FLIGHT}
    small_per_s: dict[int, list[float]] = {n: [] for n in IN_FLIGHT}
    for _ in range(ROUNDS):
        file_s = _timed(lambda: _write(descriptor, [large.body] * LARGE_PARTS))
        log_s = await _timed_append(log, large)
        large_ratios.append(file_s / log_s)
        large_mib.append(LARGE_PARTS * len(large.body) / 2**20 / log_s)
        for waiting in IN_FLIGHT:
            groups = [b",".join(small[i : i + waiting]) for i in range(0, SMALL_ITEMS, waiting)]
            file_s = _timed(lambda groups=groups: _write(descriptor, groups))
            log_s = await _append_small(log, small, waiting)
            small_ratios[waiting].append(file_s / log_s)
            small_per_s[waiting].append(SMALL_ITEMS / log_s)
        print(
            f"  1 MiB parts {large_mib[-1]:6.0f} MiB/s = {large_ratios[-1]:.2f} of a file's;   single events "
            + ", ".join(f"{n} waiting {small_per_s[n][-1]:9,.0f}/s = {small_ratios[n][-1]:.3f}" for n in IN_FLIGHT)
        )
    return {
        "log_append_vs_file": median(large_ratios),
        "log_append_mib_per_s": median(large_mib),
        "log_append_rounds": [round(ratio, 3) for ratio in large_ratios],
        **{f"log_append_single_{n}_vs_file": median(small_ratios[n]) for n in IN_FLIGHT},
        **{f"log_append_single_{n}_per_s": median(small_per_s[n]) for n in IN_FLIGHT},
    }


def _large_part() -> Part:
    """As many events as fit."""
    events, size = [], 0
    for number in range(10_000):
        event = vehicles.body(number, number)
        size += len(event) + 1
        if size > MAX_PART_BYTES:
            break
        events.append(event)
    return _part(events)


def _part(events: list[bytes]) -> Part:
    count = len(events)
    return Part(
        provider_id=1,
        protocol="drivetech",
        revision=1,
        received_us=1_700_000_000_000_000,
        subjects=[1 + n % vehicles.PLATES for n in range(count)],
        kinds=bytes(count),
        flags=bytes(count),
        lengths=[len(event) for event in events],
        body=b",".join(events),
        dedup_keys=os.urandom(count * DEDUP_KEY_BYTES),
        received_offsets_us=list(range(count)),
    )


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _write(descriptor: int, pieces: list[bytes]) -> None:
    for piece in pieces:
        os.write(descriptor, piece)
        os.fdatasync(descriptor)


async def _timed_append(log: SqliteLog, part: Part) -> float:
    began = time.perf_counter()
    for _ in range(LARGE_PARTS):
        await log.append(part)
    return time.perf_counter() - began


async def _append_small(log: SqliteLog, events: list[bytes], waiting: int) -> float:
    """Keep ``waiting`` parts of one event on their way until all are durable; the seconds that took."""
    parts = iter([_part([event]) for event in events])
    left = len(events)
    finished = asyncio.Event()

    def done(_result: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            finished.set()
        elif (part := next(parts, None)) is not None:
            log.submit(part, done)

    began = time.perf_counter()
    for _ in range(waiting):
        log.submit(next(parts), done)
    await finished.wait()
    return time.perf_counter() - began

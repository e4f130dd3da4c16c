"""``lag_slowdown``: how late the live customers get their events while another catches up with millions of items.

By turns on one hub, under one load: the one that is behind is paused, and it catches up. Its items are written straight
into the log of a stopped hub, where taking them in would last a quarter of an hour. ``BENCH_LAG_ITEMS`` says how many.
"""

import asyncio
import datetime as dt
import os
import time
from pathlib import Path
from random import Random
from typing import Any

import uvloop

import declared
from hub import PROVIDER, Hub
from live import OFFERED_PER_S, LiveLoad
from machine import LOAD_CORES, Memory, cpu_s, median
from postroad.clock import SystemClock
from postroad.layout import REGISTRY_FILE, state_path
from postroad.log.interface import MAX_PART_BYTES, MAX_PART_ITEMS, Part
from postroad.log.sqlite import open_log
from postroad.model.identifiers import PLATE
from postroad.registry.store import RegistryStore
from postroad.simulate.certificates import make_server_context
from postroad.state.keeper import StateKeeper
from worker import Worker

ITEMS = int(os.environ.get("BENCH_LAG_ITEMS", "10_000_000"))
ROUNDS = 10
FOLLOWS_S = 1.0
"""A running hub follows a change of the registry within half a second."""
IN_FLIGHT = 8
_ITEM = (
    '{"plate":"%s","datetime":"%s","latitude":%.4f,"longitude":%.4f,"speed":%d,"azimuth":%d,"state":"Idling",'
    '"odometer":%d,"event":{"type":"GPS"}}'
)


def measure(folder: Path) -> dict[str, Any]:
    _, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
    certificate = str(folder / "demo-customer.pem")
    with (
        Worker("crowd.py", certificate, cores=LOAD_CORES) as crowd,
        Worker("crowd.py", certificate, cores=LOAD_CORES) as behind,
        Worker("generator.py", cores=LOAD_CORES) as generator,
        Hub(folder / "lag", declared.behind(behind.ask("port")["port"], ca_file)) as hub,
    ):
        hub.stop()
        began_s = time.monotonic()
        items = uvloop.run(_fill(hub.folder))
        print(f"  {items:,} items written into the log in {time.monotonic() - began_s:.0f} s", flush=True)
        os.sync()
        hub.apply(declared.crowd(crowd.ask("port")["port"], ca_file))
        hub.start()
        load = LiveLoad(hub, crowd, generator)
        load.warm_up(time.time_ns() // 1_000_000 - 3600_000)
        figures = _measure(hub, load, behind)
        left = items - behind.ask("behind")["events"]
        if left <= 0:
            raise SystemExit("it had caught up before the measurement ended: more BENCH_LAG_ITEMS are needed")
        return {"lag_items": items, "lag_left_items": left, **figures}


def _measure(hub: Hub, load: LiveLoad, behind: Worker) -> dict[str, Any]:
    without, beside = [], []
    memory = Memory(hub.pid)
    for number in range(ROUNDS):
        for catching_up in (False, True) if number % 2 else (True, False):  # so that a drift favours neither
            hub.postroad("subscriptions", "resume" if catching_up else "pause", declared.BEHIND)
            time.sleep(FOLLOWS_S)
            (beside if catching_up else without).append(_round(hub, load, behind))
        _tell(without[-1], beside[-1], memory.now_mib)
    pairs = list(zip(without, beside, strict=True))
    return {
        "lag_slowdown": median([b["p99_ms"] / a["p99_ms"] for a, b in pairs]),
        "lag_offered_per_s": OFFERED_PER_S,
        "lag_without_p99_ms": median([one["p99_ms"] for one in without]),
        "lag_beside_p99_ms": median([one["p99_ms"] for one in beside]),
        "lag_rounds_p99_ms": [[round(a["p99_ms"], 2), round(b["p99_ms"], 2)] for a, b in pairs],
        "lag_without_p50_ms": median([one["p50_ms"] for one in without]),
        "lag_beside_p50_ms": median([one["p50_ms"] for one in beside]),
        "lag_caught_up_per_s": median([one["caught_up_per_s"] for one in beside]),
        "lag_rss_mib": memory.start_peak_end_mib(),
    }


def _round(hub: Hub, load: LiveLoad, behind: Worker) -> dict[str, Any]:
    began_s, before, busy_s = time.monotonic(), behind.ask("behind")["events"], cpu_s(hub.pid)
    seen = load.round()
    seconds = time.monotonic() - began_s
    return seen | {
        "caught_up_per_s": (behind.ask("behind")["events"] - before) / seconds,
        "busy": (cpu_s(hub.pid) - busy_s) / seconds,
    }


def _tell(without: dict[str, Any], beside: dict[str, Any], rss_mib: float) -> None:
    print(
        f"  live customers: p99 {beside['p99_ms']:.2f} ms (p50 {beside['p50_ms']:.2f}) while another catches up with "
        f"{beside['caught_up_per_s']:,.0f} events/s, hub {beside['busy']:.0%} busy; alone {without['p99_ms']:.2f} ms "
        f"({without['p50_ms']:.2f}), {without['busy']:.0%}; {rss_mib} MiB",
        flush=True,
    )


async def _fill(folder: Path) -> int:
    """Append at least ``ITEMS`` items of the one that is behind, and say how many those were.

    The state counts as having seen them, as that of a hub that took them in would.
    """
    log = await open_log(folder, 0, clock=SystemClock())
    try:
        part = _part(folder)
        parts = -(-ITEMS // len(part))
        waiting: set[asyncio.Task[Any]] = set()
        for _ in range(parts):
            waiting.add(asyncio.create_task(log.append(part)))
            if len(waiting) >= IN_FLIGHT:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    one.result()
        await asyncio.gather(*waiting)
        keeper = StateKeeper(state_path(folder, 0))
        keeper.position = log.next_position
        keeper.save(log.epoch)
        return parts * len(part)
    finally:
        await log.close()


def _part(folder: Path) -> Part:
    """As many small items as a part holds, as ingest would have stored them: it says the same in every batch."""
    registry = RegistryStore.open(folder / REGISTRY_FILE)
    view = registry.view()
    registry.close()
    provider = next(one for one in view.providers.values() if one.name == PROVIDER)
    subject_of = {value: subject for (_, namespace, value), subject in view.identifiers.items() if namespace == PLATE}
    now, random = dt.datetime.now(dt.UTC), Random(1).random
    items, subjects, size = [], [], 0
    for number in range(MAX_PART_ITEMS):
        plate = declared.BEHIND_PLATES[number % len(declared.BEHIND_PLATES)]
        where = (-33 - random(), -70 - random(), random() * 120, random() * 360, 180_000 + number)
        item = (_ITEM % (plate, f"{now:%Y-%m-%dT%H:%M:%SZ}", *where)).encode()
        size += len(item) + 1
        if size > MAX_PART_BYTES:
            break
        items.append(item)
        subjects.append(subject_of[plate])
    return Part(
        provider_id=provider.id,
        protocol=provider.protocol,
        revision=provider.revision,
        received_us=int(now.timestamp() * 1e6),
        subjects=subjects,
        kinds=bytes(len(items)),
        flags=bytes(len(items)),
        lengths=[len(item) for item in items],
        body=b",".join(items),
    )

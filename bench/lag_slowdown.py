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
ROUNDS = 5
TAKES_S = float(os.environ.get("BENCH_LAG_TAKES_S", "0"))
IN_FLIGHT = 8
_ITEM = '{"plate":"%s","datetime":"%s","latitude":%.4f,"longitude":%.4f,"speed":%d,"azimuth":%d,"state":"Idling","event":{"type":"GPS"}}'


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
        return {"lag_items": items, **_measure(hub, load, behind)}


def _measure(hub: Hub, load: LiveLoad, behind: Worker) -> dict[str, Any]:
    without, beside, caught_up_per_s = [], [], []
    behind.ask("behind", wait_s=TAKES_S)
    memory = Memory(hub.pid)
    for number in range(ROUNDS):
        for lagging in (False, True) if number % 2 else (True, False):  # so that a drift favours neither
            hub.postroad("subscriptions", "resume" if lagging else "pause", declared.BEHIND)
            time.sleep(1.0)  # a running hub follows within half a second
            began_s, before, busy_s = time.monotonic(), behind.ask("behind", wait_s=TAKES_S)["events"], cpu_s(hub.pid)
            (beside if lagging else without).append(load.round())
            seconds = time.monotonic() - began_s
            per_s = (behind.ask("behind", wait_s=TAKES_S)["events"] - before) / seconds
            if lagging:
                caught_up_per_s.append(per_s)
            print(
                f"  live customers: p99 {(one := (beside if lagging else without)[-1])['p99_ms']:.2f} ms "
                f"(p50 {one['p50_ms']:.2f}) while another catches up with {per_s:,.0f} events/s; "
                f"hub {(cpu_s(hub.pid) - busy_s) / seconds:.0%} busy",
                flush=True,
            )
    return {
        "lag_slowdown": median([b["p99_ms"] / a["p99_ms"] for a, b in zip(without, beside, strict=True)]),
        "lag_offered_per_s": OFFERED_PER_S,
        "lag_without_p99_ms": median([one["p99_ms"] for one in without]),
        "lag_beside_p99_ms": median([one["p99_ms"] for one in beside]),
        "lag_rounds_p99_ms": [
            [round(a["p99_ms"], 2), round(b["p99_ms"], 2)] for a, b in zip(without, beside, strict=True)
        ],
        "lag_without_p50_ms": median([one["p50_ms"] for one in without]),
        "lag_beside_p50_ms": median([one["p50_ms"] for one in beside]),
        "lag_caught_up_per_s": median(caught_up_per_s),
        "lag_rss_mib": memory.start_peak_end_mib(),
    }


async def _fill(folder: Path) -> int:
    """Append at least ``ITEMS`` items of the one that is behind, and say how many those were.

    The state counts as having seen them, as that of a hub that took them in would.
    """
    log = await open_log(folder, 0, clock=SystemClock())
    try:
        part = _part(folder)
        rest = -(-ITEMS // len(part))
        waiting: set[asyncio.Task[Any]] = set()
        for _ in range(rest):
            waiting.add(asyncio.create_task(log.append(part)))
            if len(waiting) >= IN_FLIGHT:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    one.result()
        await asyncio.gather(*waiting)
        keeper = StateKeeper(state_path(folder, 0))
        keeper.position = log.next_position
        keeper.save(log.epoch)
        return rest * len(part)
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
        item = (
            _ITEM % (plate, f"{now:%Y-%m-%dT%H:%M:%SZ}", -33 - random(), -70 - random(), random() * 120, random() * 360)
        ).encode()
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

"""``slow_neighbour``: how late the healthy of a hundred customers get their events while others misbehave.

By turns on one hub, under one load: all are well; ten never answer, ten take half a second to a second, and of the
others' first tries every fifth is answered 503. ``crowd.py`` plays all of them.
"""

import datetime as dt
import time
from pathlib import Path
from typing import Any

import declared
from hub import Hub
from live import OFFERED_PER_S, LiveLoad
from machine import LOAD_CORES, Memory, median
from postroad.simulate.certificates import make_server_context
from worker import Worker

ROUNDS = 10


def measure(folder: Path) -> dict[str, Any]:
    _, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
    with (
        Worker("crowd.py", str(folder / "demo-customer.pem"), cores=LOAD_CORES) as crowd,
        Worker("generator.py", cores=LOAD_CORES) as generator,
        Hub(folder / "slow-neighbour", declared.crowd(crowd.ask("port")["port"], ca_file)) as hub,
    ):
        load = LiveLoad(hub, crowd, generator)
        load.warm_up(time.time_ns() // 1_000_000 - 3600_000)
        memory = Memory(hub.pid)
        well, ill = [], []
        for number in range(ROUNDS):
            for bad in (False, True) if number % 2 else (True, False):  # so that a drift favours neither
                crowd.ask("behave", bad=bad)
                (ill if bad else well).append(load.round(afterwards=lambda: crowd.ask("behave", bad=False)))
            _tell(well[-1], ill[-1], memory.now_mib)
        return {
            "slow_neighbour": median([b["p99_ms"] / a["p99_ms"] for a, b in zip(well, ill, strict=True)]),
            "slow_neighbour_offered_per_s": OFFERED_PER_S,
            "slow_neighbour_well_p99_ms": median([one["p99_ms"] for one in well]),
            "slow_neighbour_ill_p99_ms": median([one["p99_ms"] for one in ill]),
            "slow_neighbour_rounds_p99_ms": [
                [round(a["p99_ms"], 2), round(b["p99_ms"], 2)] for a, b in zip(well, ill, strict=True)
            ],
            "slow_neighbour_well_p50_ms": median([one["p50_ms"] for one in well]),
            "slow_neighbour_ill_p50_ms": median([one["p50_ms"] for one in ill]),
            "slow_neighbour_rss_mib": memory.start_peak_end_mib(),
        }


def _tell(well: dict[str, Any], ill: dict[str, Any], rss_mib: float) -> None:
    print(
        f"  healthy customers: p99 {ill['p99_ms']:.2f} ms (p50 {ill['p50_ms']:.2f}) beside bad ones, and "
        f"{ill['refused'] / max(ill['first_tries'], 1):.0%} of first tries refused; all well: "
        f"{well['p99_ms']:.2f} ms ({well['p50_ms']:.2f}); of {ill['counted']} and {well['counted']} events; "
        f"hub {rss_mib} MiB",
        flush=True,
    )

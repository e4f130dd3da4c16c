"""``intake_single_vs_bare``: durable single-event intake against a server that does nothing but parse.

The hub checks the token, decodes, looks up the vehicle, tells repeats apart, stores, and answers only after the sync.
Both serve the same requests of the same generator over 64 connections, on the same core, by turns: the machine's mood
hits both alike.
"""

import itertools
import time
from pathlib import Path
from typing import Any

import vehicles
from hub import Hub
from machine import LOAD_CORES, SERVER_CORES, cpu_s, median
from worker import Worker

CONNECTIONS = 64
EVENTS = 30_000
ROUNDS = 7


def measure(folder: Path) -> dict[str, Any]:
    began_ms = time.time_ns() // 1_000_000 - 3600_000
    first = itertools.count(0, EVENTS)
    with (
        Hub(folder / "intake") as hub,
        Worker("bare_server.py", cores=SERVER_CORES) as bare,
        Worker("bare_server.py", "--blind", cores=SERVER_CORES) as blind,
        Worker("generator.py", cores=LOAD_CORES) as generator,
    ):

        def run(port: int, count: int = EVENTS) -> dict[str, Any]:
            answer = generator.ask(
                "closed",
                port=port, token=hub.token, first=next(first), count=count, began_ms=began_ms, connections=CONNECTIONS,
            )  # fmt: skip
            if answer["bad"]:
                raise SystemExit(f"{answer['bad']} requests were not answered with 200")
            return answer

        def run_counted(port: int, pid: int) -> dict[str, Any]:
            busy_s = cpu_s(pid)
            answer = run(port)
            return {**answer, "server_cpu_us": (cpu_s(pid) - busy_s) / EVENTS * 1e6}

        bare_port, blind_port = bare.ask("port")["port"], blind.ask("port")["port"]
        for port in (hub.port, bare_port, blind_port):  # the hub makes its vehicles known in this one
            run(port, 10 * vehicles.PLATES)
        ceilings = [run(blind_port)["per_s"] for _ in range(3)]
        rounds: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for _ in range(ROUNDS):
            rounds.append((run_counted(hub.port, hub.pid), run_counted(bare_port, bare.pid)))
            print("   ".join(_line(name, one) for name, one in zip(("hub", "bare"), rounds[-1], strict=True)))
    hubs, bares = [hub_run for hub_run, _ in rounds], [bare_run for _, bare_run in rounds]
    return {
        "intake_single_vs_bare": median([h["per_s"] / b["per_s"] for h, b in rounds]),
        "intake_single_vs_bare_cpu": median([b["server_cpu_us"] / h["server_cpu_us"] for h, b in rounds]),
        "intake_single_per_s": median([h["per_s"] for h in hubs]),
        "intake_single_cpu_us": median([h["server_cpu_us"] for h in hubs]),
        "intake_single_p50_ms": median([h["p50_ms"] for h in hubs]),
        "intake_single_p99_ms": median([h["p99_ms"] for h in hubs]),
        "bare_per_s": median([b["per_s"] for b in bares]),
        "bare_cpu_us": median([b["server_cpu_us"] for b in bares]),
        "generator_ceiling_per_s": median(ceilings),
        "intake_rounds_per_s": [[round(h["per_s"]), round(b["per_s"])] for h, b in rounds],
    }


def _line(name: str, run: dict[str, Any]) -> str:
    return (
        f"  {name} {run['per_s']:8,.0f}/s (p50 {run['p50_ms']:.2f} p99 {run['p99_ms']:.2f} ms, "
        f"{run['server_cpu_us']:4.1f} us CPU each, generator {run['cpu_share']:.0%} busy)"
    )

"""``end_to_end_events_per_s`` and ``latency_...``: from a provider's request to a customer's confirmed delivery.

Hub, generator and customer are processes of their own; the hub has the server's core for itself, the other two share
the other one. One HTTPS subscription to ``gps_position``, with OAuth 2.0 client credentials, and the protocol's own
contract: bulks of up to 1,000 in order, the cursor durable before the next one.
"""

import datetime as dt
import time
from pathlib import Path
from typing import Any

import vehicles
from customer import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from hub import SUBSCRIPTION, Hub
from machine import LOAD_CORES, SERVER_CORES, cpu_s, median
from postroad.simulate.certificates import make_server_context
from worker import Worker

CONNECTIONS = 64
EVENTS = 40_000
ROUNDS = 3
OFFERED_PER_S = 1000
LATENCY_ROUNDS = 5
LATENCY_EVENTS = 3_000
CEILING_BULKS = 100


def measure(folder: Path) -> dict[str, Any]:
    _, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
    with (
        Worker("customer.py", str(folder / "demo-customer.pem"), cores=LOAD_CORES) as customer,
        Worker("generator.py", cores=LOAD_CORES) as generator,
    ):
        port = customer.ask("port")["port"]
        ceiling = _ceiling(customer, port, ca_file)
        subscription = SUBSCRIPTION.format(
            url=f"https://127.0.0.1:{port}", ca_file=ca_file, token_path=TOKEN_PATH, client_id=CLIENT_ID
        )
        with Hub(folder / "end-to-end", subscription, environment={"BENCH_CLIENT_SECRET": CLIENT_SECRET}) as hub:
            return {**_measure(hub, customer, generator), "customer_ceiling_events_per_s": ceiling}


def _measure(hub: Hub, customer: Worker, generator: Worker) -> dict[str, Any]:
    began_ms = time.time_ns() // 1_000_000 - 3600_000
    sent = 0

    def send(count: int) -> dict[str, Any]:
        nonlocal sent
        answer = generator.ask(
            "closed",
            port=hub.port, token=hub.token, first=sent, count=count, began_ms=began_ms, connections=CONNECTIONS,
        )  # fmt: skip
        sent += count
        if answer["bad"]:
            raise SystemExit(f"{answer['bad']} requests were not answered with 200")
        return answer

    customer.ask("clear")
    send(10 * vehicles.PLATES)  # the vehicles become known, and streams with them
    customer.ask("arrived", count=10 * vehicles.PLATES, within_s=30.0)
    rates = []
    for _ in range(ROUNDS):
        before_s = customer.ask("clear") and customer.ask("arrived", count=0, within_s=0.0)["cpu_s"]
        busy_s = cpu_s(hub.pid)
        load = send(EVENTS)
        got = customer.ask("arrived", count=EVENTS, within_s=60.0)
        seconds = (got["last_ns"] - load["began_ns"]) / 1e9
        if got["events"] < EVENTS:
            raise SystemExit(f"{got['events']} of {EVENTS} events were delivered")
        rates.append(got["events"] / seconds)
        print(
            f"  {rates[-1]:8,.0f} events/s delivered in {got['bulks']} bulks, {got['repeated']} repeated; taken in at "
            f"{load['per_s']:,.0f}/s; busy: hub {(cpu_s(hub.pid) - busy_s) / seconds:.0%} of its core, generator "
            f"{load['cpu_share'] * EVENTS / load['per_s'] / seconds:.0%} and customer "
            f"{(got['cpu_s'] - before_s) / seconds:.0%} of theirs"
        )
    return {
        "end_to_end_events_per_s": median(rates),
        "end_to_end_rounds_per_s": [round(rate) for rate in rates],
        **_latency(hub, customer, generator, sent),
    }


def _latency(hub: Hub, customer: Worker, generator: Worker, first: int) -> dict[str, Any]:
    """The quantiles of each round, and their medians: one stall of a shared disk must not stand for the hub."""
    rounds = []
    for number in range(LATENCY_ROUNDS):
        customer.ask("clear")
        acks = generator.ask(
            "open",
            port=hub.port, token=hub.token, first=first + number * LATENCY_EVENTS, count=LATENCY_EVENTS,
            rate=OFFERED_PER_S, connections=CONNECTIONS,
        )  # fmt: skip
        got = customer.ask("arrived", count=LATENCY_EVENTS, within_s=30.0)
        if got["events"] < LATENCY_EVENTS:
            raise SystemExit(f"{got['events']} of {LATENCY_EVENTS} events were delivered")
        rounds.append(got | acks)
        print(
            f"  offered {OFFERED_PER_S}/s: delivered p50 {got['p50_ms']:.2f} p95 {got['p95_ms']:.2f} p99 "
            f"{got['p99_ms']:.2f} max {got['max_ms']:.1f} ms after the time they were due; acknowledged p50 "
            f"{acks['ack_p50_ms']:.2f} p99 {acks['ack_p99_ms']:.2f} ms; the generator itself was late by "
            f"{acks['sent_late_p99_ms']:.2f} ms (p99)"
        )
    return {
        "latency_offered_per_s": OFFERED_PER_S,
        **{f"latency_{name}_ms": median([one[f"{name}_ms"] for one in rounds]) for name in ("p50", "p95", "p99")},
        "latency_worst_ms": round(max(one["max_ms"] for one in rounds), 1),
        "latency_rounds_p99_ms": [round(one["p99_ms"], 2) for one in rounds],
        "acknowledge_p50_ms": median([one["ack_p50_ms"] for one in rounds]),
        "acknowledge_p99_ms": median([one["ack_p99_ms"] for one in rounds]),
        "generator_late_p99_ms": median([one["sent_late_p99_ms"] for one in rounds]),
    }


def _ceiling(customer: Worker, port: int, ca_file: Path) -> float:
    """Events a second that the customer can take, from a client that sends prepared bulks over one connection."""
    customer.ask("clear")
    with Worker("blaster.py", str(port), str(ca_file), cores=SERVER_CORES) as blaster:
        per_s: float = blaster.ask("blast", bulks=CEILING_BULKS)["per_s"]
    customer.ask("clear")
    print(f"  the customer can take {per_s:,.0f} events/s")
    return median([per_s])

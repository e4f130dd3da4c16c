"""``per_delivery_10``, ``per_delivery_100``: what a delivered event costs with 10 and 100 subscriptions, against one.

Three hubs take turns at the same load: Drivetech reports in, one a request, and to each subscription the position of
every report, over HTTPS, to a destination of its own. Every subscription is filtered, and no two of the first 40 by the
same set of types. The cost is the hub's CPU time, the way in included, over the events delivered: with more
subscriptions what is done once for all of them is shared by more, and what is left is delivery itself.
"""

import datetime as dt
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import vehicles
from customer import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from hub import Hub
from machine import LOAD_CORES, cpu_s, median
from postroad.protocols.connected_cars import VEHICLE_TYPES
from postroad.simulate.certificates import make_server_context
from worker import Worker

SUBSCRIPTIONS = (1, 10, 100)
EVENTS = {1: 20_000, 10: 20_000, 100: 10_000}
ROUNDS = 3
CONNECTIONS = 64

_NEVER_SAID = [name for name in VEHICLE_TYPES if name.startswith("can_")]
"""Types that a Drivetech report does not become: they make filters differ and add nothing."""
_HEAD = """\
    integrations:
      - name: customer
        destinations:
"""
_DESTINATION = """\
          - name: webhook-{number}
            transport: https
            config:
              url: {url}/events/{number}
              ca_file: {ca_file}
              auth:
                type: oauth2_client_credentials
                token_url: {url}{token_path}
                client_id: {client_id}
                client_secret: {{env: BENCH_CLIENT_SECRET}}
"""
_SUBSCRIPTION = """\
          - name: positions-{number}
            protocol: connected_cars
            destination: webhook-{number}
            types: [gps_position, {other}]
            vehicles: all
"""


def measure(folder: Path) -> dict[str, Any]:
    _, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
    with (
        Worker("customer.py", str(folder / "demo-customer.pem"), cores=LOAD_CORES) as customer,
        Worker("generator.py", cores=LOAD_CORES) as generator,
        ExitStack() as stack,
    ):
        url = f"https://127.0.0.1:{customer.ask('port')['port']}"
        secrets = {"BENCH_CLIENT_SECRET": CLIENT_SECRET}
        hubs = {
            count: stack.enter_context(
                Hub(folder / f"fan-out-{count}", _declared(count, url, ca_file), environment=secrets)
            )
            for count in SUBSCRIPTIONS
        }
        return _measure(hubs, customer, generator)


def _declared(count: int, url: str, ca_file: Path) -> str:
    where = {"url": url, "ca_file": ca_file, "token_path": TOKEN_PATH, "client_id": CLIENT_ID}
    text = _HEAD + "".join(_DESTINATION.format(number=number, **where) for number in range(count))
    others = [_NEVER_SAID[number % len(_NEVER_SAID)] for number in range(count)]
    return (
        f"{text}        subscriptions:\n"
        + "".join(_SUBSCRIPTION.format(number=number, other=other) for number, other in enumerate(others))
    )  # fmt: skip


def _measure(hubs: dict[int, Hub], customer: Worker, generator: Worker) -> dict[str, Any]:
    began_ms = time.time_ns() // 1_000_000 - 3600_000
    sent = dict.fromkeys(hubs, 0)

    def cost_us(count: int, events: int) -> float:
        hub = hubs[count]
        customer.ask("clear")
        busy_s = cpu_s(hub.pid)
        load = generator.ask(
            "closed", port=hub.port, token=hub.token, first=sent[count], count=events, began_ms=began_ms,
            connections=CONNECTIONS,
        )  # fmt: skip
        got = customer.ask("arrived", count=events, within_s=120.0, subscriptions=count)
        if load["bad"] or got["events"] < events or got["repeated"] != events * (count - 1):
            raise SystemExit(
                f"{load['bad']} refused; {got['events']} of {events} delivered, {got['repeated']} repeated"
            )
        sent[count] += events
        us = (cpu_s(hub.pid) - busy_s) / (events * count) * 1e6
        together = got["events"] * count / got["bulks"]
        print(f"  {count:3} subscriptions: {us:6.2f} us of CPU a delivered event, {together:.0f} in a bulk")
        return us

    for count in hubs:
        cost_us(count, 2 * vehicles.PLATES)  # the vehicles become known, and streams with them
    rounds = []
    for _ in range(ROUNDS):
        one = {count: cost_us(count, EVENTS[count]) for count in hubs}
        rounds.append(one)
        print("  CPU a delivered event: " + ", ".join(f"{us:.2f} us with {count}" for count, us in one.items()))
    return {
        **{f"per_delivery_{n}": median([one[n] / one[1] for one in rounds]) for n in SUBSCRIPTIONS[1:]},
        **{f"per_delivery_{n}_cpu_us": median([one[n] for one in rounds]) for n in SUBSCRIPTIONS},
    }

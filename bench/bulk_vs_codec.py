"""``bulk_vs_codec``: bulks in, durable, and out by one subscription, against the protocol's code alone.

Both do the same to each event: read it, say it in the common language, write it with the hub's own ids, join a thousand
to a body. The yardstick does it in one process on the hub's core, with no request, log, registry or delivery around it.
"""

import datetime as dt
import time
from pathlib import Path
from typing import Any

from bulk_generator import VEHICLES
from customer import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from hub import SUBSCRIPTION, Hub
from machine import LOAD_CORES, SERVER_CORES, cpu_s, median
from postroad.simulate.certificates import make_server_context
from worker import Worker

SIZE = 10_000
BULKS = 8
ROUNDS = 5


def measure(folder: Path) -> dict[str, Any]:
    _, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
    with (
        Worker("customer.py", str(folder / "demo-customer.pem"), cores=LOAD_CORES) as customer,
        Worker("bulk_generator.py", cores=LOAD_CORES) as generator,
        Worker("codec.py", cores=SERVER_CORES) as codec,
    ):
        url = f"https://127.0.0.1:{customer.ask('port')['port']}"
        subscription = SUBSCRIPTION.format(url=url, ca_file=ca_file, token_path=TOKEN_PATH, client_id=CLIENT_ID)
        secrets = {"BENCH_CLIENT_SECRET": CLIENT_SECRET}
        with Hub(folder / "bulks", subscription, protocol="connected_cars", environment=secrets) as hub:
            return _measure(hub, customer, generator, codec)


def _measure(hub: Hub, customer: Worker, generator: Worker, codec: Worker) -> dict[str, Any]:
    began_ms = time.time_ns() // 1_000_000 - 3600_000
    sent = 0

    def send(bulks: int, size: int = SIZE) -> dict[str, Any]:
        nonlocal sent
        order = {"port": hub.port, "token": hub.token, "first": sent, "began_ms": began_ms}
        customer.ask("clear")
        load = generator.ask("post", bulks=bulks, size=size, **order)
        if load["bad"]:
            raise SystemExit(f"{load['bad']} bulks were not answered with 200")
        got = customer.ask("arrived", count=bulks * size, within_s=60.0)
        if got["events"] < bulks * size:
            raise SystemExit(f"{got['events']} of {bulks * size} events were delivered")
        sent += bulks * size
        return {"seconds": (got["last_ns"] - load["began_ns"]) / 1e9, **load}

    send(1, VEHICLES)  # the vehicles become known, and streams with them
    rounds = []
    for _ in range(ROUNDS):
        alone = codec.ask("run", first=sent, bulks=BULKS, size=SIZE, began_ms=began_ms)
        busy_s = cpu_s(hub.pid)
        load = send(BULKS)
        events = BULKS * SIZE
        one = {
            "hub_per_s": events / load["seconds"],
            "hub_us": (cpu_s(hub.pid) - busy_s) / events * 1e6,
            "codec_per_s": events / alone["seconds"],
            "codec_us": alone["cpu_s"] / events * 1e6,
            "msgspec_us": alone["msgspec_cpu_s"] / events * 1e6,
        }
        rounds.append(one)
        print(
            f"  {one['hub_per_s']:8,.0f} events/s through the hub, {one['hub_us']:.1f} us of CPU each; codec alone "
            f"{one['codec_per_s']:8,.0f}/s, {one['codec_us']:.1f} us; bare decode and encode {one['msgspec_us']:.1f} us"
        )
    return {
        "bulk_vs_codec": median([one["hub_per_s"] / one["codec_per_s"] for one in rounds]),
        "bulk_vs_codec_cpu": median([one["codec_us"] / one["hub_us"] for one in rounds]),
        "bulk_per_s": median([one["hub_per_s"] for one in rounds]),
        "bulk_cpu_us": median([one["hub_us"] for one in rounds]),
        "codec_cpu_us": median([one["codec_us"] for one in rounds]),
        "msgspec_cpu_us": median([one["msgspec_us"] for one in rounds]),
    }

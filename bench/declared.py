"""A hundred customers as a hub is told of them, and one more that is far behind. Each has vehicles of its own.

Of the hundred, some misbehave when ``crowd.py`` is told so; the numbers say which.
"""

from pathlib import Path

import vehicles

CUSTOMERS = 100
BLACK_HOLES = range(10)
SLOW = range(10, 20)
BEHIND_PATH = b"/behind"
BEHIND = "behind"
BEHIND_PLATES = [f"L{n:03d}" for n in range(vehicles.PLATES)]
TIMEOUT_S = 3.0
RETRY_S = 0.5
"""Shorter than the contract's 30 and 20 s, so that failing customers fail often within a round."""


def crowd(port: int, ca_file: Path) -> str:
    """The declaration of the hundred, behind ``port``."""
    numbers = range(CUSTOMERS)
    plates = [", ".join(f"BENCH{n:03d}" for n in range(number, vehicles.PLATES, CUSTOMERS)) for number in numbers]
    return _integration(
        "crowd",
        [_destination(f"c{n}", f"https://127.0.0.1:{port}/c/{n}", ca_file) for n in numbers],
        [_subscription(f"c{n}", f"{{plates: [{plates[n]}]}}") for n in numbers],
    )


def behind(port: int, ca_file: Path) -> str:
    """The declaration of the one that is behind: it has all its vehicles from the first position on, and is paused."""
    lines = ["    fleets:", f"      - name: {BEHIND}", "    vehicles:"]
    lines += [f"      - {{plate: {plate}, fleet: {BEHIND}}}" for plate in BEHIND_PLATES]
    return (
        "\n".join(lines)
        + "\n"
        + _integration(
            BEHIND,
            [_destination(BEHIND, f"https://127.0.0.1:{port}{BEHIND_PATH.decode()}", ca_file)],
            [_subscription(BEHIND, f"{{fleets: [{BEHIND}]}}", state="paused")],
        )
    )


def _integration(name: str, destinations: list[str], subscriptions: list[str]) -> str:
    lines = ["    integrations:", f"      - name: {name}", "        destinations:", *destinations]
    return "\n".join([*lines, "        subscriptions:", *subscriptions]) + "\n"


def _destination(name: str, url: str, ca_file: Path) -> str:
    return (
        f"          - {{name: {name}, transport: https, "
        f"config: {{url: '{url}', ca_file: '{ca_file}', timeout_s: {TIMEOUT_S}}}}}"
    )


def _subscription(name: str, selector: str, state: str = "active") -> str:
    retry = f"{{first_waits_s: [{RETRY_S}], then_s: {RETRY_S}, factor: 1}}"
    return (
        f"          - {{name: {name}, protocol: connected_cars, destination: {name}, types: [gps_position], "
        f"vehicles: {selector}, state: {state}, delivery: {{retry: {retry}}}}}"
    )

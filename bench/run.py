"""Every measurement, one after the other; the last line is one JSON object. docs/performance.md says what it means.

``run.py intake log_append`` runs only these. ``--keep`` adds the figures to docs/bench and draws its plots anew.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import msgspec

import bulk_vs_codec
import end_to_end
import fan_out
import history
import intake
import lag_slowdown
import log_append
import machine
import slow_neighbour
import vs_homemade

MEASUREMENTS = {
    "intake": intake.measure,
    "log_append": log_append.measure,
    "end_to_end": end_to_end.measure,
    "slow_neighbour": slow_neighbour.measure,
    "lag_slowdown": lag_slowdown.measure,
    "bulk_vs_codec": bulk_vs_codec.measure,
    "fan_out": fan_out.measure,
    "vs_homemade": vs_homemade.measure,
}


def main() -> None:
    wanted = [name for name in sys.argv[1:] if name != "--keep"] or list(MEASUREMENTS)
    began = time.monotonic()
    os.sched_setaffinity(0, machine.ALL_CORES)
    figures = machine.facts()
    scratch = Path(__file__).parent / "out"  # beside the sources: /tmp is often memory, where a sync costs nothing
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for name in wanted:
            print(f"{name}: {MEASUREMENTS[name].__module__}.py", flush=True)
            figures |= MEASUREMENTS[name](Path(folder))
            os.sync()  # what one measurement has written must not make the disk stall in the next
    figures["bench_seconds"] = round(time.monotonic() - began, 1)
    if "--keep" in sys.argv:
        history.keep(figures)
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    main()

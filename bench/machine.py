"""What the measurements run on: which cores are used for what, how busy a process was, and facts for the report."""

import os
import platform
import statistics
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import uvloop

_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = {_CORES[0]}
"""Where the thing measured runs; one core, so that two servers are compared by what they do with the same."""
LOAD_CORES = {_CORES[-1]}
"""Where the load, the customer and the parent run: another core when there are two."""
ALL_CORES = set(_CORES)


def facts() -> dict[str, Any]:
    """What somebody needs to know to compare two runs."""
    return {
        "python": platform.python_version(),
        "optimised_build": "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")),
        "cores": len(_CORES),
        "cpu": _cpu_model(),
        "uvloop": uvloop.__version__,
        "sqlite": apsw.sqlite_lib_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used so far, in user and kernel mode, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Memory:
    """Resident memory of a process, in MiB, from now on."""

    def __init__(self, pid: int) -> None:
        """Note what it has now, and let its peak count from here."""
        self._folder = Path(f"/proc/{pid}")
        (self._folder / "clear_refs").write_text("5", encoding="ascii")
        self.start_mib = self.now_mib

    @property
    def now_mib(self) -> float:
        """What it has now."""
        return self._mib("VmRSS")

    def start_peak_end_mib(self) -> list[float]:
        """What it had at the start, at most, and has now."""
        return [self.start_mib, self._mib("VmHWM"), self.now_mib]

    def _mib(self, name: str) -> float:
        for line in (self._folder / "status").read_text(encoding="ascii").splitlines():
            if line.startswith(name):
                return round(int(line.split()[1]) / 1024, 1)
        raise SystemExit(f"this kernel does not tell {name}")


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Sequence[float]) -> float:
    """The median, rounded to three significant digits or so: the last digits of a rate say nothing."""
    return float(f"{statistics.median(values):.4g}")


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return sys.platform

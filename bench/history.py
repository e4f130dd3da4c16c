"""Keeps the figures of each run in ``docs/bench/history.jsonl``, and draws each key over the runs as an SVG.

By itself, ``history.py`` draws the plots anew from what is kept.
"""

import datetime as dt
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "bench"
HISTORY = FOLDER / "history.jsonl"

KEYS = {
    "intake_single_vs_bare": "of the bare server's rate",
    "intake_single_vs_bare_cpu": "of the bare server's work per CPU second",
    "log_append_vs_file": "of a plain file's speed",
    "end_to_end_events_per_s": "events a second",
    "latency_p95_ms": "ms, at 1,000 events a second",
    "latency_p99_ms": "ms, at 1,000 events a second",
    "slow_neighbour": "times the p99 without bad neighbours",
    "lag_slowdown": "times the p99 without one that catches up",
    "bulk_vs_codec": "of the codec's rate",
    "per_delivery_10": "of the cost with one subscription",
    "per_delivery_100": "of the cost with one subscription",
    "vs_homemade_single": "times the home-made build's rate",
    "vs_homemade_end_to_end": "times the home-made build's rate",
}
"""What is drawn, and what it counts. The names are a promise: a renamed key would end its line."""

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 36, 32


def keep(figures: dict[str, Any]) -> None:
    """Add a run, and draw."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    entry = {"at": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "commit": _commit(), **figures}
    with HISTORY.open("ab") as file:
        file.write(msgspec.json.encode(entry) + b"\n")
    draw_all()


def draw_all() -> None:
    """Draw every key that any run has."""
    runs = [msgspec.json.decode(line) for line in HISTORY.read_bytes().splitlines()]
    for key, unit in KEYS.items():
        points = [(str(run["at"]), str(run["commit"]), float(run[key])) for run in runs if key in run]
        if points:
            (FOLDER / f"{key}.svg").write_text(_plot(key, unit, points), encoding="utf-8")


def _plot(key: str, unit: str, points: Sequence[tuple[str, str, float]]) -> str:
    """A line with a dot per run, from zero: a ratio's size should be seen as it is."""
    top = max(value for _, _, value in points) * 1.15 or 1.0
    step = (WIDTH - LEFT - RIGHT) / max(1, len(points) - 1)
    floor = HEIGHT - BOTTOM

    def x(number: int) -> float:
        return LEFT + number * step if len(points) > 1 else (LEFT + WIDTH - RIGHT) / 2

    def y(value: float) -> float:
        return floor - value / top * (floor - TOP)

    line = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, (_, _, value) in enumerate(points))
    dots = "".join(
        f'<circle cx="{x(n):.1f}" cy="{y(value):.1f}" r="3.5" fill="#1f6feb"><title>{at} {commit}: {value:g}</title>'
        "</circle>\n"
        for n, (at, commit, value) in enumerate(points)
    )
    rules = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#d0d7de"/>'
        f'<text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.3g}</text>\n'
        for v in (0.0, top / 2.3, top / 1.15)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="11" fill="#57606a" role="img" aria-label="{key} over {len(points)} runs">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
        f'<text x="{LEFT}" y="20" font-size="13" fill="#24292f">{key}: {points[-1][2]:g} {unit}</text>\n'
        f"{rules}"
        f'<polyline points="{line}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>\n{dots}'
        f'<text x="{LEFT}" y="{HEIGHT - 10}">{points[0][0][:10]}</text>\n'
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">{points[-1][0][:10]} {points[-1][1]}</text>\n'
        "</svg>\n"
    )


def _commit() -> str:
    """The commit that was measured; ``+`` behind it when something was changed since."""
    try:
        short = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, check=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return short.stdout.strip()


if __name__ == "__main__":
    draw_all()

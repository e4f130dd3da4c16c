"""What the pages tell a new user to type, typed: each block in a real shell, in a clean folder and environment."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
Blocks = Callable[[str, str], list[str]]

CURL = f"""\
#!{sys.executable}
# Enough of curl for the pages, where a machine has none: [-sS] [-i] URL -H HEADER -d BODY.
import argparse, urllib.error, urllib.request
parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("-sS", action="store_true")
parser.add_argument("-i", action="store_true")
parser.add_argument("-H", action="append", default=[])
parser.add_argument("-d")
given = parser.parse_args()
request = urllib.request.Request(given.url, given.d.encode(), dict(header.split(": ", 1) for header in given.H))
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
print("HTTP/1.1", answer.status, answer.reason, *(f"\\n{{k}}: {{v}}" for k, v in answer.headers.items()), "\\n")
print(answer.read().decode())
"""

_FAILED = r"\s+\S+  attempt 1 failed: credentials"
BEHIND = r"telemetry  pending: .*gps_position \(173\)\s+waits its turn; first in line is 0:1" + _FAILED
TOGETHER = r"telemetry  failing: .*gps_position \(173\)" + _FAILED

EXPECTED: dict[str, tuple[int, str]] = {
    "postroad init": (0, "A hub lives in postroad-data"),
    "postroad apply fleet.yaml --dry-run": (0, r"\+ provider .*gps-one(.|\n)*changes would be made"),
    "postroad apply fleet.yaml": (0, "changes made|Nothing to change"),
    "postroad serve": (0, ""),
    "curl": (0, "HTTP/1.1 (200|400)"),
    "postroad events tail": (
        0,
        r"1 \S+  the hub itself  KXRT41 (.|\n)*gps-one .*KXRT41 .*IGN .*recorded 2026-07-02T14:03:09.120Z",
    ),
    "postroad events refused": (0, "gps-one .*datetime: missing"),
    "postroad explain 0:2": (0, rf"KXRT41(.|\n)*({BEHIND}|{TOGETHER})"),  # by whether both were in the first bulk
    "postroad subscriptions list": (0, "telemetry .*active"),
    "postroad subscriptions test telemetry": (1, "customer.example"),
    "postroad doctor": (1, "FAIL destination webhook"),
    "postroad subscriptions pause telemetry": (0, ""),
    "postroad subscriptions resume telemetry": (0, ""),
    "postroad token list": (0, "gps-one"),
    "TOKEN=": (0, ""),
    "export": (0, ""),
    "kill %1": (0, ""),
    "wait": (0, ""),
}
"""How a command begins -> its exit code, and what it must have said. The longest that fits counts."""


def commands(block: str) -> list[str]:
    """The commands of a block: a line each, or more where a quote goes on."""
    found, pending = [], ""
    for line in block.splitlines(keepends=True):
        pending += line
        try:
            if shlex.split(pending, comments=True):
                found.append(pending.strip())
        except ValueError:  # a quote is open
            continue
        pending = ""
    assert not pending, f"a quote is never closed: {pending}"
    return found


def expected(command: str) -> tuple[int, str]:
    """What is promised of a command. Every command that a page shows has to have it."""
    fitting = [start for start in EXPECTED if command.startswith(start)]
    assert fitting, f"nobody says what should come of: {command}"
    return EXPECTED[max(fitting, key=len)]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def script(typed: list[str], port: int) -> str:
    """A bash script that does what was typed, each command's output and exit code in a file of its own."""
    listens = f"(exec 3<>/dev/tcp/127.0.0.1/{port})"
    lines = ["trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for number, command in enumerate(typed):
        text = command.replace("8480", str(port))
        lines += [f"{{ {text}\n}} > out.{number} 2>&1", f"echo $? > code.{number}"]
        if command.startswith("postroad explain"):  # attempts are handed over once a second
            lines.append(f"until grep -q 'attempt 1' out.{number}; do sleep 0.1; {{ {text}\n}} > out.{number}; done")
        if command.startswith("postroad serve"):  # a person reads that it listens before typing on
            lines.append(f"until {listens} 2>/dev/null; do kill -0 $! || exit 1; sleep 0.05; done")
        if command.startswith("kill"):
            lines.append("wait")
    return "\n".join(lines) + "\n"


class Walk:
    """Somebody who types what a page shows, in a home of their own."""

    def __init__(self, page: str, blocks: Blocks, tmp_path: Path) -> None:
        self.port = free_port()
        self.home = tmp_path / "home"
        self.home.mkdir()
        (self.home / "fleet.yaml").write_text(blocks(page, "yaml")[0])
        bin_folder = tmp_path / "bin"
        bin_folder.mkdir()
        postroad = bin_folder / "postroad"
        postroad.write_text(f'#!/bin/sh\nexec {sys.executable} -m postroad "$@"\n')
        postroad.chmod(0o755)
        if shutil.which("curl") is None:
            (bin_folder / "curl").write_text(CURL)
            (bin_folder / "curl").chmod(0o755)
        path = f"{bin_folder}:/usr/bin:/bin"
        self._environment = {"PATH": path, "HOME": str(self.home), "POSTROAD_HUB_PORT": str(self.port)}
        self._environment |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}

    def types(self, typed: list[str]) -> list[tuple[int, str]]:
        """The exit code and the output of each command."""
        done = subprocess.run(
            ["bash", "-c", script(typed, self.port)],
            cwd=self.home,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr
        return [
            (int((self.home / f"code.{number}").read_text()), (self.home / f"out.{number}").read_text())
            for number in range(len(typed))
        ]


def shown_commands(page: str, blocks: Blocks) -> list[str]:
    """All that a page has one type, but for make."""
    return [command for block in blocks(page, "sh") for command in commands(block) if not command.startswith("make ")]


@pytest.mark.timeout(300)  # two dozen commands, each a start of Python
@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_a_new_users_walk_works_as_the_page_says(page: str, blocks: Blocks, tmp_path: Path) -> None:
    typed = shown_commands(page, blocks)
    assert len(typed) >= 10
    walk = Walk(page, blocks, tmp_path)
    seen: list[str] = []
    for command, (code, output) in zip(typed, walk.types(typed), strict=True):
        wanted, said = expected(command)
        assert code == wanted, f"{command}\n{output}"
        assert re.search(said, output), f"{command}\n{output}"
        seen += [output]
    answers = [
        re.findall(r"HTTP/1.1 (\d+)", out) for out, command in zip(seen, typed, strict=True) if "curl" in command
    ]
    assert answers[0] == ["200"]
    assert all(answer == ["400"] for answer in answers[1:])
    again = [out for out, command in zip(seen, typed, strict=True) if command == "postroad apply fleet.yaml"]
    assert all("Nothing to change" in out for out in again[1:])
    assert not any("s3cret" in out for out in seen)
    shown = [line for block in blocks(page, "text") for line in block.replace("8480", str(walk.port)).splitlines()]
    assert [line for line in shown if not any(line in out for out in seen)] == []


@pytest.mark.timeout(300)
def test_what_went_out_in_one_bulk_fails_together_as_the_page_says(blocks: Blocks, tmp_path: Path) -> None:
    page = shown_commands("docs/start.md", blocks)
    serve, send = page.index("postroad serve &"), next(n for n, one in enumerate(page) if one.startswith("curl"))
    pause, resume = (f"postroad subscriptions {what} telemetry" for what in ("pause", "resume"))
    typed = [*page[:serve], pause, *page[serve : send + 1], resume, "postroad explain 0:2"]
    told = Walk("docs/start.md", blocks, tmp_path).types(typed)
    assert re.search(TOGETHER, told[-1][1]), told
    assert "first in line" not in told[-1][1]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/start.md", "docs/performance.md"])
def test_every_make_line_is_a_target(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = (ROOT / page).read_text()
    asked = re.findall(r"^make ([a-z]+)", text, re.MULTILINE) + re.findall(r"`make ([a-z]+)", text)
    assert asked
    assert set(asked) <= targets


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/demo.md"])
def test_json_on_a_page_is_json(page: str, blocks: Blocks) -> None:
    for block in blocks(page, "json"):
        for line in block.splitlines():
            msgspec.json.decode(line)


def test_a_shell_block_that_promises_nothing_is_noticed() -> None:
    with pytest.raises(AssertionError, match="postroad unheard-of"):
        expected("postroad unheard-of")

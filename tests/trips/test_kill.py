"""A process that derives trips is killed in the middle of its work."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from fixtures import deriving_process
from fixtures.clock import VirtualClock
from fixtures.trip_shard import keys, recorded
from postroad.log.sqlite import SqliteSettings, open_log
from postroad.metrics.counts import Counts


def run(folder: Path, until_line: int | None) -> str:
    """Run until it has printed so many lines, then kill it; ``None``: let it finish. Its last line."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, deriving_process.__file__, str(folder)]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout, 1):
            last = line.strip()
            if number == until_line:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.read()
    assert process.returncode == (0 if until_line is None else -signal.SIGKILL)
    return last


async def editions(folder: Path, clock: VirtualClock) -> list[bytes]:
    log = await open_log(folder, 0, clock=clock, counts=Counts(), settings=SqliteSettings(reserve_bytes=0))
    made = await recorded(log)
    await log.close()
    return made


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
async def test_kills_leave_the_same_editions_as_none(tmp_path: Path, clock: VirtualClock, kills: int) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert run(whole, None) == "done"
    random = Random(1)
    for _ in range(kills):
        run(killed, random.randint(5, 20))
    assert run(killed, None) == "done"
    made, expected = await editions(killed, clock), await editions(whole, clock)
    assert len(set(keys(made))) == len(made) > 5
    assert made == expected

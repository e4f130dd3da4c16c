"""A data folder as a hub leaves it, made without one: settings, key, registry and a shard with a few items."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner, Result

from fixtures.pipeline import part
from postroad.cli.main import cli
from postroad.clock import SystemClock
from postroad.dataformat import FORMAT_FILE, shard_file, write_format
from postroad.log.sqlite import open_log

Postroad = Callable[..., Result]


@pytest.fixture
def postroad() -> Postroad:
    """Run a command in this process: its result, with the error it raised, if any."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    return run


async def append(folder: Path, *subjects: int, settle: int | None = None) -> list[int]:
    """Append an item for each of ``subjects``; their positions. Subscription 1 is settled up to ``settle``."""
    log = await open_log(folder, 0, clock=SystemClock())
    try:
        if settle is not None:
            await log.delivery.settle(1, settle)
        first = (await log.append(part(*subjects))).position
        return [first + index for index in range(len(subjects))]
    finally:
        await log.close()


@pytest.fixture
def hub(tmp_path: Path, postroad: Postroad) -> Path:
    """A hub's folder with positions 1 to 4, of which 1 and 2 are settled for subscription 1; the hub is stopped."""
    folder = tmp_path / "hub"
    assert postroad("init", "--data", folder).exit_code == 0
    asyncio.run(append(folder, 1, 2, 1, 2, settle=3))
    write_format(folder, {0: 0})
    return folder


def make_shard_of_format(path: Path, number: int) -> None:
    """A shard as an older Postroad wrote it; each script holds what its format has beside that of the one before."""
    connection = apsw.Connection(str(path))
    for older in range(1, number + 1):
        connection.execute((Path(__file__).parent / "data" / f"shard-format-{older}.sql").read_text())
    connection.close()


def age(hub: Path, number: int) -> Path:
    """Have the hub's folder be of an older format, with shard 0 in epoch 1."""
    shard_file(hub, 0).unlink()
    make_shard_of_format(shard_file(hub, 0), number)
    (hub / FORMAT_FILE).write_text(json.dumps({"format": number, "shards": {"0": 0}}))
    return hub


@pytest.fixture
def older_hub(hub: Path) -> Path:
    """A folder of format 1, of which shard 0 is in epoch 1; the hub is stopped."""
    return age(hub, 1)


@pytest.fixture
def hub_of_format_2(hub: Path) -> Path:
    """The same of format 2."""
    return age(hub, 2)

"""The map of the code names every package, and draws the layers that are held."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_map_names_every_package() -> None:
    packages = {init.parent.name for init in (ROOT / "src" / "postroad").glob("*/__init__.py")}
    assert packages - set(re.findall(r"`([a-z]+)/[`\w.]", MAP)) == set()


def test_the_map_draws_the_layers_that_are_held() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    held = next(one["layers"] for one in contracts if one.get("containers") == ["postroad"])
    drawn = MAP.split("an upper one may import a lower one", 1)[1].split("\n\n")[1]
    assert [line.strip() for line in drawn.splitlines()] == [layer.replace(" | ", ", ") for layer in held]

"""What is installed and what is shown comes from where it says."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LOCKED = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("file", LOCKED, ids=lambda file: file.name)
def test_every_requirement_is_pinned_with_a_hash(file: Path) -> None:
    logical = re.sub(r"\\\n\s*", " ", file.read_text(encoding="utf-8"))
    requirements = [line for line in logical.splitlines() if line and not line.lstrip().startswith("#")]
    assert requirements
    for line in requirements:
        assert re.match(r"[\w.\[\],-]+==\S+ ", line), line
        assert "--hash=sha256:" in line, line


def test_every_list_of_requirements_is_locked_by_make_lock() -> None:
    lists = {path.stem for path in (ROOT / "requirements").glob("*.in")}
    assert lists == {path.stem for path in LOCKED}
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nlock:")[1].split("\n\n")[0]
    assert set(re.findall(r"-o requirements/(\w+)\.txt", recipe)) == lists


def test_everything_is_installed_by_hash() -> None:
    installs = re.findall(r"-m pip install .*", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert installs
    for line in installs:
        assert "--require-hashes" in line or ("--no-deps" in line and "--no-build-isolation" in line), line


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        ('<script src="https://cdn.example/x.js"></script>', False),
        ("<link rel=stylesheet href=//fonts.example/css>", False),
        ('<link href="https://fonts.example" rel="preconnect">', False),
        ("<style>@import 'https://fonts.example/css';</style>", False),
        ("<div style=\"background: url('https://cdn.example/x.png')\"></div>", False),
        ('<script src="assets/x.js"></script><link rel=canonical href="https://a.example/">', True),
        ('<a href="https://a.example/">a link is fetched by whoever follows it</a>', True),
    ],
)
def test_a_page_that_fetches_from_elsewhere_is_noticed(
    tmp_path: Path, tool: Callable[[str], ModuleType], page: str, kept: bool
) -> None:
    (tmp_path / "index.html").write_text(f"<html>{page}</html>", encoding="utf-8")
    assert (tool("check_offline").fetched(tmp_path) == []) is kept

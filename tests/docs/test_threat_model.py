"""Each test that the threat model names exists, and each threat has one."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "threat-model.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| threat", "| ---"))
]
BOUNDARIES = [
    "Provider to entrance",
    "Queue or topic to the hub",
    "Caller to the hub's API",
    "Browser and scraper to the hub's pages",
    "Hub to customer: egress",
    "Operator to registry: apply",
    "Files at rest",
    "Other processes on the machine",
    "Supply chain",
]


def defined(file: str) -> set[str]:
    """Names of the test functions in a file."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_boundary_has_its_section() -> None:
    assert re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == BOUNDARIES


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_tests_named_for_a_threat_exist(row: list[str]) -> None:
    _, guard, named = row
    assert guard
    references = re.findall(r"`([^`]+)::(test_\w+)`", named)
    assert references, "no test guards it"
    assert len(references) == named.count("`") // 2, "something there is no reference to a test"
    assert [name for file, name in references if name not in defined(file)] == []

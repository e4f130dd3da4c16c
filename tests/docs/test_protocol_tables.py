"""The tables of protocols' pages say what the wire structs say."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from postroad.protocols import connected_cars as streams
from postroad.protocols import connected_cars_legacy as legacy
from postroad.protocols.contract import Contract

FOLDER = Path(__file__).parents[2] / "docs" / "protocols"
Tool = Callable[[str], ModuleType]


def test_the_committed_tables_are_what_the_code_says(tool: Tool) -> None:
    for name, text in tool("protocol_tables").pages().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name} is out of date: run `make reference`"


def test_every_type_field_scope_and_slot_of_the_legacy_push_is_in_a_table(tool: Tool) -> None:
    tables = tool("protocol_tables").legacy_tables()
    for name, struct in legacy.STRUCTS.items():
        feed = "account" if issubclass(struct, legacy.AccountMessage) else "car"
        (row,) = [line for line in tables[f"{feed}_messages"].splitlines() if line.startswith(f"| `{name}` ")]
        assert all(f"`{fact.key}`" in row for fact in legacy.facts(struct))
        assert f"| `{name}` | {legacy.KINDS.index(name)} | {legacy.SLOTS[name]} |" in tables["numbers"]
    for scope in legacy.SCOPES:
        assert f"| `{scope}` | no `" in tables["scopes"]


@pytest.mark.parametrize(
    "page", ["no places\n", "<!-- table: one -->\n<!-- end -->\n<!-- table: two -->\n<!-- end -->\n"]
)
def test_a_table_without_a_place_or_a_place_without_a_table_is_an_error(tool: Tool, page: str) -> None:
    tables = tool("protocol_tables")
    with pytest.raises(tables.Undocumented):
        tables.filled(page, {"one": "text"})


@pytest.mark.parametrize(
    ("page", "contract"), [("connected-cars", streams.CONTRACT), ("connected-cars-legacy", legacy.CONTRACT)]
)
def test_the_size_of_a_bulk_is_the_contract_s(page: str, contract: Contract) -> None:
    lines = (FOLDER / f"{page}.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith("| bulk |")]
    said = {int(number.replace(",", "")) for number in re.findall(r"[0-9,]*[0-9]{3}", row)}
    assert said == {contract.max_items, contract.item_ceiling}
    assert f"{contract.max_bytes >> 20} MiB" in row


def test_filling_a_page_twice_changes_nothing(tool: Tool) -> None:
    tables = tool("protocol_tables")
    page = "a\n<!-- table: one -->\nold\n<!-- end -->\nb\n"
    once = tables.filled(page, {"one": "| new |\n"})
    assert once == "a\n<!-- table: one -->\n\n| new |\n\n<!-- end -->\nb\n"
    assert tables.filled(once, {"one": "| new |\n"}) == once

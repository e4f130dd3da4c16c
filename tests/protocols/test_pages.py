"""The pages under ``docs/protocols`` against the code: what the code has, its page has, and the other way round."""

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from postroad.protocols import SOURCES, TARGETS, connected_cars, drivetech
from postroad.protocols.drivetech import answers

PAGES = Path(__file__).parent.parent.parent / "docs" / "protocols"


def table(page: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without back quotes."""
    section = (PAGES / page).read_text().split(f" {heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert lines
    return [[cell.strip(" `") for cell in line.strip("|\n").split("|")] for line in lines[0].splitlines()[2:]]


def column(page: str, heading: str, number: int = 0) -> list[str]:
    return [row[number] for row in table(page, heading)]


@pytest.mark.parametrize("name", sorted({*SOURCES, *TARGETS}))
def test_every_protocol_has_a_page(name):
    assert (PAGES / f"{name.replace('_', '-')}.md").is_file()


def test_drivetechs_fields_are_those_of_the_struct_in_its_order():
    assert column("drivetech.md", "Fields") == list(drivetech.Injection.__struct_fields__)


def test_drivetechs_required_fields_are_marked():
    marked = {row[0] for row in table("drivetech.md", "Fields") if row[2].startswith("yes")}
    with_default = {row[0] for row in table("drivetech.md", "Fields") if "default" in row[2]}
    assert marked == {field.name for field in msgspec.structs.fields(drivetech.StrictInjection) if field.required}
    assert marked - with_default == {
        field.name for field in msgspec.structs.fields(drivetech.Injection) if field.required
    }


def test_drivetechs_event_types_and_their_fields_are_those_of_the_code():
    rows = {row[0]: row[1] for row in table("drivetech.md", "Event types")}
    assert list(rows) == list(drivetech.KINDS)
    for struct in get_args(drivetech.WireEvent):
        named = re.findall(r"`?(\w+)`? \(", rows[struct.__struct_config__.tag])
        assert named == list(struct.__struct_fields__)


def test_drivetechs_states_settings_and_warnings_are_those_of_the_code():
    assert column("drivetech.md", "State") == list(drivetech.STATES)
    assert column("drivetech.md", "Warnings") == list(drivetech.WARNINGS)
    fields = msgspec.structs.fields(drivetech.DrivetechSettings)
    rows = table("drivetech.md", "Settings of a provider")
    assert [row[0] for row in rows] == [field.name for field in fields]
    for row, field in zip(rows, fields, strict=True):
        assert tuple(value.strip(" `") for value in row[1].split(",")) == get_args(field.type)
        assert get_args(field.type)[0] == field.default


def test_drivetechs_answers_are_those_of_the_code():
    rows = {(int(row[0]), row[2]) for row in table("drivetech.md", "Answers")}
    bodies = [(status, body) for status, body in answers.BY_STATUS.items()]
    bodies += [(400, body) for body in (answers.INVALID_JSON, answers.parameter_required("plate"))]
    bodies += [(400, answers.parameter_invalid("speed"))]
    assert rows == {(status, json.loads(body)["description"]) for status, body in bodies}


def test_connected_cars_types_are_all_in_the_reference():
    page = (PAGES.parent / "reference" / "connected-cars-types.md").read_text()
    for name, slot in connected_cars.SLOTS.items():
        assert f"| {slot} | `{name}` |" in page or f"## `{name}`" in page or name == connected_cars.OTHER
        assert re.search(rf"(\| {slot} \| `{name}`|Slot {slot}[,.])", page)


def test_connected_cars_common_fields_are_those_of_the_struct():
    common = {"type", *connected_cars.VehicleEvent.__struct_encode_fields__} - {"vin", "organizationKey"}
    assert set(column("connected-cars.md", "Common fields")) == common


def test_connected_cars_settings_and_defaults_are_those_of_the_code():
    rows = {row[0]: json.loads(row[1]) for row in table("connected-cars.md", "Settings of a provider")}
    assert rows == msgspec.to_builtins(connected_cars.ConnectedCarsSettings())


def test_connected_cars_options_and_defaults_are_those_of_the_code():
    rows = {row[0]: json.loads(row[1]) for row in table("connected-cars.md", "Options of a subscription")}
    assert rows == msgspec.to_builtins(connected_cars.Options())


def test_connected_cars_contract_is_the_one_in_the_code():
    rules = dict(table("connected-cars.md", "Delivery contract"))
    contract = connected_cars.CONTRACT
    assert f"{contract.success[0]} to {contract.success[1]}" in rules["success"]
    assert f"{contract.max_items:,}" in rules["bulk"]
    assert f"{contract.item_ceiling:,}" in rules["bulk"]
    assert [contract.retry.wait_s(n) for n in (1, 2, 3, 4, 5)] == [20, 20, 20, 120, 240]
    assert contract.retry.wait_s(50) == 3600


def test_drivetechs_options_and_defaults_are_those_of_the_code():
    rows = {row[0]: row[1] for row in table("drivetech.md", "Options of a subscription")}
    fields = {field.name: field.default for field in msgspec.structs.fields(drivetech.PROTOCOL.options_type)}
    assert rows == {name: "none" if name == "fallback" else str(default) for name, default in fields.items()}

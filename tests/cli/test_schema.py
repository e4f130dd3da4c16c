"""``postroad schema``: JSON Schemas of every protocol, with all its types, descriptions and units."""

import json
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from postroad.cli.main import cli
from postroad.errors import NotFound
from postroad.protocols import FORMATS, SOURCES, TARGETS, connected_cars, connected_cars_legacy, drivequant


def run(*arguments: str):
    return CliRunner().invoke(cli, ["schema", *arguments])


def schema(*arguments: str) -> dict[str, Any]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    shown: dict[str, Any] = json.loads(result.stdout)
    return shown


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(references(one) for one in value.values()))
    return set().union(*(references(one) for one in value)) if isinstance(value, list) else set()


def tag_field(struct: type[msgspec.Struct]) -> str | None:
    """The field that says a body's type; None where bodies do not tell."""
    return struct.__struct_config__.tag_field


@pytest.mark.parametrize(
    ("protocol", "direction"), [(name, "in") for name in SOURCES] + [(name, "out") for name in TARGETS]
)
def test_a_body_is_made_of_every_type_and_each_is_described(protocol, direction):
    shown = schema(protocol, "--direction", direction)
    assert shown["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    defined = shown["$defs"]
    assert {reference.removeprefix("#/$defs/") for reference in references(shown)} <= set(defined)
    tags = {name: tag for name, struct in FORMATS[protocol].types.items() if (tag := tag_field(struct)) is not None}
    if not tags:
        assert {struct.__name__ for struct in FORMATS[protocol].types.values()} <= set(defined)
    for tag in set(tags.values()):
        types = {one["properties"][tag]["enum"][0] for one in defined.values() if "enum" in _property(one, tag)}
        assert types == tags.keys()
    assert all(one["title"] and one["description"] for one in defined.values())
    assert all("additionalProperties" not in one for one in defined.values())


@pytest.mark.parametrize(("protocol", "name"), [(p, name) for p, form in FORMATS.items() for name in form.types])
def test_one_type_alone(protocol, name):
    shown = schema(protocol, "--type", name)
    title = FORMATS[protocol].types[name].__name__
    assert shown["$ref"] == f"#/$defs/{title}"
    tag = tag_field(FORMATS[protocol].types[name])
    assert tag is None or shown["$defs"][title]["properties"][tag] == {"enum": [name]}


def _property(defined: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = defined["properties"].get(name, {})
    return found


def test_units_and_steps_stand_beside_the_numbers():
    def value(protocol: str, name: str, field: str) -> dict[str, Any]:
        (one,) = [d for d in schema(protocol, "--type", name)["$defs"].values() if "type" in d["properties"]]
        field_schema: dict[str, Any] = one["properties"][field]
        return field_schema

    fuel = value("connected_cars", "can_fuel_level_liters", "value")
    assert (fuel["x-unit"], fuel["x-granularity"], fuel["type"]) == ("l", "1 l", "integer")
    place = value("connected_cars_legacy", "position", "lat")
    assert (place["x-unit"], place["maximum"], place["description"]) == ("deg", 90, "latitude")
    injection = schema("drivetech")["$defs"]["Injection"]["properties"]
    assert injection["odometer"]["x-unit"] == "km"
    assert "x-unit" not in injection["speed"]  # the vendor states none
    assert injection["buff"]["description"] == "true: an old event, sent late"


def test_the_bodies_of_a_protocol_without_types_in_them_are_one_of_its_services():
    shown = schema("drivequant")
    assert shown["anyOf"] == [{"$ref": f"#/$defs/{struct.__name__}"} for struct in drivequant.PUSHES.values()]
    statistics = shown["$defs"]["ItineraryStatistics"]["properties"]
    assert "m" in {one.get("x-unit") for one in [statistics["distance"], *statistics["distance"]["anyOf"]]}
    assert shown["$defs"]["TripPush"]["required"] == ["itinId"]


def test_every_number_with_a_unit_in_the_code_has_it_in_the_schema():
    for name in connected_cars.SIGNAL_OF:
        struct = connected_cars.EVENT_TYPES[name]
        units = {getattr(one, "extra", None) and one.extra.get("unit") for one in _metas(struct, "value")} - {None, ""}
        shown = json.dumps(schema("connected_cars", "--type", name)["$defs"][struct.__name__]["properties"]["value"])
        assert all(f'"x-unit": {json.dumps(unit)}' in shown for unit in units)
    for name, struct in connected_cars_legacy.STRUCTS.items():
        text = json.dumps(schema("connected_cars_legacy", "--type", name))
        assert all(f'"x-unit": {json.dumps(f.unit)}' in text for f in connected_cars_legacy.facts(struct) if f.unit)


def _metas(struct: Any, field: str) -> tuple[Any, ...]:
    hint = next((base.__annotations__[field] for base in struct.__mro__ if field in base.__annotations__), None)
    return getattr(hint, "__metadata__", ())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("telematics",), "known: drivetech, connected_cars, connected_cars_legacy"),
        (
            ("postroad", "--direction", "out"),
            "known: connected_cars, connected_cars_legacy, drivequant, drivetech, damoov",
        ),
        (("drivetech", "--type", "SOSO"), "it has: GPS, IGN"),
    ],
)
def test_what_there_is_no_schema_of_names_what_there_is(arguments, reason):
    result = run(*arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, NotFound)
    assert reason in str(result.exception)

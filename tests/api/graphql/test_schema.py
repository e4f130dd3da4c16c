"""The schema: what the source's pages name is in it, and every field of it is answered by something."""

from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, validate_schema

from postroad.api.graphql import types
from postroad.api.graphql.operations import Operations
from postroad.api.graphql.paging import Page, PageInfo
from postroad.api.graphql.schema import INPUTS, make_schema, snake
from postroad.registry.records import Destination, Subscription

RESOLVERS: Final = Operations(None, None).resolvers()  # type: ignore[arg-type]  # nothing is asked of it
SCHEMA: Final = make_schema(RESOLVERS)
STRUCTS: Final[dict[str, Any]] = {
    "PageInfo": PageInfo,
    "IntegrationVehicle": types.IntegrationVehicle,
    "IntegrationVehiclePage": Page,
    "VehicleDataStream": types.VehicleDataStream,
    "VehicleDataStreamPage": Page,
    "TopicLag": types.TopicLag,
    "DeliveryAttempt": types.DeliveryAttempt,
    "DeadLetter": types.DeadLetter,
    "DeadLetterPage": Page,
}
SOURCE: Final = {
    "Query.consentedIntegrationVehicles": "(fleetIds: [Int!], vehicleIds: [Int!], first: Int, after: Cursor)",
    "Query.vehicleDataStreams": "(integrationTopicIds: [Int!], vehicleIds: [Int!], first: Int, after: Cursor)",
    "Query.integrationTopics": "()",
    "Mutation.addVehicleDataStreams": "(input: [AddVehicleDataStreamInput!]!)",
    "Mutation.updateVehicleDataStream": "(input: UpdateVehicleDataStreamInput!)",
    "Mutation.deleteVehicleDataStreams": "(input: [Int!]!)",
    "Mutation.deleteAllVehicleDataStreams": "(input: DeleteAllVehicleDataStreamsInput!)",
    "Mutation.revokeIntegrationAccess": "(input: IntegrationAccessInput!)",
}
"""The operations of the source and their arguments."""


def test_it_is_a_schema() -> None:
    assert validate_schema(SCHEMA) == []


@pytest.mark.parametrize("place", SOURCE)
def test_an_operation_of_the_source_has_its_arguments(place: str) -> None:
    type_, name = place.split(".")
    field = SCHEMA.type_map[type_].fields[name]  # type: ignore[attr-defined]  # both are object types
    assert f"({', '.join(f'{key}: {argument.type}' for key, argument in field.args.items())})" == SOURCE[place]


def test_fields_of_the_source_have_the_kinds_of_ids_that_its_samples_show() -> None:
    fields = {
        f"{name}.{key}": str(field.type)
        for name in ("IntegrationVehicle", "VehicleDataStream", "IntegrationTopic")
        for key, field in SCHEMA.type_map[name].fields.items()  # type: ignore[attr-defined]  # as above
    }
    assert fields["IntegrationVehicle.id"] == "ID!", "text"
    assert fields["IntegrationVehicle.fleetId"] == "Int", "a number"
    for place in ("VehicleDataStream.id", "VehicleDataStream.vehicleId", "VehicleDataStream.integrationTopicId"):
        assert fields[place] == "Int!"
    assert {"IntegrationTopic.name", "IntegrationTopic.parameters", "IntegrationTopic.vehicleDataStreams"} <= set(
        fields
    )


OBJECTS: Final = [
    type_.name
    for type_ in SCHEMA.type_map.values()
    if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
]


@pytest.mark.parametrize("name", OBJECTS)
def test_every_field_of_a_type_is_answered_by_something(name: str) -> None:
    fields = SCHEMA.type_map[name].fields  # type: ignore[attr-defined]  # it is an object type
    answered = RESOLVERS.get(name, {})
    assert answered.keys() <= fields.keys(), "nothing is answered that is not asked"
    left = {snake(field) for field in fields.keys() - answered.keys()}
    if name in STRUCTS:
        assert left == set(STRUCTS[name].__struct_fields__)
    elif name == "IntegrationTopic":
        made = types.IntegrationTopic(
            Subscription(id=1, integration_id=1, organization_id=1, name="n", protocol="p", destination_id=1, types=()),
            Destination(id=1, integration_id=1, name="n", transport="t", config={}),
        )
        assert left == vars(made).keys() - {"subscription"}
    else:
        assert not left


def test_every_input_type_becomes_a_struct_with_its_fields() -> None:
    inputs = {one.name: one for one in SCHEMA.type_map.values() if isinstance(one, GraphQLInputObjectType)}
    assert inputs.keys() == INPUTS.keys()
    for name, type_ in inputs.items():
        assert {snake(field) for field in type_.fields} == set(INPUTS[name].__struct_fields__)  # type: ignore[attr-defined]  # structs


@pytest.mark.parametrize("name", sorted({*OBJECTS, *INPUTS} - {"Query", "Mutation", "PageInfo"}))
def test_types_say_what_they_are(name: str) -> None:
    type_ = SCHEMA.type_map[name]
    if not name.endswith(("Page", "Input")) or name == "IntegrationAccessInput":
        assert type_.description

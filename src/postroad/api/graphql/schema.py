"""Makes the executable schema of ``schema.graphql``: its scalars, its input types, and who answers each field.

Names are camelCase there and snake_case here, for fields, arguments and input fields alike.
"""

import re
from collections.abc import Callable, Mapping
from importlib import resources
from operator import attrgetter
from typing import Any, Final, Never

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
)

from postroad.api.graphql import types
from postroad.api.graphql.paging import Cursor
from postroad.clock import from_us

Resolver = Callable[..., Any]
"""Called with what the parent's resolver gave, graphql-core's ``info``, and the arguments by name."""

INPUTS: Final[Mapping[str, type]] = {
    "AddVehicleDataStreamInput": types.NewStream,
    "UpdateVehicleDataStreamInput": types.StreamUpdate,
    "DeleteAllVehicleDataStreamsInput": types.VehicleIds,
    "IntegrationAccessInput": types.IntegrationAccess,
}


def sdl() -> str:
    """The schema as text."""
    return resources.files("postroad.api.graphql").joinpath("schema.graphql").read_text(encoding="utf-8")


def make_schema(resolvers: Mapping[str, Mapping[str, Resolver]]) -> GraphQLSchema:
    """The schema, answered by ``resolvers`` (type -> field -> who answers it), else by attributes of what they gave."""
    schema = build_schema(sdl())
    for type_ in schema.type_map.values():
        if type_.name.startswith("__"):
            continue
        if isinstance(type_, GraphQLObjectType):
            _answer(type_, resolvers.get(type_.name, {}))
        elif isinstance(type_, GraphQLInputObjectType):
            _convert(type_, INPUTS[type_.name])
    # Made anew: the first one's table of types still has the scalars as graphql-core made them.
    return GraphQLSchema(query=schema.query_type, mutation=schema.mutation_type, description=schema.description)


def _answer(type_: GraphQLObjectType, by: Mapping[str, Resolver]) -> None:
    for name, field in type_.fields.items():
        field.resolve = by.get(name) or _attribute(snake(name))
        field.type = _with_our_scalars(field.type)
        for argument_name, argument in field.args.items():
            argument.out_name = snake(argument_name)
            argument.type = _with_our_scalars(argument.type)


def _convert(type_: GraphQLInputObjectType, made: type) -> None:
    for name, field in type_.fields.items():
        field.out_name = snake(name)
        field.type = _with_our_scalars(field.type)
    type_.out_type = lambda value: made(**value)  # type: ignore[method-assign]  # as graphql-core's page has it


def _attribute(name: str) -> Resolver:
    get = attrgetter(name)
    return lambda source, _info: get(source)


def snake(name: str) -> str:
    """``integrationTopicId`` -> ``integration_topic_id``."""
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


def _instant(us: int) -> str:
    return from_us(us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _never_given(_value: object) -> Never:
    raise GraphQLError("no argument has this type")


_SCALARS: Final = {
    scalar.name: scalar
    for scalar in (
        GraphQLScalarType(
            "Cursor",
            description="Where a page ends, to be given back as it is. It says nothing else to a client.",
            coerce_output_value=str,
            coerce_input_value=Cursor.read,
        ),
        GraphQLScalarType(
            "DateTime",
            description="An instant, RFC 3339 in UTC: `2026-01-31T12:30:00.000000Z`.",
            coerce_output_value=_instant,
            coerce_input_value=_never_given,
        ),
    )
}


def _with_our_scalars(type_: Any) -> Any:
    if isinstance(type_, GraphQLNonNull):
        return GraphQLNonNull(_with_our_scalars(type_.of_type))
    if isinstance(type_, GraphQLList):
        return GraphQLList(_with_our_scalars(type_.of_type))
    return _SCALARS.get(type_.name, type_)

"""Reads a request's variables leniently: where the schema has a number, text of digits is that number.

JSON made from forms, and by languages whose numbers are doubles, often has ids as text, and the source's own samples
have a vehicle's id as text in one place and as a number in another. graphql-core keeps ``Int`` to itself, so this is
done before it looks.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from graphql import (
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    type_from_ast,
)

_DIGITS: Final = re.compile(r"-?[0-9]{1,10}")


def with_numbers(variables: Mapping[str, Any], operation: OperationDefinitionNode, schema: GraphQLSchema) -> Any:
    """``variables`` as the operation's declarations want them; what they do not fit stays, to be refused."""
    types = {
        definition.variable.name.value: type_from_ast(schema, definition.type)
        for definition in operation.variable_definitions or ()
    }
    return {name: _as(types.get(name), value) for name, value in variables.items()}


def _as(type_: Any, value: Any) -> Any:
    match type_:
        case GraphQLNonNull():
            return _as(type_.of_type, value)
        case GraphQLList():
            return [_as(type_.of_type, one) for one in value] if isinstance(value, list) else _as(type_.of_type, value)
        case GraphQLInputObjectType() if isinstance(value, dict):
            return {name: _as(_type_of(type_, name), one) for name, one in value.items()}
    if type_ is GraphQLInt and isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    return value


def _type_of(type_: GraphQLInputObjectType, name: str) -> Any:
    field = type_.fields.get(name)
    return None if field is None else field.type

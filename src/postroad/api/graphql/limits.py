"""What a request may cost. Everything is found out before anything is carried out.

First by the text alone, so that no text makes parsing and validation long; then, of the one operation that is to be
carried out, how deep it goes and how much it could answer at most. Each limit is far above what a page of the most, a
list of the most, or an explorer's look at the schema needs.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    get_argument_values,
    get_named_type,
    parse,
)
from graphql.execution.values import VariableValues

from postroad.api.graphql.errors import bad_input
from postroad.api.graphql.paging import USUAL_FIRST
from postroad.api.graphql.types import VehicleIds

MAX_BODY_BYTES: Final = 750 * 1024
"""The source's own."""
MAX_TOKENS: Final = 20_000
"""Of the text: a list of the most streams to add, written out, has some 12,000."""
MAX_COMMENTS: Final = 1_000
MAX_ALIASES: Final = 30
MAX_DIRECTIVES: Final = 50
MAX_FIELDS: Final = 250
"""Written in the text."""
MAX_DEFINITIONS: Final = 50
"""Operations and fragments."""
MAX_VARIABLES: Final = 100
MAX_LIST: Final = 1_000
"""Elements of any list that is given."""
MAX_DIGITS: Final = 100
"""Of a number in the text: Python refuses some thousand, by an error that graphql-core lets through."""
MAX_DEPTH: Final = 16
"""Fields within fields; the usual look at the schema has 15."""
MAX_COST: Final = 50_000
"""Values that an answer may have at most, and what finding them out costs."""
MAX_ERRORS: Final = 20
"""Of one text, told at once."""

_DEAR: Final[Mapping[tuple[str, str], int]] = {
    ("IntegrationTopic", "lag"): 500,  # reads a stretch of the log
    ("IntegrationTopic", "attempts"): 50,  # ask a database
    ("IntegrationTopic", "deadLetters"): 50,
    ("IntegrationTopic", "deadLetterCount"): 50,
}
_MUTATION: Final = 100
"""A transaction."""
_LISTS: Final[Mapping[tuple[str, str], int]] = {
    ("IntegrationTopic", "vehicleDataStreams"): 1000,
    # About how many there are of each in this schema; the validation bounds how often these can be nested.
    ("__Schema", "types"): 35,
    ("__Schema", "directives"): 8,
    ("__Type", "fields"): 4,
    ("__Type", "inputFields"): 1,
    ("__Type", "enumValues"): 1,
    ("__Field", "args"): 1,
    ("__Directive", "args"): 2,
}

Size = Callable[[], int]
"""How many a list has, where only its owner knows."""


def read(text: str) -> DocumentNode:
    """Parse a text, if it is not too much to look at. Raises ``GraphQLError``."""
    document = parse(text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_COMMENTS, max_source_length=MAX_BODY_BYTES)
    if len(document.definitions) > MAX_DEFINITIONS:
        raise _too_many("definitions", MAX_DEFINITIONS)
    _look_over(document)
    return document


def check_variables(variables: Mapping[str, Any]) -> None:
    """Raises ``GraphQLError`` if there are too many, or a list in them is too long."""
    if len(variables) > MAX_VARIABLES:
        raise _too_many("variables", MAX_VARIABLES)
    values: list[Any] = list(variables.values())
    while values:
        value = values.pop()
        if isinstance(value, list):
            if len(value) > MAX_LIST:
                raise _too_many("elements of a list", MAX_LIST)
            values.extend(value)
        elif isinstance(value, dict):
            values.extend(value.values())


def check_cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: VariableValues,
    sizes: Mapping[tuple[str, str], Size],
) -> None:
    """Raises ``GraphQLError`` if an operation of a valid document goes too deep, or could answer too much.

    ``variables`` are coerced; ``sizes`` are of lists whose length is not asked for.
    """
    root = schema.get_root_type(operation.operation)
    if root is None:
        return  # it is refused as what the schema has not
    cost = _Measure(schema, document, variables, sizes).of(operation.selection_set, root, 1).cost
    if cost > MAX_COST:
        raise bad_input(f"This could answer too much: it is weighed at {cost}, and {MAX_COST} is allowed. Ask for less")


def _look_over(document: DocumentNode) -> None:
    """Count what makes validation long. Without recursion: a text may be nested deeply."""
    counted: Counter[str] = Counter()
    nodes: list[tuple[Node, int]] = [(document, 0)]
    while nodes:
        node, depth = nodes.pop()
        match node:
            case FieldNode():
                depth += 1
                counted["fields"] += 1
                counted["aliases"] += node.alias is not None
                if depth > MAX_DEPTH:
                    raise _too_deep()
            case ListValueNode() if len(node.values) > MAX_LIST:
                raise _too_many("elements of a list", MAX_LIST)
            case IntValueNode() | FloatValueNode() if len(node.value) > MAX_DIGITS:
                raise _too_many("digits of a number", MAX_DIGITS)
        counted["directives"] += len(getattr(node, "directives", None) or ())
        counted["variables"] += len(getattr(node, "variable_definitions", None) or ())
        for key in node.keys:
            below = getattr(node, key, None)
            if isinstance(below, Node):
                nodes.append((below, depth))
            elif isinstance(below, tuple | list):
                nodes.extend((one, depth) for one in below)
    for what, most in _MOST.items():
        if counted[what] > most:
            raise _too_many(what, most)


_MOST: Final = {
    "fields": MAX_FIELDS,
    "aliases": MAX_ALIASES,
    "directives": MAX_DIRECTIVES,
    "variables": MAX_VARIABLES,
}


class _Weight(NamedTuple):
    cost: int
    depth: int
    """Fields within fields."""


class _Measure:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        variables: VariableValues,
        sizes: Mapping[tuple[str, str], Size],
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._sizes = sizes
        self._fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._weighed: dict[str, _Weight] = {}

    def of(self, selected: SelectionSetNode | None, type_: Any, depth: int) -> _Weight:
        """What is selected of ``type_``, whose fields stand at ``depth``."""
        cost, deepest = 0, 0
        for selection in selected.selections if selected is not None else ():
            match selection:
                case FieldNode():
                    weight = self._field(selection, type_, depth)
                case InlineFragmentNode():
                    weight = self.of(selection.selection_set, type_, depth)
                case FragmentSpreadNode():
                    weight = self._spread(selection.name.value, depth)
                case _:
                    raise AssertionError  # there is no other selection
            cost, deepest = cost + weight.cost, max(deepest, weight.depth)
        return _Weight(cost, deepest)

    def _spread(self, name: str, depth: int) -> _Weight:
        """A fragment is weighed once, however often it is spread: else some fragments in a row took for ever."""
        weight = self._weighed.get(name)
        if weight is None:
            fragment = self._fragments[name]
            type_ = self._schema.type_map[fragment.type_condition.name.value]
            weight = self._weighed[name] = self.of(fragment.selection_set, type_, depth)
        elif depth - 1 + weight.depth > MAX_DEPTH:
            raise _too_deep()
        return weight

    def _field(self, node: FieldNode, type_: Any, depth: int) -> _Weight:
        if depth > MAX_DEPTH:
            raise _too_deep()
        name = node.name.value
        field = self._schema.get_field(type_, name)
        if field is None:
            raise AssertionError  # the document is valid
        place = (type_.name, name)
        arguments = get_argument_values(field, node, self._variables)
        own, size = _DEAR.get(place, 1), 1
        if "first" in field.args:
            size = arguments.get("first") or USUAL_FIRST
        elif "input" in field.args:
            own, size = _MUTATION, _length(arguments["input"])
        elif place in self._sizes:
            size = self._sizes[place]()
        elif place in _LISTS:
            size = _LISTS[place]
        inner = self.of(node.selection_set, get_named_type(field.type), depth + 1)
        return _Weight(own + max(size, 1) * max(inner.cost, 1), 1 + inner.depth)


def _length(given: object) -> int:
    match given:
        case list():
            return len(given)
        case VehicleIds():
            return len(given.vehicle_ids)
    return 1


def _too_many(what: str, most: int) -> GraphQLError:
    return bad_input(f"There are too many {what}: {most} are allowed")


def _too_deep() -> GraphQLError:
    return bad_input(f"This goes too deep: {MAX_DEPTH} fields within fields are allowed")

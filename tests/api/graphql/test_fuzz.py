"""Whatever is sent: an answer of the closed set of statuses, of bounded size and work, and never a defect of ours."""

import json
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.graphql_site import Answer, GraphQLSite
from postroad.api.graphql import index, limits
from postroad.api.graphql.schema import make_schema

pytestmark = pytest.mark.asyncio(loop_scope="module")

FEW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCHEMA = make_schema({})
WORDS = [
    "{", "}", "(", ")", "[", "]", ":", "!", "$", "@", "...", "...f", "on", "query", "mutation", "subscription",
    "fragment f on Query", "query Q($v: [Int!])", "$v", "consentedIntegrationVehicles", "vehicleDataStreams",
    "integrationTopics", "items", "pageInfo", "id", "a:", "(first: 1)", "(first: -1)", '(after: "x")', "(input: [1])",
    "(input: {vehicleIds: [1]})", "deleteVehicleDataStreams", "deleteAllVehicleDataStreams", "__schema", "__typename",
    '__type(name: "Query")', "{ id }", "@include(if: true)", "@skip(if: $v)", "1", "-1", "1.5e3", "9" * 30, '"x"',
    '"""x', "null", "true", "#", "\n", "\ufeff", "é", "\x00",
]  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["v", "input", "id", "x"]), inner),
    max_leaves=15,
)


@st.composite
def selections(draw: Any, type_: Any, depth: int) -> str:
    """A text that the schema mostly knows: fields of a type, with arguments that mostly are none."""
    names = draw(st.lists(st.sampled_from([*type_.fields, "__typename"]), min_size=1, max_size=4))
    parts = []
    for name in names:
        field = type_.fields.get(name)
        inner = get_named_type(field.type) if field is not None else None
        alias = draw(st.sampled_from(["", "", "a: ", "b: "]))
        directive = draw(st.sampled_from(["", "", "", " @include(if: true)", " @skip(if: true)", " @nobody"]))
        arguments = [
            f"{key}: {draw(st.sampled_from(LITERALS))}"
            for key in (field.args if field is not None else ())
            if draw(st.booleans()) or key == "input"
        ]
        below = ""
        if isinstance(inner, GraphQLObjectType):
            below = f" {{ {draw(selections(inner, depth + 1))} }}" if depth < 6 else " { __typename }"
        parts.append(f"{alias}{name}{'(' + ', '.join(arguments) + ')' if arguments else ''}{directive}{below}")
    return " ".join(parts)


LITERALS = [
    "1", "0", "-1", "1000", "2147483647", "2147483648", "null", "[]", "[1]", "[1, 1]", "[null]", '"1"', '""', "$v",
    "{}", "true", "X", "1.5", '"bz0xJTIzMQ=="', "{vehicleIds: [1]}", "{vehicleIds: []}", "{integrationId: 1}",
    "{integrationId: 1, fleetId: 1}", "{integrationId: 1, vehicleId: 1}", "{id: 1}", '{id: 1, referenceUrl: "x"}',
    "[{vehicleId: 1, integrationTopicId: 1}]", "[{vehicleId: 1, integrationTopicId: 1, referenceUrl: null}]",
]  # fmt: skip


def holds(answer: Answer) -> None:
    assert answer.status in (200, 400, 403)
    assert answer.json.keys() <= {"data", "errors"}
    for error in answer.json.get("errors", ()):
        assert set(error) <= {"message", "locations", "path", "extensions"}
        assert error["extensions"]["code"] in {"FORBIDDEN", "BAD_USER_INPUT", "NOT_FOUND"}, error
        assert "Traceback" not in error["message"]
    assert len(answer.body) < 1_000_000


@given(data=st.data())
@FEW
async def test_any_selection_of_the_schema_is_answered(still: GraphQLSite, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["query", "query", "query", "mutation"]))
    root = SCHEMA.query_type if kind == "query" else SCHEMA.mutation_type
    text = f"{kind} Q($v: Int) {{ {data.draw(selections(root, 0))} }}"
    answer = await still.ask(text, {"v": data.draw(st.sampled_from([None, 1, "1", [1], {}, 2**40]))})
    holds(answer)


@given(words=st.lists(st.sampled_from(WORDS), max_size=40), variables=VALUES, name=st.none() | st.text(max_size=5))
@FEW
async def test_any_words_in_any_order_are_answered(
    still: GraphQLSite, words: list[str], variables: Any, name: str | None
) -> None:
    asked = {"query": " ".join(words), "variables": variables, "operationName": name}
    answer = await still.post(json.dumps(asked).encode())
    holds(answer)


@given(
    body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | VALUES.map(lambda v: json.dumps(v).encode())
)
@FEW
async def test_any_body_is_answered(still: GraphQLSite, body: bytes) -> None:
    answer = await still.post(body)
    holds(answer)


@given(data=st.data())
@FEW
async def test_what_is_carried_out_stays_within_what_it_was_weighed_at(still: GraphQLSite, data: st.DataObject) -> None:
    made = 0

    def count(method: Any) -> Any:
        def counting(*arguments: Any, **more: Any) -> Any:
            nonlocal made
            made += 1
            return method(*arguments, **more)

        return counting

    with pytest.MonkeyPatch.context() as patch:
        for name in ("vehicle", "shown"):
            patch.setattr(index.ViewIndex, name, count(getattr(index.ViewIndex, name)))
        patch.setattr(limits, "MAX_COST", 40)
        answer = await still.ask(f"{{ {data.draw(selections(SCHEMA.query_type, 0))} }}")
    assert made <= 40, "rows made are what a request costs"
    assert answer.status in (200, 400, 403)

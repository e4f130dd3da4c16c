"""What is refused before anything is carried out: bombs of every kind, each with a clear 400."""

from typing import Any

import pytest
from graphql import get_introspection_query

from fixtures.graphql_site import ADD, GraphQLSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "consentedIntegrationVehicles"


def chain(count: int, last: str, step: str = "...f{next} ...f{next}") -> str:
    """Fragments that spread each other."""
    bodies = [step.format(next=n + 1) for n in range(count)] + [last]
    return "{ ...f0 } " + " ".join(f"fragment f{n} on Query {{ {body} }}" for n, body in enumerate(bodies))


BOMBS = {
    "depth": "{ " + "a { " * 17 + "b" + " }" * 18,
    "depth by the schema's types": "{ __schema { types { " + "ofType { " * 20 + "name" + " }" * 23,
    "depth by fragments": "{ __schema { types { ...f0 } } } "
    + " ".join(f"fragment f{n} on __Type {{ ofType {{ ofType {{ ...f{n + 1} }} }} }}" for n in range(20))
    + " fragment f20 on __Type { name }",
    "depth beyond all reason": "{ a " * 50_000,
    "lists within lists": f"{{ {NAME}(vehicleIds: {'[' * 20_000}",
    "objects within objects": "mutation { updateVehicleDataStream(input: " + "{ id: " * 20_000,
    "aliases": "{ " + " ".join(f"a{n}: {NAME} {{ items {{ id }} }}" for n in range(31)) + " }",
    "aliases in fragments": chain(3, " ".join(f"a{n}: __typename" for n in range(31))),
    "fields": "{ " + "__typename " * 251 + "}",
    "fields that overlap": "{ " + f"{NAME} {{ items {{ id }} }} " * 90 + "}",
    "directives": "{ __typename " + "@include(if: true) " * 51 + "}",
    "directives that nobody knows": "{ __typename " + "@a " * 10_000 + "}",
    "definitions": " ".join(f"query Q{n} {{ __typename }}" for n in range(51)),
    "fragments": "{ ...f0 } " + " ".join(f"fragment f{n} on Query {{ __typename }}" for n in range(60)),
    "a cycle": chain(20, "...f0"),
    "a fragment of itself": "{ ...f0 } fragment f0 on Query { ...f0 }",
    "doubling": chain(40, "__typename"),
    "doubling of lists": chain(9, f"{NAME}(first: 1000) {{ items {{ id vin }} }}"),
    "variables": "query Q(" + ", ".join(f"$v{n}: Int" for n in range(101)) + ") { __typename }",
    "a list": f"{{ {NAME}(vehicleIds: [{'1,' * 1001}]) {{ items {{ id }} }} }}",
    "tokens": "{ " + "a " * 20_001 + "}",
    "comments": "#\n" * 1_001 + "{ __typename }",
    "a name": "{ " + "a" * 700_000 + " }",
    "a number": f"{{ {NAME}(first: {'9' * 700_000}) {{ items {{ id }} }} }}",
    "a text": f'{{ {NAME}(after: "{"x" * 700_000}") {{ items {{ id }} }} }}',
    "cost of pages": "{ "
    + " ".join(f"a{n}: {NAME}(first: 1000) {{ items {{ id vin fleetId licensePlate }} }}" for n in range(15))
    + " }",
    "cost of insight": "{ " + " ".join(f"a{n}: integrationTopics {{ lag {{ events }} }}" for n in range(30)) + " }",
    "cost of the schema": "{ "
    + " ".join(
        f"a{n}: __schema {{ types {{ fields {{ type {{ fields {{ args {{ name type {{ name }} }} }} }} }} }} }}"
        for n in range(30)
    )
    + " }",
    "the schema in the schema": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_is_refused_before_anything_is_carried_out(
    still: GraphQLSite, bomb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(*_arguments: Any, **_more: Any) -> Any:
        raise AssertionError("it was carried out")

    monkeypatch.setattr("postroad.api.graphql.server.execute_sync", execute)
    answer = await still.ask(BOMBS[bomb])
    assert (answer.status, set(answer.codes)) == (400, {"BAD_USER_INPUT"})
    assert len(answer.body) < 20_000, "the answer is no bomb"


async def test_a_bomb_in_variables_is_refused(still: GraphQLSite) -> None:
    text = f"query Q($v: [Int!]) {{ {NAME}(vehicleIds: $v) {{ items {{ id }} }} }}"
    for variables in (
        {"v": list(range(1001))},
        {"unused": list(range(1001))},
        {"v": {"a": [{"b": [1] * 1001}]}},
        {f"v{n}": 1 for n in range(101)},
    ):
        answer = await still.ask(text, variables)
        assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])
    deep = b'{"query": "{ __typename }", "variables": {"v": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    assert (await still.post(deep)).status == 400
    again = " ".join(f"a{n}: deleteVehicleDataStreams(input: $v)" for n in range(30))
    twice = f"mutation M($v: [Int!]!) {{ {again} b: deleteVehicleDataStreams(input: $v) }}"
    assert (await still.ask(twice, {"v": list(range(1000))})).status == 400
    many = [{"vehicleId": 1, "integrationTopicId": 1}] * 1001
    assert (await still.ask(ADD, {"input": many})).status == 400


async def test_the_most_that_is_allowed_is_answered(still: GraphQLSite) -> None:
    fields = "id vin unitSerial unitProvider fleetId licensePlate make model"
    info = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    numbers = ",".join(str(n) for n in range(1, 1001))
    for text in (
        get_introspection_query(descriptions=True, input_value_deprecation=True, directive_is_repeatable=True),
        f"{{ {NAME}(first: 1000, vehicleIds: [{numbers}]) {{ items {{ {fields} }} {info} }} }}",
        "{ " + " ".join(f"a{n}: __typename" for n in range(30)) + " }",
        "{ integrationTopics { id lag { events } attempts(first: 100) { reason } deadLetters { items { id } } } }",
    ):
        assert (await still.ask(text)).data
    topic = still.topic()
    rows = " ".join(
        f'{{vehicleId: {n}, integrationTopicId: {topic}, referenceUrl: "test.com/{n}"}}' for n in range(1000)
    )
    answer = await still.ask(f"mutation {{ addVehicleDataStreams(input: [{rows}]) {{ id vehicleId referenceUrl }} }}")
    assert answer.refused("FORBIDDEN"), "it is looked at, and refused for what it asks only"


async def test_what_takes_too_long_is_ended(still: GraphQLSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroad.api.graphql.server.TIME_LIMIT_S", 0.0)
    answer = await still.ask("{ integrationTopics { id } }")
    assert answer.refused("INTERNAL")
    assert "too long" in answer.json["errors"][0]["message"]


async def test_more_requests_at_once_than_may_wait_are_told_to_come_back(
    still: GraphQLSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(still.hub.parts.graphql._workers, "_most", 0)
    answer = await still.ask("{ __typename }")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")

"""What is answered before an operation is looked at, and the statuses of what is answered then."""

import json
from typing import Any

import pytest

from fixtures.graphql_site import GraphQLSite
from postroad.api.graphql.limits import MAX_BODY_BYTES

pytestmark = pytest.mark.asyncio(loop_scope="module")

TYPES = "{ integrationTopics { __typename } }"


@pytest.mark.parametrize("by", [None, "pit_nobody", "", "pat_AAAA"])
@pytest.mark.parametrize("query", [TYPES, "{ __schema { types { name } } }", "no GraphQL at all"])
async def test_who_is_not_known_is_told_nothing(still: GraphQLSite, by: str | None, query: str) -> None:
    answer = await still.ask(query, by=by)
    assert answer.status == 401
    assert answer.json == {
        "errors": [
            {
                "message": "Failed with: the token is missing or not valid",
                "type": "auth-error",
                "extensions": {"code": "UNAUTHENTICATED"},
            }
        ]
    }
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_who_is_known_sees_the_schema(still: GraphQLSite) -> None:
    answer = await still.ask("{ __schema { queryType { name } } }")
    assert answer.data == {"__schema": {"queryType": {"name": "Query"}}}


async def test_a_provider_may_ask_nothing_of_this(still: GraphQLSite) -> None:
    token = still.store.issue_token("gps", "test")[1]
    await still.seen()
    for query in (
        TYPES,
        "{ vehicleDataStreams { items { id } } }",
        "{ consentedIntegrationVehicles { items { id } } }",
    ):
        answer = await still.ask(query, by=token)
        assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])


@pytest.mark.parametrize(
    "query",
    ["", "{", "{ nothing }", "{ vehicleDataStreams { items { id } pageInfo } }", "subscription { x }", "{ __typename"],
)
async def test_what_the_schema_does_not_know_is_400_with_its_place(still: GraphQLSite, query: str) -> None:
    answer = await still.ask(query)
    assert (answer.status, "data" in answer.json) == (400, False)
    assert set(answer.codes) == {"BAD_USER_INPUT"}
    assert all(error["message"] for error in answer.json["errors"])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"1", b"{}", b'{"query": 1}', b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "operationName": 1}', b"\xff\xfe", b'{"query": "\xff"}',
        b'{"query": "{ __typename }", "operationName": "other"}',
        b'{"query": "query A { __typename } query B { __typename }"}',
    ],
)  # fmt: skip
async def test_a_body_that_is_no_request_is_400(still: GraphQLSite, body: bytes) -> None:
    answer = await still.post(body)
    assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])


async def test_several_operations_in_one_request_are_refused(still: GraphQLSite) -> None:
    answer = await still.post(json.dumps([{"query": TYPES}, {"query": TYPES}]).encode())
    assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])


async def test_a_body_above_the_sources_limit_is_413_in_its_words(still: GraphQLSite) -> None:
    head = b'{"query": "{ __typename }", "extensions": "'
    fits = head + b"x" * (MAX_BODY_BYTES - len(head) - 2) + b'"}'
    assert len(fits) == 750 * 1024
    assert (await still.post(fits)).data == {"__typename": "Query"}
    answer = await still.post(fits + b" ")
    assert (answer.status, answer.json) == (413, {"error": "server_error", "message": "Request Entity Too Large"})


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_what_a_web_page_could_send_unasked_is_refused(still: GraphQLSite, content_type: str) -> None:
    answer = await still.post(json.dumps({"query": TYPES}).encode(), **{"Content-Type": content_type})
    assert answer.status == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_there_is_only_post(still: GraphQLSite, method: str) -> None:
    headers = {"Authorization": f"Bearer {still.tokens['garage']}"}
    url = f"{still.url}?query={{__typename}}"
    async with still.session.request(method, url, headers=headers) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_one_of_several_operations_is_chosen_by_its_name(still: GraphQLSite) -> None:
    text = "query A { a: __typename } query B { b: __typename }"
    assert (await still.ask(text, operationName="B")).data == {"b": "Query"}


async def test_numbers_in_variables_may_be_text(still: GraphQLSite) -> None:
    text = """query Q($vehicles: [Int!], $topics: [Int!], $n: Int) {
        vehicleDataStreams(vehicleIds: $vehicles, integrationTopicIds: $topics, first: $n) { items { vehicleId } }
    }"""
    number = still.vehicle("AA")
    answer = await still.ask(text, {"vehicles": [str(number)], "n": "5", "topics": still.topic()})
    assert answer.data == {"vehicleDataStreams": {"items": [{"vehicleId": number}]}}
    for bad in ("x", "1.0", "", "99999999999", "0x1", "\uff11"):
        answer = await still.ask(text, {"vehicles": [bad]})
        assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])


async def test_an_error_beside_what_could_be_answered_is_200(still: GraphQLSite) -> None:
    answer = await still.ask("{ __typename integrationTopics { id attempts(first: 0) { events } } }")
    assert (answer.status, answer.codes) == (200, ["BAD_USER_INPUT"])
    assert answer.json["errors"][0]["path"] == ["integrationTopics", 0, "attempts"]


async def test_answers_are_not_to_be_kept(still: GraphQLSite) -> None:
    answer = await still.ask(TYPES)
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


async def test_a_defect_of_ours_is_500_and_tells_nothing(
    still: GraphQLSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: Any, **_more: Any) -> Any:
        raise ZeroDivisionError("the secret is 42")

    monkeypatch.setattr("postroad.api.graphql.index.ViewIndex.topics", broken)
    answer = await still.ask(TYPES)
    assert (answer.status, answer.codes) == (500, ["INTERNAL"])
    assert answer.json["errors"][0]["message"] == "Something went wrong"
    assert b"42" not in answer.body
    assert "the secret is 42" in caplog.text, "the operator sees it"


async def test_a_registry_that_cannot_be_written_now_is_503(
    still: GraphQLSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postroad.errors import StoreUnavailable
    from postroad.registry.store import RegistryStore

    def unavailable(_self: RegistryStore) -> Any:
        raise StoreUnavailable("locked", "somebody holds /secret/registry.db")

    monkeypatch.setattr(RegistryStore, "transaction", unavailable)
    answer = await still.ask("mutation { deleteVehicleDataStreams(input: [1]) }")
    assert (answer.status, answer.codes) == (503, ["INTERNAL"])
    assert b"secret" not in answer.body


async def test_while_it_is_not_certain_who_may_have_what_nobody_is_answered(still: GraphQLSite) -> None:
    confirmed = still.hub.parts.following.confirmed
    within_s, confirmed.within_s = confirmed.within_s, -1.0
    answer = await still.ask(TYPES)
    assert (answer.status, answer.codes, answer.headers["Retry-After"]) == (503, ["INTERNAL"], "1")
    confirmed.within_s = within_s
    assert (await still.ask(TYPES)).status == 200

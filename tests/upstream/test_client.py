"""The client against a server that behaves as the vendor's pages say, over real HTTPS."""

import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from fixtures.connected_cars_server import TOPIC, ConnectedCarsServer, read_question, throttled
from fixtures.remote import Reply
from postroad.upstream.connected_cars.client import ConnectedCarsClient, NewStream, Topic
from postroad.upstream.connected_cars.graphql import TRIES, literal
from postroad.upstream.connected_cars.problem import Problem


def new(vehicle_id: int, reference: str | None = None) -> NewStream:
    return NewStream(vehicle_id=vehicle_id, integration_topic_id=TOPIC, reference_url=reference)


async def test_a_vehicle_s_id_is_text_and_its_fleet_a_number(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(51848, fleet=1)
    [vehicle] = await client.consented_integration_vehicles()  # type: ignore[misc]
    assert (vehicle.id, vehicle.number, vehicle.fleet_id, vehicle.unit_provider) == ("51848", 51848, 1, "cc")


async def test_every_page_is_read_by_its_cursor(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(*range(1, 251))
    connected_cars.page_limit = 60
    vehicles = await client.consented_integration_vehicles()
    assert [v.number for v in vehicles] == list(range(1, 251))  # type: ignore[union-attr]
    assert connected_cars.asked.count("consentedIntegrationVehicles") == 5


async def test_pages_that_lead_nowhere_are_a_problem_and_not_a_list_with_a_hole(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer
) -> None:
    page = {"items": [], "pageInfo": {"hasNextPage": True, "endCursor": "same"}}
    body = json.dumps({"data": {"vehicleDataStreams": page}}).encode()
    connected_cars.before = lambda operation: None if operation == "sign_in" else Reply(200, body)
    problem = await client.vehicle_data_streams()
    assert isinstance(problem, Problem)
    assert problem.kind == "unreadable"


async def test_filters_narrow_what_is_listed(client: ConnectedCarsClient, connected_cars: ConnectedCarsServer) -> None:
    connected_cars.consent(1, 2, fleet=5)
    connected_cars.consent(3)
    connected_cars.stream(1)
    connected_cars.stream(2, topic=9)
    assert [v.number for v in await client.consented_integration_vehicles(fleet_ids=[5], vehicle_ids=[2, 3])] == [2]  # type: ignore[union-attr]
    assert [s.vehicle_id for s in await client.vehicle_data_streams(topic_ids=[TOPIC])] == [1]  # type: ignore[union-attr]
    assert [s.vehicle_id for s in await client.vehicle_data_streams(vehicle_ids=[2])] == [2]  # type: ignore[union-attr]
    assert await client.integration_topics() == [Topic(id=TOPIC, name=f"topic {TOPIC}", parameters=("gps_position",))]


async def test_streams_are_added_changed_and_deleted(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1, 2, 3)
    added = await client.add_vehicle_data_streams([new(1, 'a "quoted" \\ Ø/1'), new(2), new(3)])
    assert not isinstance(added, Problem)
    assert [(s.vehicle_id, s.integration_topic_id, s.reference_url) for s in added] == [
        (1, TOPIC, 'a "quoted" \\ Ø/1'), (2, TOPIC, None), (3, TOPIC, None)
    ]  # fmt: skip
    changed = await client.update_vehicle_data_stream(added[1].id, "newurl.com/1")
    assert changed.reference_url == "newurl.com/1"  # type: ignore[union-attr]
    assert await client.delete_vehicle_data_streams([added[0].id]) is True
    assert connected_cars.streaming() == [2, 3]
    assert await client.delete_all_vehicle_data_streams([2]) is True
    assert connected_cars.streaming() == [3]


async def test_an_active_stream_is_returned_as_it_is_and_not_made_again(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1)
    there = connected_cars.stream(1, reference="old")
    [stream] = await client.add_vehicle_data_streams([new(1, "new")])  # type: ignore[misc]
    assert (stream.id, stream.reference_url) == (there, "old")


async def test_an_error_is_a_value_and_nothing_of_the_operation_was_done(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1)
    for refused in ([new(1), new(1)], [new(1), new(2)]):
        problem = await client.add_vehicle_data_streams(refused)
        assert isinstance(problem, Problem)
        assert problem.kind == "refused"
    assert connected_cars.streaming() == []
    assert "duplicates in the input" in str(await client.add_vehicle_data_streams([new(1), new(1)]))


async def test_an_answer_beside_errors_is_partial_and_not_taken_for_the_whole(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer
) -> None:
    page = {"items": [], "pageInfo": {"hasNextPage": False}}
    body = {"data": {"consentedIntegrationVehicles": page}, "errors": [{"message": "a shard did not answer"}]}
    connected_cars.before = lambda operation: None if operation == "sign_in" else Reply(200, json.dumps(body).encode())
    problem = await client.consented_integration_vehicles()
    assert isinstance(problem, Problem)
    assert (problem.kind, problem.detail) == ("partial", "a shard did not answer")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"{}", b'{"data": {}}', b"\xff", b'{"data": {"vehicleDataStreams": 1}}',
        b'{"data": {"vehicles": {"items": [], "pageInfo": {"hasNextPage": false}}}}',
        b'{"data": {"vehicleDataStreams": {"items": [{"id": "x"}], "pageInfo": {"hasNextPage": false}}}}',
    ],
)  # fmt: skip
async def test_any_other_answer_is_unreadable(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer, body: bytes
) -> None:
    connected_cars.before = lambda operation: None if operation == "sign_in" else Reply(200, body)
    problem = await client.vehicle_data_streams()
    assert isinstance(problem, Problem)
    assert problem.kind == "unreadable"


async def test_one_token_serves_until_shortly_before_its_end(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer, clock: Any
) -> None:
    await client.vehicle_data_streams()
    clock.advance(3600 - 61)
    await client.vehicle_data_streams()
    assert connected_cars.asked.count("sign_in") == 1
    clock.advance(2)
    assert await client.vehicle_data_streams() == []
    assert connected_cars.asked == [
        "sign_in",
        "vehicleDataStreams",
        "vehicleDataStreams",
        "sign_in",
        "vehicleDataStreams",
    ]


async def test_a_token_that_is_refused_is_renewed_once_and_the_question_repeated(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer
) -> None:
    await client.vehicle_data_streams()
    connected_cars.tokens.clear()
    assert await client.vehicle_data_streams() == []
    assert connected_cars.asked.count("sign_in") == 2
    connected_cars.lifetime_s = 0  # from here on every token is refused
    connected_cars.tokens.clear()
    problem = await client.vehicle_data_streams()
    assert isinstance(problem, Problem)
    assert (problem.kind, problem.status) == ("credentials", 401)
    assert connected_cars.asked.count("sign_in") == 3  # one more, not one each time


async def test_a_request_to_wait_is_waited_for(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer, waits: Any
) -> None:
    replies = [throttled(7), Reply(503, b"", {"Retry-After": "9"}), None]
    connected_cars.before = lambda operation: None if operation == "sign_in" else replies.pop(0)
    assert await client.vehicle_data_streams() == []
    assert waits.slept == [7.0, 9.0]


async def test_what_stays_down_is_tried_a_few_times_with_longer_waits(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer, waits: Any
) -> None:
    connected_cars.before = lambda operation: None if operation == "sign_in" else Reply(500, b'{"errors": []}')
    problem = await client.vehicle_data_streams()
    assert isinstance(problem, Problem)
    assert (problem.kind, problem.status) == ("unavailable", 500)
    assert waits.slept == [1.0, 2.0, 4.0, 8.0]
    assert connected_cars.asked.count("vehicleDataStreams") == TRIES


async def test_a_long_wait_is_left_to_whoever_asked(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer, waits: Any
) -> None:
    connected_cars.before = lambda operation: throttled(600) if operation == "sign_in" else None
    problem = await client.vehicle_data_streams()
    assert isinstance(problem, Problem)
    assert (problem.kind, problem.retry_after_s, problem.operation) == ("throttled", 600.0, "sign_in")
    assert waits.slept == []


async def test_no_token_key_or_assertion_is_in_a_problem_that_quotes_the_answer(
    client: ConnectedCarsClient, connected_cars: ConnectedCarsServer, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connected_cars.consent(1)
    problems = [await client.add_vehicle_data_streams([new(1), new(1)])]
    connected_cars.lifetime_s = 0
    connected_cars.tokens.clear()
    problems.append(await client.vehicle_data_streams())
    connected_cars.public_key = _Nobody()
    clock.advance(10)
    problems.append(await client.vehicle_data_streams())
    assert [p.kind for p in problems] == ["refused", "credentials", "credentials"]  # type: ignore[union-attr]
    said = "".join(map(str, problems)) + "".join(map(repr, problems)) + caplog.text
    assert "[hidden]" in said
    assert "tokenTOKEN" not in said
    assert "eyJ" not in said  # how every JWT begins


class _Nobody:
    def verify(self, *_args: Any) -> None:
        raise InvalidSignature


def test_what_is_written_into_a_question_is_read_as_it_was() -> None:
    value = {"a": [1, 2], "b": 'quote " backslash \\ brace } \x07 Ø \U0001f600', "c": {"d": True}, "left_out": None}
    _, _, read = read_question(f"query q {{ q(input: {literal(value).replace('true', '1')}) }}")
    assert read == {"input": {"a": [1, 2], "b": value["b"], "c": {"d": 1}}}

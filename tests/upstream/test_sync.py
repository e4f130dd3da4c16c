"""A run against the server: what it makes of the streams there, whenever it is interrupted."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.connected_cars_server import TOPIC, ConnectedCarsServer
from fixtures.remote import Reply
from postroad.upstream.connected_cars.client import ConnectedCarsClient
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream, SomeVehicles
from postroad.upstream.connected_cars.sync import synchronise

MUTATIONS = {"addVehicleDataStreams", "deleteVehicleDataStreams", "updateVehicleDataStream"}


def changes(server: ConnectedCarsServer) -> int:
    return sum(operation in MUTATIONS for operation in server.asked)


async def test_streams_become_those_of_the_consenting_and_nothing_is_changed_twice(
    client: ConnectedCarsClient, config: ConnectedCarsUpstream, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(*range(1, 251))
    kept, gone, others = connected_cars.stream(1), connected_cars.stream(900), connected_cars.stream(900, topic=9)
    outcome = await synchronise(client, config)
    assert outcome.error is None
    assert (outcome.streams, outcome.added, outcome.deleted, outcome.updated) == (2, 249, 1, 0)
    assert connected_cars.streaming() == list(range(1, 251))
    assert kept in connected_cars.streams
    assert gone not in connected_cars.streams
    assert others in connected_cars.streams
    assert changes(connected_cars) == 1 + 3  # in slices
    again = await synchronise(client, config)
    assert again.planned.empty
    assert changes(connected_cars) == 4


async def test_of_the_consenting_only_the_declared_have_streams_and_refer_to_what_is_declared(
    client: ConnectedCarsClient, config: ConnectedCarsUpstream, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1, 2)
    connected_cars.consent(3, 4, fleet=7)
    connected_cars.stream(2)
    other = connected_cars.stream(3, reference="old")
    some = replace(config, vehicles=SomeVehicles(ids=(1, 99), fleets=(7,)), reference_url="ours/{vehicleId}")
    outcome = await synchronise(client, some)
    assert outcome.error is None
    assert connected_cars.streaming() == [1, 3, 4]
    assert connected_cars.streams[other]["referenceUrl"] == "ours/3"
    assert {s["referenceUrl"] for s in connected_cars.streams.values()} == {"ours/1", "ours/3", "ours/4"}


async def test_a_dry_run_tells_the_plan_and_changes_nothing(
    client: ConnectedCarsClient, config: ConnectedCarsUpstream, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1)
    connected_cars.stream(2)
    outcome = await synchronise(client, config, dry_run=True)
    assert (len(outcome.planned.add), len(outcome.planned.delete), outcome.added) == (1, 1, 0)
    assert changes(connected_cars) == 0


@pytest.mark.parametrize("operation", ["consentedIntegrationVehicles", "vehicleDataStreams"])
async def test_without_the_whole_list_nothing_is_changed(
    client: ConnectedCarsClient, config: ConnectedCarsUpstream, connected_cars: ConnectedCarsServer, operation: str
) -> None:
    connected_cars.consent(*range(1, 150))
    connected_cars.stream(1)
    connected_cars.stream(900)
    connected_cars.page_limit = 1
    asked = 0

    def second_page_fails(now: str) -> Reply | None:
        nonlocal asked
        asked += now == operation
        return Reply(200, b'{"errors": [{"message": "no"}]}') if asked == 2 else None

    connected_cars.before = second_page_fails
    outcome = await synchronise(client, config)
    assert outcome.problem is not None
    assert outcome.problem.operation == operation
    assert changes(connected_cars) == 0
    assert connected_cars.streaming() == [1, 900]


async def test_what_somebody_else_changed_meanwhile_is_planned_again(
    client: ConnectedCarsClient, config: ConnectedCarsUpstream, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1, 2)
    gone, there = connected_cars.stream(900), connected_cars.stream(901)

    def meanwhile(operation: str) -> None:
        if operation == "deleteVehicleDataStreams":
            connected_cars.streams.pop(gone, None)
            if 1 not in connected_cars.streaming():
                connected_cars.stream(1)

    connected_cars.before = meanwhile
    outcome = await synchronise(client, config)
    assert outcome.error is None
    assert connected_cars.streaming() == [1, 2]
    assert there not in connected_cars.streams
    assert connected_cars.asked.count("deleteVehicleDataStreams") == 2


async def test_consent_that_ends_within_a_run_fails_it_and_the_next_one_goes_on(
    client: ConnectedCarsClient, config: ConnectedCarsUpstream, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1, 2)

    def withdrawn(operation: str) -> None:
        if operation == "addVehicleDataStreams":
            connected_cars.cars.pop(2, None)

    connected_cars.before = withdrawn
    outcome = await synchronise(client, config)
    assert outcome.problem is not None
    assert outcome.problem.kind == "refused"
    assert connected_cars.streaming() == []  # all or nothing
    assert (await synchronise(client, config)).error is None
    assert connected_cars.streaming() == [1]


@pytest.mark.parametrize("cut_at", range(1, 5))
async def test_a_run_that_is_killed_between_plan_and_finish_is_finished_by_the_next(
    client: ConnectedCarsClient, config: ConnectedCarsUpstream, connected_cars: ConnectedCarsServer, cut_at: int
) -> None:
    """Cut when the change was made but its answer has not come, the worst moment there is."""
    connected_cars.consent(*range(1, 251))
    connected_cars.stream(900)
    answer, reached = connected_cars.answer, asyncio.Event()

    async def cut(request: Any) -> Reply:
        reply = await answer(request)
        if changes(connected_cars) == cut_at and not reached.is_set():
            reached.set()
            await asyncio.sleep(3600)
        return reply

    connected_cars.remote.answer = cut
    run = asyncio.create_task(synchronise(client, config))
    await reached.wait()
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert changes(connected_cars) == cut_at
    outcome = await synchronise(client, config)
    assert outcome.error is None
    assert connected_cars.streaming() == list(range(1, 251))
    assert len(connected_cars.streams) == 250


async def test_types_that_the_topic_does_not_carry_are_told(
    client: ConnectedCarsClient, config: ConnectedCarsUpstream, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1)
    connected_cars.topics = {TOPIC: ["gps_position"], 9: ["car_ignition"]}
    outcome = await synchronise(client, replace(config, types=("gps_position", "car_ignition")))
    assert outcome.error == "the topic does not carry car_ignition; ask Connected Cars to add them"
    assert connected_cars.streaming() == [1]  # what can flow flows
    assert (await synchronise(client, replace(config, types=("gps_position",)))).error is None

"""What the mutations refuse, and that nothing of it has happened then."""

import pytest

from fixtures.graphql_site import ADD, DELETE, DELETE_ALL, GRANT, REVOKE, UPDATE, GraphQLSite

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("bad", ["DD", "SS", "nobody", "topic of others", "no topic", "topic not chosen"])
async def test_a_part_that_may_not_be_had_leaves_nothing(still: GraphQLSite, bad: str) -> None:
    asked = still.wanted("AA", "CC", "BB")
    last = asked["input"][-1]
    match bad:
        case "nobody":
            last["vehicleId"] = 999_999
        case "topic of others":
            last["integrationTopicId"] = still.topic("theirs")
        case "no topic":
            last["integrationTopicId"] = 999_999
        case "topic not chosen":
            last["integrationTopicId"] = still.topic("all")
        case plate:
            last["vehicleId"] = still.vehicle(plate)
    answer = await still.ask(ADD, asked)
    assert answer.refused("FORBIDDEN")
    assert answer.status == 403
    assert still.streaming() == {"AA", "BB"}, "CC has none"


async def test_a_pair_twice_in_one_input_is_an_error_and_leaves_nothing(still: GraphQLSite) -> None:
    answer = await still.ask(ADD, still.wanted("CC", "BB", "CC"))
    assert answer.refused("BAD_USER_INPUT")
    assert still.streaming() == {"AA", "BB"}


@pytest.mark.parametrize("bad", ["unknown", "of others", "deleted", "twice", "granted"])
async def test_streams_are_deleted_all_or_none(still: GraphQLSite, bad: str) -> None:
    ids = [stream.id for stream in still.open()]
    code = "FORBIDDEN"
    match bad:
        case "unknown":
            ids.append(999_999)
        case "of others":
            ids += [stream.id for stream in still.open("theirs")]
        case "deleted":
            [added] = (await still.ask(ADD, still.wanted("CC"))).data["addVehicleDataStreams"]
            assert (await still.ask(DELETE, {"ids": [added["id"]]})).data
            ids.append(added["id"])
        case "twice":
            ids.append(ids[0])
            code = "BAD_USER_INPUT"
        case "granted":
            ids += [stream.id for stream in still.open("all")]
    assert (await still.ask(DELETE, {"ids": ids})).refused(code)
    assert still.streaming() == {"AA", "BB"}


@pytest.mark.parametrize("both", [True, False])
async def test_access_is_of_a_fleet_or_of_a_vehicle(still: GraphQLSite, both: bool) -> None:
    ends = {"fleetId": still.fleet("F"), "vehicleId": still.vehicle("AA")} if both else {}
    for text in (REVOKE, GRANT):
        answer = await still.ask(text, {"input": {"integrationId": still.integration()} | ends})
        assert answer.refused("BAD_USER_INPUT")


async def test_a_stream_that_is_not_there_cannot_be_updated(still: GraphQLSite) -> None:
    for id_ in (999_999, *(stream.id for stream in still.open("theirs"))):
        assert (await still.ask(UPDATE, {"id": id_, "url": "x"})).refused("FORBIDDEN")


async def test_no_vehicle_at_all_is_an_error(still: GraphQLSite) -> None:
    assert (await still.ask(DELETE_ALL, {"ids": []})).refused("BAD_USER_INPUT")


async def test_what_refers_elsewhere_is_bounded(still: GraphQLSite) -> None:
    assert (await still.ask(ADD, still.wanted("CC", referenceUrl="x" * 2001))).refused("BAD_USER_INPUT")
    [id_, _] = [stream.id for stream in still.open()]
    assert (await still.ask(UPDATE, {"id": id_, "url": "x" * 2001})).refused("BAD_USER_INPUT")

"""The operations' rules: what is all or nothing, what is an error, what does nothing; and when a stream begins."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from fixtures.graphql_site import Answer, GraphQLSite, subscription

ADD = """
mutation Add($input: [AddVehicleDataStreamInput!]!) {
  addVehicleDataStreams(input: $input) { id vehicleId integrationTopicId referenceUrl }
}
"""
DELETE = "mutation Delete($ids: [Int!]!) { deleteVehicleDataStreams(input: $ids) }"
DELETE_ALL = "mutation All($ids: [Int!]!) { deleteAllVehicleDataStreams(input: {vehicleIds: $ids}) }"
UPDATE = """
mutation Update($id: Int!, $url: String) {
  updateVehicleDataStream(input: {id: $id, referenceUrl: $url}) { id vehicleId integrationTopicId referenceUrl }
}
"""
REVOKE = "mutation Revoke($input: IntegrationAccessInput!) { revokeIntegrationAccess(input: $input) }"
GRANT = "mutation Grant($input: IntegrationAccessInput!) { grantIntegrationAccess(input: $input) }"
VEHICLES = "{ consentedIntegrationVehicles { items { id fleetId } } }"
STREAMS = "{ vehicleDataStreams { items { id vehicleId integrationTopicId referenceUrl } } }"


@pytest.fixture
async def site(graphql_site: GraphQLSite) -> GraphQLSite:
    """``garage`` has access to fleet F and to CC by itself; ``spy`` to G."""
    vehicles = {"AA": "F", "BB": "F", "CC": None, "DD": None, "SS": "G"}
    graphql_site.declare(vehicles, [subscription("positions"), subscription("all", "granted"), subscription("more")])
    for name in ("F", "CC"):
        graphql_site.give(name)
    graphql_site.give("G", to="spy")
    await graphql_site.start()
    return graphql_site


def wanted(site: GraphQLSite, *plates: str, topic: str = "positions", **more: Any) -> dict[str, Any]:
    return {"input": [{"vehicleId": site.vehicle(p), "integrationTopicId": site.topic(topic)} | more for p in plates]}


async def add(site: GraphQLSite, *plates: str, topic: str = "positions") -> list[int]:
    answer = await site.ask(ADD, wanted(site, *plates, topic=topic))
    return [stream["id"] for stream in answer.data["addVehicleDataStreams"]]


def refused(answer: Answer, code: str) -> bool:
    return (answer.json["data"], answer.codes) == (None, [code])


async def test_a_stream_has_begun_when_its_mutation_is_answered(site: GraphQLSite) -> None:
    [id_] = await add(site, "AA")
    stream = site.hub.parts.following.view.streams[id_]
    assert stream.from_position is not None
    assert site.hub.parts.manager.streams.covers(stream.subscription_id, stream.subject_id, stream.from_position)
    assert (await site.ask(DELETE, {"ids": [id_]})).data == {"deleteVehicleDataStreams": True}
    assert not site.hub.parts.manager.streams.covers(stream.subscription_id, stream.subject_id, stream.from_position)


async def test_streams_are_answered_in_the_order_of_the_input_and_one_that_is_there_as_it_is(site: GraphQLSite) -> None:
    [first] = (await site.ask(ADD, wanted(site, "BB", referenceUrl="old"))).data["addVehicleDataStreams"]
    answer = await site.ask(ADD, wanted(site, "CC", "BB", "AA", referenceUrl="new"))
    rows = answer.data["addVehicleDataStreams"]
    assert [row["vehicleId"] for row in rows] == [site.vehicle(plate) for plate in ("CC", "BB", "AA")]
    assert rows[1] == first
    assert [row["referenceUrl"] for row in rows] == ["new", "old", "new"]
    assert (await site.ask(ADD, wanted(site, "CC", "BB", "AA"))).data["addVehicleDataStreams"] == rows, "repeatable"


@pytest.mark.parametrize("bad", ["DD", "SS", "nobody", "topic of others", "no topic", "topic not chosen"])
async def test_a_part_that_may_not_be_had_leaves_nothing(site: GraphQLSite, bad: str) -> None:
    asked = wanted(site, "AA", "BB", "CC")
    last = asked["input"][-1]
    match bad:
        case "nobody":
            last["vehicleId"] = 999_999
        case "topic of others":
            last["integrationTopicId"] = site.topic("theirs")
        case "no topic":
            last["integrationTopicId"] = 999_999
        case "topic not chosen":
            last["integrationTopicId"] = site.topic("all")
        case plate:
            last["vehicleId"] = site.vehicle(plate)
    answer = await site.ask(ADD, asked)
    assert refused(answer, "FORBIDDEN")
    assert answer.status == 403
    assert site.streaming() == set()


async def test_a_pair_twice_in_one_input_is_an_error_and_leaves_nothing(site: GraphQLSite) -> None:
    answer = await site.ask(ADD, wanted(site, "AA", "BB", "AA"))
    assert refused(answer, "BAD_USER_INPUT")
    assert site.streaming() == set()


async def test_a_vehicle_may_stream_to_several_topics(site: GraphQLSite) -> None:
    rows = wanted(site, "AA")["input"] + wanted(site, "AA", topic="more")["input"]
    answer = await site.ask(ADD, {"input": rows})
    assert len({row["id"] for row in answer.data["addVehicleDataStreams"]}) == 2


async def test_what_refers_elsewhere_is_bounded(site: GraphQLSite) -> None:
    assert refused(await site.ask(ADD, wanted(site, "AA", referenceUrl="x" * 2001)), "BAD_USER_INPUT")
    assert (await site.ask(ADD, wanted(site, "AA", referenceUrl="x" * 2000))).data


async def test_an_empty_input_adds_and_deletes_nothing(site: GraphQLSite) -> None:
    assert (await site.ask(ADD, {"input": []})).data == {"addVehicleDataStreams": []}
    assert (await site.ask(DELETE, {"ids": []})).data == {"deleteVehicleDataStreams": True}


@pytest.mark.parametrize("bad", ["unknown", "of others", "deleted", "twice", "granted"])
async def test_streams_are_deleted_all_or_none(site: GraphQLSite, bad: str) -> None:
    ids = await add(site, "AA", "BB")
    code = "FORBIDDEN"
    match bad:
        case "unknown":
            ids.append(999_999)
        case "of others":
            ids.append(site.add("SS", to="theirs")[0].id)
            await site.seen()
        case "deleted":
            [gone] = await add(site, "CC")
            assert (await site.ask(DELETE, {"ids": [gone]})).data
            ids.append(gone)
        case "twice":
            ids.append(ids[0])
            code = "BAD_USER_INPUT"
        case "granted":
            view, all_ = site.store.view(), site.topic("all")
            ids.append(next(s.id for s in view.streams.values() if (s.subscription_id, s.ended) == (all_, False)))
    assert refused(await site.ask(DELETE, {"ids": ids}), code)
    assert site.streaming() == {"AA", "BB"}


async def test_all_streams_of_vehicles_are_deleted_in_what_the_caller_manages_only(site: GraphQLSite) -> None:
    await add(site, "AA", "BB")
    await add(site, "AA", topic="more")
    site.add("SS", to="theirs")
    ids = [site.vehicle("AA"), site.vehicle("SS"), 999_999]
    assert (await site.ask(DELETE_ALL, {"ids": ids})).data == {"deleteAllVehicleDataStreams": True}
    assert (site.streaming(), site.streaming("more"), site.streaming("theirs")) == ({"BB"}, set(), {"SS"})
    assert (await site.ask(DELETE_ALL, {"ids": [999_999]})).data == {"deleteAllVehicleDataStreams": True}
    assert refused(await site.ask(DELETE_ALL, {"ids": []}), "BAD_USER_INPUT")


async def test_all_streams_of_a_vehicle_that_is_not_accessible_any_more_may_be_deleted(site: GraphQLSite) -> None:
    await add(site, "CC")
    input_ = {"integrationId": site.integration(), "vehicleId": site.vehicle("CC")}
    assert (await site.ask(REVOKE, {"input": input_})).data
    assert (await site.ask(DELETE_ALL, {"ids": [site.vehicle("CC")]})).data


async def test_a_stream_is_updated_and_may_refer_to_nothing_again(site: GraphQLSite) -> None:
    [id_] = await add(site, "AA")
    for url in ("elsewhere", None):
        row = (await site.ask(UPDATE, {"id": id_, "url": url})).data["updateVehicleDataStream"]
        assert (row["id"], row["referenceUrl"]) == (id_, url)
        assert (await site.ask(STREAMS)).data["vehicleDataStreams"]["items"][-1]["referenceUrl"] in (url, None)
    assert refused(await site.ask(UPDATE, {"id": 999_999, "url": "x"}), "FORBIDDEN")


async def consented(site: GraphQLSite, by: str = "garage") -> dict[str, int | None]:
    """Plate -> the fleet that gave access."""
    plates = {str(site.vehicle(plate)): plate for plate in ("AA", "BB", "CC", "DD", "SS")}
    items = (await site.ask(VEHICLES, by=by)).data["consentedIntegrationVehicles"]["items"]
    return {plates[item["id"]]: item["fleetId"] for item in items}


async def test_vehicles_that_consented_say_through_whom(site: GraphQLSite) -> None:
    assert await consented(site) == {"AA": site.fleet("F"), "BB": site.fleet("F"), "CC": None}
    assert await consented(site, "spy") == {"SS": site.fleet("G")}
    site.give("AA")
    await site.seen()
    assert (await consented(site))["AA"] == site.fleet("F"), "the fleet still gives it, too"


@pytest.mark.parametrize(
    ("filters", "plates"),
    [
        ({"fleetIds": ["F"]}, {"AA", "BB"}),
        ({"fleetIds": ["F", "G"]}, {"AA", "BB"}),
        ({"fleetIds": ["G"]}, set()),
        ({"fleetIds": []}, set()),
        ({"vehicleIds": ["AA", "CC", "SS"]}, {"AA", "CC"}),
        ({"vehicleIds": ["CC"], "fleetIds": ["F"]}, set()),
        ({"vehicleIds": ["AA", "CC"], "fleetIds": ["F"]}, {"AA"}),
        ({"vehicleIds": []}, set()),
    ],
)
async def test_filters_narrow_and_can_be_combined(
    site: GraphQLSite, filters: dict[str, Sequence[str]], plates: set[str]
) -> None:
    ids = {
        name: [site.fleet(one) if name == "fleetIds" else site.vehicle(one) for one in given]
        for name, given in filters.items()
    }
    text = f"{{ consentedIntegrationVehicles({arguments(ids)}) {{ items {{ id }} }} }}"
    items = (await site.ask(text)).data["consentedIntegrationVehicles"]["items"]
    assert [int(item["id"]) for item in items] == sorted(site.vehicle(plate) for plate in plates)


def arguments(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {json.dumps(value)}" for name, value in values.items())


async def test_streams_are_filtered_by_topic_and_vehicle(site: GraphQLSite) -> None:
    await add(site, "AA", "BB")
    await add(site, "AA", topic="more")

    async def streams(**filters: Any) -> set[tuple[int, int]]:
        text = f"{{ vehicleDataStreams({arguments(filters)}) {{ items {{ vehicleId integrationTopicId }} }} }}"
        items = (await site.ask(text)).data["vehicleDataStreams"]["items"]
        return {(item["vehicleId"], item["integrationTopicId"]) for item in items}

    aa, bb, positions, more = site.vehicle("AA"), site.vehicle("BB"), site.topic("positions"), site.topic("more")
    assert await streams(integrationTopicIds=[positions]) == {(aa, positions), (bb, positions)}
    assert await streams(integrationTopicIds=[more, positions], vehicleIds=[aa]) == {(aa, positions), (aa, more)}
    assert await streams(vehicleIds=[bb], integrationTopicIds=[more]) == set()
    assert await streams(integrationTopicIds=[site.topic("theirs")]) == set()
    assert await streams(integrationTopicIds=[]) == set()


@pytest.mark.parametrize("first", [0, -1, 1001, 2_147_483_647])
async def test_a_page_has_from_1_to_1000_items(site: GraphQLSite, first: int) -> None:
    for field in ("consentedIntegrationVehicles", "vehicleDataStreams"):
        answer = await site.ask(f"{{ {field}(first: {first}) {{ items {{ id }} }} }}")
        assert set(answer.codes) == {"BAD_USER_INPUT"}
        assert (await site.ask(f"{{ {field}(first: null) {{ items {{ id }} }} }}")).data


@pytest.mark.parametrize(
    "after", ["", "x", "bz0x", "bz0xJTIz", "bz0tMSUyMy0x", "====", "bz01MTg3OSUyMzUxODc5\\n", "é", "b" * 1000]
)
async def test_a_cursor_that_is_none_is_an_error(site: GraphQLSite, after: str) -> None:
    answer = await site.ask(f'{{ vehicleDataStreams(after: "{after}") {{ items {{ id }} }} }}')
    assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])


async def test_access_is_revoked_by_either_end_and_what_was_not_granted_is_true(site: GraphQLSite) -> None:
    await add(site, "AA", "CC")
    garage = site.integration()
    for input_ in ({"vehicleId": site.vehicle("AA")}, {"vehicleId": 999_999}, {"fleetId": 999_999}):
        answer = await site.ask(REVOKE, {"input": {"integrationId": garage} | input_})
        assert answer.data == {"revokeIntegrationAccess": True}
    assert site.streaming() == {"AA", "CC"}, "the vehicle form ends what the vehicle gave by itself only"
    assert (await site.ask(REVOKE, {"input": {"integrationId": garage, "fleetId": site.fleet("F")}})).data
    assert site.streaming() == {"CC"}
    assert await consented(site) == {"CC": None}


@pytest.mark.parametrize("both", [True, False])
async def test_access_is_of_a_fleet_or_of_a_vehicle(site: GraphQLSite, both: bool) -> None:
    ends = {"fleetId": site.fleet("F"), "vehicleId": site.vehicle("AA")} if both else {}
    for text in (REVOKE, GRANT):
        assert refused(await site.ask(text, {"input": {"integrationId": site.integration()} | ends}), "BAD_USER_INPUT")


async def test_a_fleet_owner_gives_and_takes_back(site: GraphQLSite) -> None:
    owner = site.key("fleet_owner", "nord")
    other = site.key("fleet_owner", "rival")
    await site.seen()
    input_ = {"integrationId": site.integration("spy"), "vehicleId": site.vehicle("DD")}
    assert refused(await site.ask(GRANT, {"input": input_}, by=other), "FORBIDDEN")
    assert refused(await site.ask(GRANT, {"input": input_}, by="spy"), "FORBIDDEN"), "nobody gives it to himself"
    assert (await site.ask(GRANT, {"input": input_}, by=owner)).data == {"grantIntegrationAccess": True}
    assert (await site.ask(GRANT, {"input": input_}, by=owner)).data == {"grantIntegrationAccess": True}
    assert await consented(site, "spy") == {"DD": None, "SS": site.fleet("G")}
    assert refused(await site.ask(GRANT, {"input": input_ | {"integrationId": 999_999}}, by=owner), "NOT_FOUND")
    assert refused(await site.ask(REVOKE, {"input": input_}, by=other), "FORBIDDEN")
    assert (await site.ask(REVOKE, {"input": input_}, by=owner)).data == {"revokeIntegrationAccess": True}
    assert await consented(site, "spy") == {"SS": site.fleet("G")}
    for text in (VEHICLES, STREAMS, "{ integrationTopics { id } }"):
        assert (await site.ask(text, by=owner)).codes == ["FORBIDDEN"], "what others receive is not his to see"


async def test_an_operator_sees_everybodys_and_an_auditor_changes_nothing(site: GraphQLSite) -> None:
    operator, auditor = site.key("operator"), site.key("auditor")
    site.add("SS", to="theirs")
    await site.seen()
    await add(site, "AA")
    for by in (operator, auditor):
        items = (await site.ask(STREAMS, by=by)).data["vehicleDataStreams"]["items"]
        assert {item["integrationTopicId"] for item in items} >= {site.topic("positions"), site.topic("theirs")}
    for text, variables in (
        (ADD, wanted(site, "BB")),
        (DELETE, {"ids": [1]}),
        (DELETE_ALL, {"ids": [site.vehicle("AA")]}),
        (UPDATE, {"id": 1, "url": "x"}),
        (REVOKE, {"input": {"integrationId": site.integration(), "fleetId": site.fleet("F")}}),
        (GRANT, {"input": {"integrationId": site.integration(), "vehicleId": site.vehicle("DD")}}),
    ):
        assert refused(await site.ask(text, variables, by=auditor), "FORBIDDEN")
    assert site.streaming() == {"AA"}
    assert (await site.ask(DELETE_ALL, {"ids": [site.vehicle("AA")]}, by=operator)).data
    assert site.streaming() == set()


async def test_topics_are_the_integrations_own(site: GraphQLSite) -> None:
    fields = "id name integrationId destinationType destinationContext parameters"
    mine = (await site.ask(f"{{ integrationTopics {{ {fields} vehicleDataStreams {{ vehicleId }} }} }}")).data
    assert mine["integrationTopics"] == [
        {
            "id": site.topic(name),
            "name": name,
            "integrationId": site.integration(),
            "destinationType": "https",
            "destinationContext": {"name": "hook"},
            "parameters": ["gps_position"],
            "vehicleDataStreams": [{"vehicleId": site.vehicle(plate)} for plate in plates],
        }
        for name, plates in (("positions", ()), ("all", ("AA", "BB", "CC")), ("more", ()))
    ]


async def test_several_mutations_in_one_operation_happen_in_their_order(site: GraphQLSite) -> None:
    [id_] = await add(site, "AA")
    text = f"""mutation {{
        a: deleteVehicleDataStreams(input: [{id_}])
        b: addVehicleDataStreams(input: [{{vehicleId: {site.vehicle("AA")}, integrationTopicId: {site.topic()}}}]) {{ id }}
    }}"""
    answer = (await site.ask(text)).data
    assert answer["a"] is True
    assert answer["b"][0]["id"] > id_, "a new one: what has ended stays so"

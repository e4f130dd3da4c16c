"""What the operations do, and when a stream begins. What they refuse, and lists, are in the files beside this one."""

from fixtures.graphql_site import ADD, DELETE, DELETE_ALL, GRANT, REVOKE, STREAMS, UPDATE, VEHICLES, GraphQLSite


async def add(site: GraphQLSite, *plates: str, topic: str = "positions") -> list[int]:
    answer = await site.ask(ADD, site.wanted(*plates, topic=topic))
    return [stream["id"] for stream in answer.data["addVehicleDataStreams"]]


async def test_a_stream_has_begun_when_its_mutation_is_answered(site: GraphQLSite) -> None:
    [id_] = await add(site, "AA")
    stream = site.hub.parts.following.view.streams[id_]
    assert stream.from_position is not None
    assert site.hub.parts.manager.streams.covers(stream.subscription_id, stream.subject_id, stream.from_position)
    assert (await site.ask(DELETE, {"ids": [id_]})).data == {"deleteVehicleDataStreams": True}
    assert not site.hub.parts.manager.streams.covers(stream.subscription_id, stream.subject_id, stream.from_position)


async def test_streams_are_answered_in_the_order_of_the_input_and_one_that_is_there_as_it_is(site: GraphQLSite) -> None:
    [first] = (await site.ask(ADD, site.wanted("BB", referenceUrl="old"))).data["addVehicleDataStreams"]
    answer = await site.ask(ADD, site.wanted("CC", "BB", "AA", referenceUrl="new"))
    rows = answer.data["addVehicleDataStreams"]
    assert [row["vehicleId"] for row in rows] == [site.vehicle(plate) for plate in ("CC", "BB", "AA")]
    assert rows[1] == first
    assert [row["referenceUrl"] for row in rows] == ["new", "old", "new"]
    assert (await site.ask(ADD, site.wanted("CC", "BB", "AA"))).data["addVehicleDataStreams"] == rows, "repeatable"


async def test_a_vehicle_may_stream_to_several_topics(site: GraphQLSite) -> None:
    rows = site.wanted("AA")["input"] + site.wanted("AA", topic="more")["input"]
    answer = await site.ask(ADD, {"input": rows})
    assert len({row["id"] for row in answer.data["addVehicleDataStreams"]}) == 2


async def test_an_empty_input_adds_and_deletes_nothing(site: GraphQLSite) -> None:
    assert (await site.ask(ADD, {"input": []})).data == {"addVehicleDataStreams": []}
    assert (await site.ask(DELETE, {"ids": []})).data == {"deleteVehicleDataStreams": True}


async def test_all_streams_of_vehicles_are_deleted_in_what_the_caller_manages_only(site: GraphQLSite) -> None:
    await add(site, "AA", "BB")
    await add(site, "AA", topic="more")
    site.add("SS", to="theirs")
    ids = [site.vehicle("AA"), site.vehicle("SS"), 999_999]
    assert (await site.ask(DELETE_ALL, {"ids": ids})).data == {"deleteAllVehicleDataStreams": True}
    assert (site.streaming(), site.streaming("more"), site.streaming("theirs")) == ({"BB"}, set(), {"SS"})
    assert (await site.ask(DELETE_ALL, {"ids": [999_999]})).data == {"deleteAllVehicleDataStreams": True}


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


async def test_access_is_revoked_by_either_end_and_what_was_not_granted_is_true(site: GraphQLSite) -> None:
    await add(site, "AA", "CC")
    garage = site.integration()
    for input_ in ({"vehicleId": site.vehicle("AA")}, {"vehicleId": 999_999}, {"fleetId": 999_999}):
        answer = await site.ask(REVOKE, {"input": {"integrationId": garage} | input_})
        assert answer.data == {"revokeIntegrationAccess": True}
    assert site.streaming() == {"AA", "CC"}, "the vehicle form ends what the vehicle gave by itself only"
    assert (await site.ask(REVOKE, {"input": {"integrationId": garage, "fleetId": site.fleet("F")}})).data
    assert site.streaming() == {"CC"}
    assert await site.consented() == {"CC": None}


async def test_a_fleet_owner_gives_and_takes_back(site: GraphQLSite) -> None:
    owner = site.key("fleet_owner", "nord")
    other = site.key("fleet_owner", "rival")
    await site.seen()
    input_ = {"integrationId": site.integration("spy"), "vehicleId": site.vehicle("DD")}
    assert (await site.ask(GRANT, {"input": input_}, by=other)).refused("FORBIDDEN")
    assert (await site.ask(GRANT, {"input": input_}, by="spy")).refused("FORBIDDEN"), "nobody gives it to himself"
    assert (await site.ask(GRANT, {"input": input_}, by=owner)).data == {"grantIntegrationAccess": True}
    assert (await site.ask(GRANT, {"input": input_}, by=owner)).data == {"grantIntegrationAccess": True}
    assert await site.consented("spy") == {"DD": None, "SS": site.fleet("G")}
    assert (await site.ask(GRANT, {"input": input_ | {"integrationId": 999_999}}, by=owner)).refused("NOT_FOUND")
    assert (await site.ask(REVOKE, {"input": input_}, by=other)).refused("FORBIDDEN")
    assert (await site.ask(REVOKE, {"input": input_}, by=owner)).data == {"revokeIntegrationAccess": True}
    assert await site.consented("spy") == {"SS": site.fleet("G")}
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
        (ADD, site.wanted("BB")),
        (DELETE, {"ids": [1]}),
        (DELETE_ALL, {"ids": [site.vehicle("AA")]}),
        (UPDATE, {"id": 1, "url": "x"}),
        (REVOKE, {"input": {"integrationId": site.integration(), "fleetId": site.fleet("F")}}),
        (GRANT, {"input": {"integrationId": site.integration(), "vehicleId": site.vehicle("DD")}}),
    ):
        assert (await site.ask(text, variables, by=auditor)).refused("FORBIDDEN")
    assert site.streaming() == {"AA"}
    assert (await site.ask(DELETE_ALL, {"ids": [site.vehicle("AA")]}, by=operator)).data
    assert site.streaming() == set()


async def test_several_mutations_in_one_operation_happen_in_their_order(site: GraphQLSite) -> None:
    [id_] = await add(site, "AA")
    text = """mutation Both($ids: [Int!]!, $input: [AddVehicleDataStreamInput!]!) {
        a: deleteVehicleDataStreams(input: $ids)
        b: addVehicleDataStreams(input: $input) { id }
    }"""
    answer = (await site.ask(text, {"ids": [id_]} | site.wanted("AA"))).data
    assert answer["a"] is True
    assert answer["b"][0]["id"] > id_, "a new one: what has ended stays so"


async def test_in_which_fleet_a_vehicle_is_that_gave_access_by_itself_is_not_told(site: GraphQLSite) -> None:
    site.give("SS")  # the fleet that it is in gave access to somebody else
    await site.seen()
    assert (await site.consented())["SS"] is None
    text = f"{{ consentedIntegrationVehicles(fleetIds: [{site.fleet('G')}]) {{ items {{ id }} }} }}"
    assert (await site.ask(text)).data["consentedIntegrationVehicles"]["items"] == []

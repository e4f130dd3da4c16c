"""Lists: who sees what, filters, pages and cursors."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from fixtures.graphql_site import GraphQLSite
from postroad.api.graphql.types import IntegrationTopic

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_vehicles_that_consented_say_through_whom(still: GraphQLSite) -> None:
    assert await still.consented() == {"AA": still.fleet("F"), "BB": still.fleet("F"), "CC": None}
    assert await still.consented("spy") == {"SS": still.fleet("G")}
    still.give("AA")
    await still.seen()
    assert (await still.consented())["AA"] == still.fleet("F"), "the fleet still gives it, too"


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
    still: GraphQLSite, filters: dict[str, Sequence[str]], plates: set[str]
) -> None:
    ids = {
        name: [still.fleet(one) if name == "fleetIds" else still.vehicle(one) for one in given]
        for name, given in filters.items()
    }
    text = f"{{ consentedIntegrationVehicles({arguments(ids)}) {{ items {{ id }} }} }}"
    items = (await still.ask(text)).data["consentedIntegrationVehicles"]["items"]
    assert [int(item["id"]) for item in items] == sorted(still.vehicle(plate) for plate in plates)


def arguments(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {json.dumps(value)}" for name, value in values.items())


async def test_streams_are_filtered_by_topic_and_vehicle(still: GraphQLSite) -> None:
    async def streams(**filters: Any) -> set[tuple[int, int]]:
        text = f"{{ vehicleDataStreams({arguments(filters)}) {{ items {{ vehicleId integrationTopicId }} }} }}"
        items = (await still.ask(text)).data["vehicleDataStreams"]["items"]
        return {(item["vehicleId"], item["integrationTopicId"]) for item in items}

    aa, bb, positions, more = still.vehicle("AA"), still.vehicle("BB"), still.topic("positions"), still.topic("more")
    assert await streams(integrationTopicIds=[positions]) == {(aa, positions), (bb, positions)}
    assert await streams(integrationTopicIds=[more, positions], vehicleIds=[aa]) == {(aa, positions), (aa, more)}
    assert await streams(vehicleIds=[bb], integrationTopicIds=[more]) == set()
    assert await streams(integrationTopicIds=[still.topic("theirs")]) == set()
    assert await streams(integrationTopicIds=[]) == set()


@pytest.mark.parametrize("first", [0, -1, 1001, 2_147_483_647])
async def test_a_page_has_from_1_to_1000_items(still: GraphQLSite, first: int) -> None:
    for field in ("consentedIntegrationVehicles", "vehicleDataStreams"):
        answer = await still.ask(f"{{ {field}(first: {first}) {{ items {{ id }} }} }}")
        assert set(answer.codes) == {"BAD_USER_INPUT"}
        assert (await still.ask(f"{{ {field}(first: null) {{ items {{ id }} }} }}")).data


@pytest.mark.parametrize(
    "after", ["", "x", "bz0x", "bz0xJTIz", "bz0tMSUyMy0x", "====", "bz01MTg3OSUyMzUxODc5\\n", "é", "b" * 1000]
)
async def test_a_cursor_that_is_none_is_an_error(still: GraphQLSite, after: str) -> None:
    answer = await still.ask(f'{{ vehicleDataStreams(after: "{after}") {{ items {{ id }} }} }}')
    assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])


async def test_topics_are_the_integrations_own(still: GraphQLSite) -> None:
    fields = "id name integrationId destinationType destinationContext parameters"
    mine = (await still.ask(f"{{ integrationTopics {{ {fields} vehicleDataStreams {{ vehicleId }} }} }}")).data
    assert mine["integrationTopics"] == [
        {
            "id": still.topic(name),
            "name": name,
            "integrationId": still.integration(),
            "destinationType": "https",
            "destinationContext": {"name": "hook"},
            "parameters": ["gps_position"],
            "vehicleDataStreams": [{"vehicleId": still.vehicle(plate)} for plate in plates],
        }
        for name, plates in (("positions", ("AA", "BB")), ("all", ("AA", "BB", "CC")), ("more", ("AA",)))
    ]


async def test_a_topic_on_pubsub_has_the_vendors_word_for_it(still: GraphQLSite) -> None:
    view = still.store.view()
    subscription = view.subscriptions[still.topic("positions")]
    hook = view.destinations[subscription.destination_id]
    assert IntegrationTopic(subscription, hook).destination_type == "https"
    topic = IntegrationTopic(subscription, structs.replace(hook, transport="pubsub"))
    assert topic.destination_type == "google-pubsub"

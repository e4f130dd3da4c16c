"""What another tenant has, and what does not exist, are answered in the same bytes."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.graphql_site import ADD, DELETE, DELETE_ALL, GRANT, REVOKE, UPDATE, Answer, GraphQLSite
from postroad.registry.store import RegistryStore

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = 987_654
"""An id that nothing has."""

Ask = Callable[[GraphQLSite, int], tuple[str, Any]]
"""A question about an id."""


def stream(site: GraphQLSite) -> int:
    return site.open("theirs")[0].id


def add(_site: GraphQLSite, vehicle: int, topic: int, *more: dict[str, int]) -> tuple[str, Any]:
    return ADD, {"input": [{"vehicleId": vehicle, "integrationTopicId": topic}, *more]}


def row(site: GraphQLSite, plate: str) -> dict[str, int]:
    return {"vehicleId": site.vehicle(plate), "integrationTopicId": site.topic()}


QUESTIONS: dict[str, tuple[Callable[[GraphQLSite], int], Ask]] = {
    "add of a vehicle": (lambda s: s.vehicle("SS"), lambda s, id_: add(s, id_, s.topic())),
    "add to a topic": (lambda s: s.topic("theirs"), lambda s, id_: add(s, s.vehicle("AA"), id_)),
    "add of a vehicle, and others twice": (
        lambda s: s.vehicle("SS"),
        lambda s, id_: add(s, id_, s.topic(), row(s, "CC"), row(s, "CC")),
    ),
    "add of a vehicle twice": (
        lambda s: s.vehicle("SS"),
        lambda s, id_: add(s, id_, s.topic(), {"vehicleId": id_, "integrationTopicId": s.topic()}),
    ),
    "delete": (stream, lambda _s, id_: (DELETE, {"ids": [id_]})),
    "delete with one's own": (stream, lambda s, id_: (DELETE, {"ids": [s.open()[0].id, id_]})),
    "delete twice": (stream, lambda _s, id_: (DELETE, {"ids": [id_, id_]})),
    "delete all": (lambda s: s.vehicle("SS"), lambda _s, id_: (DELETE_ALL, {"ids": [id_]})),
    "update": (stream, lambda _s, id_: (UPDATE, {"id": id_, "url": "mine"})),
    "revoke from another integration": (
        lambda s: s.integration("spy"),
        lambda s, id_: (REVOKE, {"input": {"integrationId": id_, "fleetId": s.fleet("G")}}),
    ),
    "revoke of a fleet": (
        lambda s: s.fleet("G"),
        lambda s, id_: (REVOKE, {"input": {"integrationId": s.integration(), "fleetId": id_}}),
    ),
    "revoke of a vehicle": (
        lambda s: s.vehicle("SS"),
        lambda s, id_: (REVOKE, {"input": {"integrationId": s.integration(), "vehicleId": id_}}),
    ),
    "revoke of another's fleet from another's integration": (
        lambda s: s.fleet("G"),
        lambda s, id_: (REVOKE, {"input": {"integrationId": s.integration("spy"), "fleetId": id_}}),
    ),
    "grant": (
        lambda s: s.vehicle("SS"),
        lambda s, id_: (GRANT, {"input": {"integrationId": s.integration(), "vehicleId": id_}}),
    ),
    "vehicles of a fleet": (
        lambda s: s.fleet("G"),
        lambda _s, id_: (f"{{ consentedIntegrationVehicles(fleetIds: [{id_}]) {{ items {{ id }} }} }}", None),
    ),
    "a vehicle": (
        lambda s: s.vehicle("SS"),
        lambda _s, id_: (f"{{ consentedIntegrationVehicles(vehicleIds: [{id_}]) {{ items {{ id }} }} }}", None),
    ),
    "streams of a vehicle": (
        lambda s: s.vehicle("SS"),
        lambda _s, id_: (f"{{ vehicleDataStreams(vehicleIds: [{id_}]) {{ items {{ id }} }} }}", None),
    ),
    "streams of a topic": (
        lambda s: s.topic("theirs"),
        lambda _s, id_: (f"{{ vehicleDataStreams(integrationTopicIds: [{id_}]) {{ items {{ id }} }} }}", None),
    ),
}


def told(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    """All of it, but for the date."""
    return answer.status, answer.body, {name: value for name, value in answer.headers.items() if name != "date"}


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each change of the registry that an operation began."""
    lines: list[str] = []
    begin = RegistryStore.transaction

    def transaction(store: RegistryStore) -> Any:
        if threading.current_thread().name.startswith("graphql"):
            lines.append("transaction")
        return begin(store)

    monkeypatch.setattr(RegistryStore, "transaction", transaction)
    return lines


@pytest.mark.parametrize("question", QUESTIONS)
async def test_an_id_of_another_tenant_is_answered_as_one_that_nothing_has(
    still: GraphQLSite, question: str, begun: list[str]
) -> None:
    theirs, ask = QUESTIONS[question]
    before = await still.ask("{ vehicleDataStreams { items { id referenceUrl } } }", by="spy")
    answers, changes = [], []
    for id_ in (theirs(still), NOWHERE):
        asked = ask(still, id_)
        begun.clear()
        answers.append(told(await still.ask(*asked)))
        changes.append(len(begun))
    assert answers[0] == answers[1]
    assert changes[0] == changes[1], "nor is it done another way, which would take another time"
    assert (await still.ask("{ vehicleDataStreams { items { id referenceUrl } } }", by="spy")).body == before.body


@pytest.mark.parametrize("by", ["nobody", "another fleet owner"])
async def test_who_has_neither_end_of_a_grant_cannot_tell_whether_there_is_one(still: GraphQLSite, by: str) -> None:
    token = still.store.issue_token("gps", "test")[1] if by == "nobody" else still.key("fleet_owner", "rival")
    await still.seen()
    ids = [(still.integration("spy"), still.fleet("G")), (still.integration(), still.fleet("G")), (NOWHERE, NOWHERE)]
    for text in (REVOKE, GRANT):
        answers = {
            told(await still.ask(text, {"input": {"integrationId": one, "fleetId": fleet}}, by=token))[:2]
            for one, fleet in ids
        }
        assert [status for status, _ in answers] == [403]


async def test_what_a_tenant_sees_says_nothing_of_others(still: GraphQLSite) -> None:
    text = """{
        integrationTopics { id name integrationId destinationContext vehicleDataStreams { id vehicleId }
          lag { events } attempts(first: 100) { events detail } deadLetters { items { id } } deadLetterCount }
        vehicleDataStreams(first: 1000) { items { id vehicleId integrationTopicId referenceUrl } }
        consentedIntegrationVehicles(first: 1000) { items { id licensePlate fleetId } }
    }"""
    theirs = (await still.ask(text, by="spy")).data
    assert [topic["name"] for topic in theirs["integrationTopics"]] == ["theirs"]
    assert {item["integrationTopicId"] for item in theirs["vehicleDataStreams"]["items"]} == {still.topic("theirs")}
    assert [item["licensePlate"] for item in theirs["consentedIntegrationVehicles"]["items"]] == ["SS"]
    mine = (await still.ask(text)).body.decode()
    assert not re.search(r"theirs|SS", mine)


async def test_an_explorers_look_at_the_schema_is_the_same_for_everybody(still: GraphQLSite) -> None:
    text = "{ __schema { types { name fields { name args { name } } } } }"
    assert (await still.ask(text)).body == (await still.ask(text, by="spy")).body

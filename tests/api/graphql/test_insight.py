"""What an integration sees of its own deliveries: lag, attempts, dead letters, and nothing of others'."""

import asyncio
from typing import Any

import pytest

from fixtures.drivetech import sample
from fixtures.graphql_site import GraphQLSite
from postroad.api.graphql import insight
from postroad.log.delivery import Changes, Letter, Posted
from postroad.protocols.base import outgoing_id

LAG = "{ integrationTopics { name lag { events complete oldestReceivedAt } } }"
ATTEMPTS = "{ integrationTopics { name attempts { succeeded bulks events attempt reason firstAt lastAt requestId } } }"
DEAD = """
query Dead($first: Int, $after: Cursor) {
  integrationTopics {
    name
    deadLetterCount
    deadLetters(first: $first, after: $after) {
      items { id type vehicleId receivedAt diedAt attempts reason status detail bytes }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""


async def topics(site: GraphQLSite, text: str, variables: Any = None, *, by: str = "garage") -> dict[str, Any]:
    """By name."""
    return {topic.pop("name"): topic for topic in (await site.ask(text, variables, by=by)).data["integrationTopics"]}


async def say(site: GraphQLSite, token: str, plate: str, second: int) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    event = sample(plate=plate, datetime=f"2026-07-02T14:00:{second:02}Z")
    url = site.url.replace("/graphql", "/provider/event/new/")
    async with site.session.post(url, json=event, headers=headers) as answer:
        assert answer.status == 200


async def test_lag_counts_the_events_that_a_topic_may_have_and_has_not_got(site: GraphQLSite) -> None:
    token = site.store.issue_token("gps", "test")[1]
    site.add("AA")
    site.add("SS", to="theirs")
    await site.seen()
    before = await topics(site, LAG)
    for second in range(3):
        await say(site, token, "AA", second)
        await say(site, token, "SS", second)
    after = await topics(site, LAG)
    assert {name: after[name]["lag"]["events"] - before[name]["lag"]["events"] for name in after} == {
        "positions": 3, "all": 3, "more": 0,
    }  # fmt: skip
    assert all(topic["lag"]["complete"] for topic in after.values())
    assert after["positions"]["lag"]["oldestReceivedAt"].endswith("Z")
    theirs = await topics(site, LAG, by="spy")
    assert theirs.keys() == {"theirs"}
    assert theirs["theirs"]["lag"]["events"] >= 3


async def test_a_paused_topic_says_since_when_and_what_waits_for_it(site: GraphQLSite) -> None:
    token = site.store.issue_token("gps", "test")[1]
    site.add("AA")
    site.store.set_subscription_state("positions", "paused")
    await site.seen()
    text = "{ integrationTopics { name state pausedReason pausedAt lag { events complete } } }"
    before = (await topics(site, text))["positions"]
    await say(site, token, "AA", 0)
    after = (await topics(site, text))["positions"]
    assert (after["state"], after["pausedReason"], after["pausedAt"][:2]) == ("PAUSED", None, "20")
    assert after["lag"]["events"] == before["lag"]["events"] + 1
    assert (await topics(site, text))["more"]["state"] == "ACTIVE"


async def test_a_long_backlog_is_counted_within_a_bound(site: GraphQLSite, monkeypatch: pytest.MonkeyPatch) -> None:
    token = site.store.issue_token("gps", "test")[1]
    site.add("AA")
    await site.seen()
    for second in range(4):
        await say(site, token, "AA", second)
    whole = (await topics(site, LAG))["positions"]["lag"]
    monkeypatch.setattr(insight, "LOOK_BYTES", 1)
    part = (await topics(site, LAG))["positions"]["lag"]
    assert whole["complete"] is True
    assert part["complete"] is False
    assert part["events"] < whole["events"], "at least so many"


async def test_attempts_are_the_newest_and_say_why_they_failed(site: GraphQLSite) -> None:
    async with asyncio.timeout(20):
        while not (found := (await topics(site, ATTEMPTS))["all"]["attempts"]):  # noqa: ASYNC110 - handed over each second
            await asyncio.sleep(0.1)
    assert (found[0]["succeeded"], found[0]["bulks"], found[-1]["attempt"]) == (False, 1, 1)
    assert found[0]["reason"]
    assert found[0]["requestId"]
    assert (await topics(site, ATTEMPTS.replace("attempts {", "attempts(first: 1) {")))["all"]["attempts"]


async def test_dead_letters_are_counted_and_paged(site: GraphQLSite) -> None:
    store = site.hub.parts.logs[0].delivery
    positions = [5, 7, 9, 11, 13]
    for topic in ("positions", "more"):
        letters = [
            Letter(position=at, slot=1, subject_id=site.id("AA"), size=9, received_us=1_000_000 * at, stored_us=0,
                   attempts=3, dead_us=2_000_000, reason="status", status=400, detail="no good")
            for at in (positions if topic == "positions" else [6])
        ]  # fmt: skip
        await store.settle(site.topic(topic), 0, Changes(posted=[Posted(one, b'{"a": 1}') for one in letters]))
    seen, after = [], None
    for expected in ((True, False), (True, True), (False, True)):
        mine = (await topics(site, DEAD, {"first": 2, "after": after}))["positions"]
        page = mine["deadLetters"]
        assert mine["deadLetterCount"] == len(positions)
        assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]) == expected
        seen += page["items"]
        after = page["pageInfo"]["endCursor"]
    assert [item["id"] for item in seen] == [str(outgoing_id(at, 1)) for at in positions]
    assert seen[0] == {
        "id": str(outgoing_id(5, 1)),
        "type": seen[0]["type"],
        "vehicleId": site.vehicle("AA"),
        "receivedAt": "1970-01-01T00:00:05.000000Z",
        "diedAt": "1970-01-01T00:00:02.000000Z",
        "attempts": 3,
        "reason": "status",
        "status": 400,
        "detail": "no good",
        "bytes": 9,
    }
    assert seen[0]["type"]
    empty = (await topics(site, DEAD, {"first": 2, "after": after}))["positions"]["deadLetters"]
    assert (empty["items"], empty["pageInfo"]["hasPreviousPage"]) == ([], True)
    theirs = (await topics(site, DEAD, {"first": 10}, by="spy"))["theirs"]
    assert (theirs["deadLetterCount"], theirs["deadLetters"]["items"]) == (0, [])


@pytest.mark.parametrize("field", ["attempts { events }", "deadLetters { items { id } }"])
async def test_a_page_of_them_is_bounded(site: GraphQLSite, field: str) -> None:
    for first in (0, 101):
        text = f"{{ integrationTopics {{ {field.replace(' {', f'(first: {first}) {{', 1)} }} }}"
        assert set((await site.ask(text)).codes) == {"BAD_USER_INPUT"}

"""A vehicle that others were granted is erased: its grants end, each who was told of it is told so, then it is gone."""

import json
from typing import Any

import aiohttp
import pytest

from fixtures.drivetech import sample
from fixtures.graphql_site import GraphQLSite, subscription
from fixtures.site import soon
from postroad.erasure import eraser
from postroad.registry import erasures
from postroad.registry.erasures import Erasure

PLATE = "KXRT41"
TOPICS = [subscription("positions"), subscription("words", types=[])]
"""One of which the customer has chosen a stream, and one that is told of access only."""


@pytest.fixture
async def site(graphql_site: GraphQLSite, monkeypatch: pytest.MonkeyPatch) -> GraphQLSite:
    monkeypatch.setattr(eraser, "LINGER_US", 0)
    site = graphql_site
    site.declare({PLATE: "F", "BBBB22": "F"}, TOPICS)
    await site.start()
    site.give("F")
    site.give(PLATE)
    site.add(PLATE, "BBBB22", reference=f"https://customer.example/{PLATE}")
    await site.seen()
    _, token = site.store.issue_token("gps", "test")
    await site.seen()
    url = f"http://127.0.0.1:{site.hub.port}/provider/event/new/"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        for plate in (PLATE, "BBBB22"):
            async with session.post(url, json=sample(plate=plate)) as response:
                assert response.status == 200
    return site


async def items(site: GraphQLSite) -> list[tuple[int, bytes]]:
    """Whose each stored item is, and its bytes."""
    batches = await site.hub.parts.logs[0].read(0)
    return [(batch.subjects[index], raw) for batch in batches for index, raw in enumerate(batch.items())]


async def erased(site: GraphQLSite, vehicle_id: int) -> Erasure:
    """The vehicle's erasure, as far as it goes at once."""
    with site.store.transaction() as change:
        erasure_id = erasures.ask_subject(change, site.keys, vehicle_id, by="operator")
    assert erasure_id is not None

    async def gone() -> bool:
        await site.hub.parts.erasing.run_once()
        return site.store.erasure(erasure_id).state != "asked"

    await soon(gone)
    return site.store.erasure(erasure_id)


async def test_who_was_granted_it_is_told_of_the_end_and_nothing_else_of_it_is_left(site: GraphQLSite) -> None:
    vehicle_id = site.id(PLATE)
    erasure = await erased(site, vehicle_id)
    mine = [raw for whose, raw in await items(site) if whose == vehicle_id]
    assert {json.loads(raw)["type"] for raw in mine} == {"access_removed_from_vehicle"}
    assert len(mine) == len(TOPICS), "a word for each, on its way still"
    receivers = {one.subscription.rpartition("/")[2]: one for one in erasure.receipt.receivers}
    assert {name: (one.events, one.notice) for name, one in receivers.items()} == {
        "positions": (0, "under_way"),
        "words": (0, "under_way"),
    }
    assert [receivers[name].since_us is None for name in ("positions", "words")] == [False, True]
    view = site.store.view()
    assert {grant.subject_id for grant in view.grants.values()} == {site.id("F")}
    assert view.accesses == {site.integration(): {site.id("BBBB22")}}
    assert {one.reference_url for one in view.streams.values() if one.subject_id == vehicle_id} == {None}
    assert await site.consented() == {"BBBB22": site.fleet("F")}


async def test_once_the_word_of_it_is_given_up_that_is_gone_too(
    site: GraphQLSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    vehicle_id = site.id(PLATE)
    await erased(site, vehicle_id)
    monkeypatch.setattr(eraser, "NOTICES_WITHIN_US", 0)

    async def done() -> bool:
        await site.hub.parts.erasing.run_once()
        return site.store.erasures()[0].state == "done"

    await soon(done)
    assert {one.notice for one in site.store.erasures()[0].receipt.receivers} == {"given_up"}
    left: list[Any] = [raw for whose, raw in await items(site) if whose == vehicle_id]
    assert left == []
    assert vehicle_id not in {at.subject_id for at in site.store.view().told}

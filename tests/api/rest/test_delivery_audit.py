"""The audit of deliveries: what is not proven is an answer, and it takes no longer than a request may."""

from typing import Any

import pytest

from fixtures.ops_site import GPS, OpsSite
from postroad.api.rest.resources import showing
from postroad.delivery.terms import terms_of
from postroad.log.delivery import Changes
from postroad.log.tally import tally_of


async def delivered(ops: OpsSite, *, less: int = 0) -> int:
    """``claims`` has come past two reports, and recorded so many less as delivered; the first one's position."""
    positions = [await ops.report(datetime=f"2026-07-02T14:03:0{n}Z") for n in range(2)]
    id_, store = ops.subscription("claims"), ops.log.delivery
    await store.begin(id_, positions[0], terms_of(ops.store.view().subscriptions[id_]))
    tally = tally_of([(position, GPS) for position in positions[less:]])
    await store.settle(id_, positions[-1] + 1, Changes(delivered=tally))
    return positions[0]


async def audit(ops: OpsSite) -> Any:
    return await ops.ok(f"/delivery-audit?subscription_id={ops.subscription('claims')}")


async def test_what_was_delivered_once_is_proven(ops: OpsSite) -> None:
    first = await delivered(ops)
    assert await audit(ops) == {
        "subscription_id": ops.subscription("claims"),
        "subscription": "claims",
        "verdict": "proven",
        "complete": True,
        "shards": [
            {
                "shard": 0,
                "begins": first,
                "cursor": first + 2,
                "outcomes": {"delivered": 2},
                "gaps": [],
                "unproven": [],
            }
        ],
    }


async def test_an_event_of_which_nothing_is_recorded_is_a_gap_and_an_answer(ops: OpsSite) -> None:
    first = await delivered(ops, less=1)
    found = await audit(ops)
    assert (found["verdict"], found["complete"]) == ("gaps", True)
    assert found["shards"][0]["gaps"] == [
        {"first": first, "last": first + 1, "outcome": "delivered", "recorded": 1, "found": 2}
    ]


async def test_what_there_was_no_time_to_look_at_is_unproven_and_said_to_be(
    ops: OpsSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    await delivered(ops, less=1)
    monkeypatch.setattr(showing, "LOOK_S", -1.0)
    found = await audit(ops)
    assert (found["verdict"], found["complete"], found["shards"][0]["gaps"]) == ("unproven", False, [])
    assert [one["why"] for one in found["shards"][0]["unproven"]] == ["time"]


async def test_where_nothing_has_come_there_is_nothing_to_doubt(ops: OpsSite) -> None:
    found = await ops.ok(f"/delivery-audit?subscription_id={ops.subscription('claims')}")
    assert (found["verdict"], found["complete"], found["subscription"]) == ("proven", True, "claims")


async def test_auditors_see_it_each_of_its_own_organization(ops: OpsSite) -> None:
    seen = await ops.seen_by(f"/delivery-audit?subscription_id={ops.subscription('claims')}")
    assert {name for name, status in seen.items() if status == 200} == {"operator", "auditor", "auditor of Andes"}
    seen = await ops.seen_by("/delivery-audit?subscription_id=77")
    assert set(seen.values()) == {404}
    assert (await ops.get("/delivery-audit")).status == 400

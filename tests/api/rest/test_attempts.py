"""Attempts to deliver: who sees which, and no more than is his."""

from fixtures.ops_site import NOW_US, OpsSite, S
from postroad.protocols.base import outgoing_id


async def test_a_failure_and_confirmed_requests_are_shown_with_what_is_known_of_them(ops: OpsSite) -> None:
    ops.failed("claims", 5)
    ops.delivered("claims", 5, at_us=NOW_US + S)
    ops.delivered("claims", 6, at_us=NOW_US + 2 * S)
    delivered, failed = (await ops.ok("/attempts"))["items"]
    assert failed == {
        "id": 1,
        "shard": 0,
        "first_position": 5,
        "last_position": 5,
        "subscription_id": ops.subscription("claims"),
        "subscription": "claims",
        "outcome": "failed",
        "requests": 1,
        "events": 1,
        "first": "2026-06-21T00:00:00Z",
        "last": "2026-06-21T00:00:00Z",
        "min_elapsed_ms": 12.5,
        "max_elapsed_ms": 12.5,
        "attempt": 1,
        "reason": "server_error",
        "status": 503,
        "detail": "said claims",
        "request_id": "request of claims",
    }
    assert (delivered["outcome"], delivered["requests"], delivered["events"]) == ("delivered", 2, 2)
    assert (delivered["first_position"], delivered["last_position"]) == (5, 6)
    assert (delivered["reason"], delivered["last"]) == (None, "2026-06-21T00:00:02Z")


async def test_an_integration_sees_its_own_and_not_how_far_others_have_come(ops: OpsSite) -> None:
    for name in ("claims", "repairs", "spying"):
        ops.failed(name, 5)
    [mine] = (await ops.ok("/attempts", by="insurer"))["items"]
    assert (mine["subscription"], mine["shard"], mine["first_position"], mine["last_position"]) == (
        "claims", None, None, None
    )  # fmt: skip
    assert (await ops.ok(f"/attempts?subscription_id={ops.subscription('spying')}", by="insurer"))["items"] == []
    names = {one["subscription"] for one in (await ops.ok("/attempts", by="auditor of Andes"))["items"]}
    assert names == {"claims", "repairs"}
    for name in ("owner", "andes-gps"):
        assert (await ops.ok("/attempts", by=name))["items"] == []


async def test_filters_choose_by_event_and_by_outcome(ops: OpsSite) -> None:
    ops.failed("claims", 5, last_position=9)
    ops.failed("claims", 20)
    ops.delivered("repairs", 7)
    event = outgoing_id(7, 0)
    assert [(one["subscription"], one["outcome"]) for one in await ops.pages(f"/attempts?event_id={event}")] == [
        ("repairs", "delivered"),
        ("claims", "failed"),
    ]
    assert [one["first_position"] for one in await ops.pages("/attempts?outcome=failed")] == [20, 5]
    assert (await ops.get("/attempts?outcome=lost")).status == 400
    assert (await ops.get(f"/attempts?event_id={2**63}")).status == 400


async def test_pages_go_on_below_the_last_one_whatever_is_added(ops: OpsSite) -> None:
    for position in range(1, 5):
        ops.failed("claims", position)
    first = await ops.ok("/attempts?limit=2")
    ops.failed("claims", 5)
    second = await ops.ok(f"/attempts?limit=2&cursor={first['next_cursor']}")
    assert [one["first_position"] for one in first["items"] + second["items"]] == [4, 3, 2, 1]
    assert second["next_cursor"] is None


async def test_those_of_a_subscription_that_is_no_more_are_for_who_sees_all(ops: OpsSite) -> None:
    ops.failed("claims", 5, subscription_id=99)
    assert [one["subscription"] for one in (await ops.ok("/attempts", by="auditor"))["items"]] == [None]
    for name in ("auditor of Andes", "insurer"):
        assert (await ops.ok("/attempts", by=name))["items"] == []

"""Dead letters: who sees which, what of their bodies, and who has them sent again or dropped."""

import asyncio

import pytest

from fixtures.ops_site import OpsSite, refused_alike
from fixtures.site import soon
from postroad.access.streams import StreamIndex
from postroad.administration import sendable
from postroad.log.delivery import LetterFilter

BODY = b'{"type":"gps_position","vehicleId":1}'


async def ended(ops: OpsSite, subscription: str) -> None:
    """The subscription's streams end, and the hub goes by it."""
    view, id_ = ops.store.view(), ops.subscription(subscription)
    for stream in view.streams.values():
        if stream.subscription_id == id_:
            ops.store.end_stream(stream.id, None)
    await ops.seen()


async def test_a_letter_is_got_with_its_body_and_why_it_died(ops: OpsSite) -> None:
    letter = await ops.bury("claims", await ops.report(), body=BODY)
    found = await ops.ok(f"/dead-letters/{letter}")
    assert found == {
        "id": letter,
        "event_id": int(letter.split(":")[2]),
        "subscription_id": ops.subscription("claims"),
        "subscription": "claims",
        "type": "gps_position",
        "subject_id": ops.subject("AA1111"),
        "vehicle": "AA1111",
        "received": "2026-06-21T00:00:00Z",
        "first_attempt": "2026-06-21T00:00:01Z",
        "died": "2026-06-21T00:00:02Z",
        "attempts": 3,
        "reason": "rejected",
        "status": 422,
        "detail": "no",
        "bytes": len(BODY),
        "body": {"encoding": "utf-8", "data": BODY.decode()},
    }


async def test_an_integration_sees_its_own_letters_and_what_is_anothers_looks_like_nothing(ops: OpsSite) -> None:
    position = await ops.report()
    mine, other = await ops.bury("claims", position), await ops.bury("repairs", position)
    far = await ops.bury("spying", await ops.report("NN9999", by="nord-gps"), plate="NN9999")
    for path in ("/dead-letters", "/dead-letters?limit=1"):
        assert [one["id"] for one in (await ops.ok(path, by="insurer"))["items"]] == [mine]
    absent = f"0:{ops.subscription('claims')}:64"
    answers = [await ops.get(f"/dead-letters/{one}", by="insurer") for one in (other, far, absent, "0:77:64", "x")]
    assert refused_alike(*answers)
    assert (await ops.ok(f"/dead-letters?subscription_id={ops.subscription('repairs')}", by="insurer"))["items"] == []
    seen = await ops.seen_by(f"/dead-letters/{far}")
    assert {name for name, status in seen.items() if status == 200} == {
        "operator", "auditor", "auditor of Nord", "rival"
    }  # fmt: skip


async def test_once_access_has_ended_its_customer_sees_neither_body_nor_plate_and_an_auditor_does(ops: OpsSite) -> None:
    letter = await ops.bury("claims", await ops.report(), body=BODY)
    before = await ops.ok(f"/dead-letters/{letter}", by="insurer")
    assert (before["body"]["data"], before["vehicle"]) == (BODY.decode(), "AA1111")
    await ended(ops, "claims")
    after = await ops.get(f"/dead-letters/{letter}", by="insurer")
    assert (after.json["body"], after.json["vehicle"]) == (None, None)
    assert b"AA1111" not in after.body
    assert [one["vehicle"] for one in (await ops.ok("/dead-letters", by="insurer"))["items"]] == [None]
    for name in ("operator", "auditor of Andes"):
        assert (await ops.ok(f"/dead-letters/{letter}", by=name))["body"]["data"] == BODY.decode()


async def test_its_customer_sees_of_a_body_what_would_be_sent_now(
    ops: OpsSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a protocol has scopes, what is authorised may be less than when the event was written."""
    letter = await ops.bury("claims", await ops.report(), body=BODY)

    def nothing_left(*_args: object, **_kwargs: object) -> object:
        return lambda _subject_id, _event: "scope_ended"

    monkeypatch.setattr(sendable, "narrowing", nothing_left)
    assert (await ops.ok(f"/dead-letters/{letter}", by="insurer"))["body"] is None
    assert (await ops.ok(f"/dead-letters/{letter}"))["body"]["data"] == BODY.decode()
    assert isinstance(ops.hub.parts.manager.streams, StreamIndex)


async def test_filters_narrow_each_other_down_and_the_count_agrees(ops: OpsSite) -> None:
    first, second = await ops.report(), await ops.report(datetime="2026-07-02T14:04:00Z")
    letters = [
        await ops.bury("claims", first),
        await ops.bury("claims", second, reason="server_error", status=500, dead_us=1_790_000_000_000_000),
        await ops.bury("repairs", second),
    ]
    claims, event = ops.subscription("claims"), letters[0].split(":")[2]
    for query, expected in (
        ("until=2099-01-01T00:00:00Z", letters),
        (f"subscription_id={claims}", letters[:2]),
        ("reason=rejected", [letters[0], letters[2]]),
        (f"reason=rejected&subscription_id={claims}", [letters[0]]),
        ("since=2026-08-01T00:00:00Z", [letters[1]]),
        ("until=2026-08-01T02:00:00%2B02:00", [letters[0], letters[2]]),
        (f"event_id={event}", [letters[0]]),
        ("type=gps_position", letters),
        ("type=car_ignition", []),
        (f"subject_id={ops.subject('NN9999')}", []),
    ):
        assert [one["id"] for one in await ops.pages(f"/dead-letters?{query}")] == expected, query
        assert (await ops.ok(f"/dead-letters/counts?{query}"))["letters"] == len(expected), query
    assert (await ops.ok("/dead-letters/counts"))["of"] == [
        {"subscription": "claims", "reason": "rejected", "letters": 1},
        {"subscription": "claims", "reason": "server_error", "letters": 1},
        {"subscription": "repairs", "reason": "rejected", "letters": 1},
    ]
    for wrong in ("type=nothing", "since=2026-08-01T00:00:00", "since=soon", "event_id=-1", "cursor=Im5vIg"):
        assert (await ops.get(f"/dead-letters?{wrong}")).status == 400, wrong


async def test_pages_neither_miss_nor_repeat_a_letter_while_others_come_and_go(ops: OpsSite) -> None:
    positions = [await ops.report(datetime=f"2026-07-02T14:03:0{n}Z") for n in range(4)]
    letters = [await ops.bury("claims", position) for position in positions[:3]]
    other = await ops.bury("repairs", positions[0])
    first = await ops.ok("/dead-letters?limit=2")
    assert [one["id"] for one in first["items"]] == letters[:2]
    store = ops.log.delivery
    await store.drop([one for one in await store.dead(LetterFilter()) if one.letter.position in positions[1:3]])
    late = await ops.bury("claims", positions[3])
    second = await ops.ok(f"/dead-letters?limit=2&cursor={first['next_cursor']}")
    assert ([one["id"] for one in second["items"]], second["next_cursor"]) == ([late, other], None)


async def test_an_integration_has_its_own_letters_sent_again_and_nobody_elses(ops: OpsSite) -> None:
    position = await ops.report()
    await ops.bury("claims", position)
    await ops.bury("repairs", position)
    ops.store.set_subscription_state("claims", "active")
    await ops.seen()
    named = {"subscription_ids": [ops.subscription("repairs")]}
    assert (await ops.post("/dead-letters/redrive", named, by="insurer")).status == 404
    made = await ops.post("/dead-letters/redrive", {"rate_per_s": 5}, by="insurer")
    assert (made.status, made.json["integration_id"]) == (201, ops.integration_id("insurer"))
    assert (made.json["about"]["subscriptions"], made.json["remaining"]) == (["claims"], 1)
    repairs, claims = ops.subscription("repairs"), ops.subscription("claims")

    async def revived() -> bool:
        counts = await ops.log.delivery.letter_counts()
        return (counts[claims].dead, counts[repairs].dead) == (0, 1)

    await soon(revived)


async def test_while_a_redrive_is_not_finished_another_is_a_conflict_and_a_replay_is_the_same_task(
    ops: OpsSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops.store.__class__, "next_task", lambda _store, **_: None)
    await ops.bury("claims", await ops.report())
    ops.store.set_subscription_state("claims", "active")
    await ops.seen()
    made = await ops.post("/dead-letters/redrive", {}, Idempotency_Key="once")
    again = await ops.post("/dead-letters/redrive", {}, Idempotency_Key="once")
    assert (again.status, again.body, again.headers["Location"]) == (201, made.body, made.headers["Location"])
    refused = await ops.post("/dead-letters/redrive", {})
    assert (refused.status, refused.kind) == (409, "conflict")
    assert made.json["id"] in refused.json["detail"]
    assert len(await asyncio.to_thread(ops.store.tasks)) == 1


async def test_what_is_paused_is_left_out_unless_it_is_named(ops: OpsSite) -> None:
    position = await ops.report()
    await ops.bury("claims", position)
    ops.store.set_subscription_state("repairs", "active")
    await ops.seen()
    named = {"subscription_ids": [ops.subscription("claims")]}
    refused = await ops.post("/dead-letters/redrive", named)
    assert (refused.status, refused.kind) == (409, "conflict")
    made = await ops.post("/dead-letters/redrive", {})
    assert made.json["about"]["subscriptions"] == ["repairs"]


async def test_the_operator_alone_drops_and_says_which(ops: OpsSite) -> None:
    kept = await ops.bury("claims", await ops.report())
    gone = await ops.bury("repairs", await ops.report(datetime="2026-07-02T14:05:00Z"))
    refused = await ops.post("/dead-letters/drop", {})
    assert (refused.status, refused.pointers) == (422, ["/all"])
    for name in ("auditor", "insurer", "garage", "andes-gps", "owner"):
        assert (await ops.post("/dead-letters/drop", {"all": True}, by=name)).status == 404
    made = await ops.post("/dead-letters/drop", {"event_ids": [int(gone.split(":")[2])], "reasons": ["rejected"]})
    assert (made.status, made.json["type"], made.json["remaining"]) == (201, "DROP", 1)

    async def dropped() -> bool:
        return [one["id"] for one in (await ops.ok("/dead-letters"))["items"]] == [kept]

    await soon(dropped)
    assert [skip.reason for skip in await ops.log.delivery.skips(ops.subscription("repairs"))] == ["dropped"]


async def test_who_may_redrive_nothing_asks_for_no_task(ops: OpsSite) -> None:
    for name in ("auditor", "auditor of Andes", "owner", "andes-gps"):
        assert (await ops.post("/dead-letters/redrive", {}, by=name)).status == 404
    assert await asyncio.to_thread(ops.store.tasks) == []

"""Quarantine: who sees what could not be read, and who has it read again."""

import base64

from fixtures.ops_site import OpsSite, refused_alike
from fixtures.site import soon
from postroad.log.interface import Part


async def test_an_item_is_got_with_what_was_sent_and_why_it_cannot_be_read(ops: OpsSite) -> None:
    [item] = await ops.unreadable(b'{"datetime": "yesterday"}')
    assert await ops.ok(f"/quarantine/{item}") == {
        "id": item,
        "received": "2026-06-21T00:00:00Z",
        "provider_id": ops.provider("andes-gps"),
        "provider": "andes-gps",
        "protocol": "drivetech",
        "reason": "datetime: invalid",
        "resolved_by": None,
        "request_id": "r-1",
        "body": {"encoding": "utf-8", "data": '{"datetime": "yesterday"}'},
    }


async def test_a_body_that_is_no_text_is_given_byte_for_byte(ops: OpsSite) -> None:
    [item] = await ops.unreadable(b"\xff\x00")
    body = (await ops.ok(f"/quarantine/{item}"))["body"]
    assert (body["encoding"], base64.b64decode(body["data"])) == ("base64", b"\xff\x00")


async def test_a_provider_sees_its_own_items_and_no_other(ops: OpsSite) -> None:
    [mine], [theirs] = await ops.unreadable(b"1"), await ops.unreadable(b"2", by="nord-gps")
    assert [one["id"] for one in (await ops.ok("/quarantine", by="andes-gps"))["items"]] == [mine]
    assert refused_alike(await ops.get(f"/quarantine/{theirs}", by="andes-gps"), await ops.get("/quarantine/0:999"))
    asked = f"/quarantine?provider_id={ops.provider('nord-gps')}"
    assert (await ops.ok(asked, by="andes-gps"))["items"] == []
    seen = await ops.seen_by(f"/quarantine/{mine}")
    assert {name for name, status in seen.items() if status == 200} == {
        "operator", "auditor", "auditor of Andes", "andes-gps"
    }  # fmt: skip


async def test_pages_neither_miss_nor_repeat_an_item_while_others_come_and_go(ops: OpsSite) -> None:
    items = await ops.unreadable(b"1", b"2", b"3", b"4")
    first = await ops.ok("/quarantine?limit=2")
    assert [one["id"] for one in first["items"]] == items[:2]
    [last] = await ops.unreadable(b"5", by="nord-gps")
    await ops.log.append(_in_place_of(ops, items[1]))
    await ops.log.append(_in_place_of(ops, items[2]))
    second = await ops.ok(f"/quarantine?limit=2&cursor={first['next_cursor']}")
    assert ([one["id"] for one in second["items"]], second["next_cursor"]) == ([items[3], last], None)
    assert [one["id"] for one in await ops.pages("/quarantine?resolved=true")] == [*items, last]
    taken = await ops.ok(f"/quarantine/{items[1]}")
    assert taken["resolved_by"] == f"0:{ops.log.next_position - 2}"


async def test_a_redrive_is_a_task_that_names_the_items_and_the_operator_alone_asks_for_it(ops: OpsSite) -> None:
    [item] = await ops.unreadable(b"{}")
    asked = {"items": [item], "provider_id": ops.provider("andes-gps")}
    made = await ops.post("/quarantine/redrive", asked)
    assert made.status == 201
    assert made.headers["Location"] == f"/api/v1/tasks/{made.json['id']}"
    assert (made.json["type"], made.json["integration_id"]) == ("REDRIVE_QUARANTINE", None)
    assert (made.json["about"]["items"], made.json["about"]["providers"]) == ([item], ["andes-gps"])
    for name in ("auditor", "andes-gps", "insurer", "owner"):
        assert (await ops.post("/quarantine/redrive", {}, by=name)).status == 404


async def test_what_names_no_item_or_provider_is_refused_with_the_place(ops: OpsSite) -> None:
    refused = await ops.post("/quarantine/redrive", {"items": ["0:1", "nine"]})
    assert (refused.status, refused.pointers) == (422, ["/items/1"])
    refused = await ops.post("/quarantine/redrive", {"provider_id": 77})
    assert (refused.status, refused.pointers) == (422, ["/provider_id"])
    for item in ("nine", "0:1:2", "0:99999999999999999999", "7:1", "0: 1"):
        assert (await ops.get(f"/quarantine/{item}")).status == 404
    assert (await ops.get("/quarantine?cursor=Im5vIg")).status == 400


async def test_the_operator_alone_drops_items_and_says_which(ops: OpsSite) -> None:
    gone, kept = await ops.unreadable(b"1", b"2")
    refused = await ops.post("/quarantine/drop", {})
    assert (refused.status, refused.pointers) == (422, ["/all"])
    for name in ("auditor", "andes-gps", "insurer", "owner"):
        for body in ({}, {"all": True}):
            assert (await ops.post("/quarantine/drop", body, by=name)).status == 404
    made = await ops.post("/quarantine/drop", {"items": [gone]})
    assert (made.status, made.json["type"], made.json["about"]["items"]) == (201, "DROP_QUARANTINE", [gone])

    async def dropped() -> bool:
        return [one["id"] for one in (await ops.ok("/quarantine?resolved=true"))["items"]] == [kept]

    await soon(dropped)
    assert (await ops.get(f"/quarantine/{gone}")).status == 404
    story = await ops.ok(f"/events/{gone}/explanation")
    assert (story["intake"]["kind"], story["intake"]["body"]["data"]) == ("unreadable", "1")


def _in_place_of(ops: OpsSite, item: str) -> Part:

    body = b'{"read": "now"}'
    return Part(
        provider_id=ops.provider("andes-gps"), protocol="drivetech", revision=1, received_us=1, subjects=[0],
        kinds=b"\0", flags=b"\0", lengths=[len(body)], body=body, resolves=int(item.partition(":")[2]),
    )  # fmt: skip

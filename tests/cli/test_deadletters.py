"""Dead letters from end to end: a real hub, a customer that refuses an event, and the commands beside it."""

import asyncio
import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest

from fixtures import site as site_module
from fixtures.site import Site, soon
from postroad.cli.main import main
from postroad.log.delivery import Changes, Letter, Posted
from postroad.settings import FILE_NAME
from postroad.simulate import customer
from postroad.simulate.streams import VehicleEvent

POISON = 2
"""The position that the customer refuses."""
S = 1_000_000


class Commands:
    """``postroad`` on a site's folder, in a thread beside the hub."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        return await asyncio.to_thread(self._run, arguments)

    def _run(self, arguments: tuple[str, ...]) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            patch.setattr(sys, "argv", ["postroad", *arguments, "--data", str(self._folder)])
            main()
        return int(ended.value.code or 0), out.getvalue(), err.getvalue()

    async def json(self, *arguments: str) -> Any:
        code, out, err = await self(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)


class Refusing:
    """What the customer refuses, and how often it did."""

    def __init__(self) -> None:
        self.position: int | None = POISON
        self.times = 0

    def decoded(self, decode: Callable[[bytes], tuple[list[VehicleEvent], list[str]]]) -> Callable[[bytes], Any]:
        def look(body: bytes) -> Any:
            events, malformed = decode(body)
            if any(event.id >> 6 == self.position for event in events):
                self.times += 1
                raise aiohttp.web.HTTPBadRequest(text="this one I do not like")
            return events, malformed

        return look


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    refusing = Refusing()
    monkeypatch.setattr(customer, "decode_bulk", refusing.decoded(customer.decode_bulk))
    return refusing


@pytest.fixture
async def postroad(site: Site, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands; the site's subscription has bulks narrowed down."""
    text = site_module.DECLARATION.replace("delivery: {{", "delivery: {{isolate: true, ")
    monkeypatch.setattr(site_module, "DECLARATION", text)
    site.declare()
    (site.folder / FILE_NAME).touch()
    return Commands(site.folder)


async def bury(site: Site, *letters: Letter, body: bytes = b'{"id":1}') -> None:
    """Have dead letters without what makes them."""
    changes = Changes(posted=[Posted(letter, body) for letter in letters])
    await site.hub.parts.logs[0].delivery.settle(1, 0, changes)


def letter(position: int, slot: int = 0, **changes: Any) -> Letter:
    values: dict[str, Any] = {"subject_id": 1, "received_us": S, "stored_us": S, "dead_us": 1_782_000_000 * S}
    reason = {"reason": "rejected", "status": 422, "detail": "no", "attempts": 3}
    return Letter(**values | reason | {"position": position, "slot": slot, "size": 8} | changes)


async def test_a_poison_event_becomes_a_dead_letter_and_once_accepted_is_delivered_by_a_redrive_once(
    site: Site, session: aiohttp.ClientSession, postroad: Commands, refusing: Refusing
) -> None:
    await site.hub.start()
    for second in range(4):
        assert await site.post(session, datetime=f"2026-07-02T14:00:0{second}Z") == 200
    await site.until(lambda: site.delivered() == 3)
    store = site.hub.parts.logs[0].delivery

    async def buried() -> bool:
        return 1 in await store.letter_counts()

    await soon(buried)

    [row] = await postroad.json("deadletters", "list")
    assert (row["id"] >> 6, row["subscription"], row["type"]) == (POISON, "telemetry", "gps_position")
    assert (row["vehicle"], row["reason"], row["status"]) == ("KXRT41", "rejected", 400)
    [shown] = await postroad.json("deadletters", "show", str(row["id"]))
    assert shown["body"]["id"] == row["id"]
    code, people, _ = await postroad("deadletters", "show", str(row["id"]))
    assert code == 0
    assert f'"id": {row["id"]}' in people
    assert "rejected" in people
    [route] = (await postroad.json("explain", str(row["id"])))["routes"]
    assert (route["state"], [one["state"] for one in route["letters"]]) == ("dead", ["dead"])
    assert "is dead" in (await postroad("explain", str(row["id"])))[1]
    [subscription] = await postroad.json("subscriptions", "list")
    assert (subscription["parked"], subscription["dead"]) == (0, 1)

    refusing.position = None
    done = await postroad.json("deadletters", "redrive", "--subscription", "telemetry", "--wait")
    assert (done["letters"], done["status"]) == (1, "COMPLETED")
    await site.until(lambda: site.delivered() == 4)
    assert (site.customer.record.redelivered, site.customer.record.doubled) == (0, 0)
    assert await postroad.json("deadletters", "list") == []
    [task] = await postroad.json("tasks", "list")
    assert (task["task"], task["type"], task["done"], task["remaining"]) == (done["task"], "REDRIVE", 1, 0)
    assert (await postroad.json("tasks", "show", done["task"]))["events"]["subscriptions"] == ["telemetry"]


async def test_what_is_refused_again_is_a_dead_letter_again(
    site: Site, session: aiohttp.ClientSession, postroad: Commands, refusing: Refusing
) -> None:
    await site.hub.start()
    for second in range(3):
        assert await site.post(session, datetime=f"2026-07-02T14:00:0{second}Z") == 200
    store = site.hub.parts.logs[0].delivery

    async def buried() -> bool:
        counts = (await store.letter_counts()).get(1)
        return counts is not None and (counts.parked, counts.dead) == (0, 1)

    await soon(buried)
    before = refusing.times
    await postroad.json("deadletters", "redrive", "--wait")
    await soon(lambda: refusing.times > before)
    await soon(buried)
    assert site.delivered() == 2


async def test_without_a_hub_a_redrive_waits_for_the_next_start(
    site: Site, session: aiohttp.ClientSession, postroad: Commands, refusing: Refusing
) -> None:
    refusing.position = None
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    await bury(site, letter(1))
    await site.hub.stop()
    code, _, err = await postroad("deadletters", "redrive", "--wait")
    assert code == 1
    assert "no hub runs" in err
    assert "at the next start" in (await postroad("deadletters", "redrive"))[2]
    code, _, err = await postroad("deadletters", "redrive")
    assert code == 1
    assert "wait until it is finished, or cancel it" in err
    [task] = await postroad.json("tasks", "list")
    assert (task["status"], task["remaining"]) == ("PENDING", 1)
    await site.restart()
    await soon(lambda: site.registry.task(task["task"]).status == "COMPLETED")


async def test_a_waiting_task_can_be_cancelled(site: Site, postroad: Commands) -> None:
    await site.hub.start()
    await bury(site, letter(1))
    await site.hub.stop()
    task = (await postroad.json("deadletters", "redrive", "--rate", "0.5"))["task"]
    assert (await postroad.json("tasks", "show", task))["rate_per_s"] == 0.5
    assert (await postroad.json("tasks", "cancel", task))["status"] == "CANCELED"
    assert "was finished already: CANCELED" in (await postroad("tasks", "cancel", task))[2]


async def test_a_dry_run_counts_by_subscription_and_reason_and_changes_nothing(site: Site, postroad: Commands) -> None:
    await site.hub.start()
    await bury(site, letter(1), letter(2), letter(3, reason="timeout"))
    for command in ("redrive", "drop"):
        assert await postroad.json("deadletters", command, "--dry-run") == {
            "letters": 3,
            "of": [
                {"subscription": "telemetry", "reason": "rejected", "letters": 2},
                {"subscription": "telemetry", "reason": "timeout", "letters": 1},
            ],
        }
    assert await postroad.json("tasks", "list") == []
    assert len(await postroad.json("deadletters", "list")) == 3


async def test_each_filter_narrows_down(site: Site, session: aiohttp.ClientSession, postroad: Commands) -> None:
    await site.hub.start()
    assert await site.post(session) == 200  # so that subject 1 is a vehicle with a plate
    await site.until(lambda: site.delivered() == 1)
    await bury(
        site,
        letter(11),
        letter(12, slot=1),
        letter(13, reason="timeout"),
        letter(14, subject_id=9),
        letter(15, dead_us=1_770_000_000 * S),
    )

    async def found(*options: str) -> list[int]:
        return [row["position"] for row in await postroad.json("deadletters", "list", *options)]

    assert await found() == [11, 12, 13, 14, 15]
    slots = {row["position"]: row["type"] for row in await postroad.json("deadletters", "list")}
    assert await found("--type", slots[12]) == [12]
    assert await found("--reason", "timeout", "--reason", "tls") == [13]
    assert await found("--subject", "9") == [14]
    assert await found("--vehicle", "kx-rt41") == [11, 12, 13, 15]
    assert await found("--until", "2026-05-01T00:00:00Z") == [15]
    assert await found("--since", "2026-05-01T00:00:00+02:00", "--reason", "rejected") == [11, 12, 14]
    assert await found("--since", "1s") == []
    assert await found("--id", str(11 << 6), "--id", str(12 << 6)) == [11]
    assert await found("--limit", "2") == [11, 12]


async def test_dropped_letters_are_gone_for_good_and_a_drop_of_everything_must_be_meant(
    site: Site, session: aiohttp.ClientSession, postroad: Commands
) -> None:
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    await bury(site, letter(1, slot=5), letter(2))
    code, _, err = await postroad("deadletters", "drop")
    assert code == 2
    assert "--all" in err
    assert (await postroad.json("deadletters", "drop", "--id", str(1 << 6 | 5), "--wait"))["status"] == "COMPLETED"
    [route] = (await postroad.json("explain", "0:1"))["routes"]
    assert (route["skips"], route["state"]) == (["dropped"], "skipped")
    assert "it was a dead letter, and dropped" in (await postroad("explain", "0:1"))[1]
    assert (await postroad.json("deadletters", "drop", "--all", "--wait"))["letters"] == 1
    assert await postroad.json("deadletters", "list") == []


async def test_a_redrive_leaves_paused_subscriptions_out_and_refuses_one_that_is_named(
    site: Site, postroad: Commands
) -> None:
    await site.hub.start()
    await bury(site, letter(1))
    await postroad("subscriptions", "pause", "telemetry")
    code, _, err = await postroad("deadletters", "redrive", "--subscription", "telemetry")
    assert code == 1
    assert "postroad subscriptions resume telemetry" in err
    code, _, err = await postroad("deadletters", "redrive")
    assert code == 0
    assert "paused and left out" in err
    assert await postroad.json("tasks", "list") == []


async def test_what_cannot_be_found_is_said(site: Site, postroad: Commands) -> None:
    await site.hub.start()
    for arguments, code, told in (
        (["deadletters", "list", "--subscription", "nothing"], 1, "no subscription 'nothing'"),
        (["deadletters", "list", "--type", "nothing"], 1, "no wire type 'nothing'; known: "),
        (["deadletters", "list", "--vehicle", "NONE01"], 1, "no vehicle has the plate"),
        (["deadletters", "list", "--since", "yesterday"], 2, "is no instant"),
        (["deadletters", "list", "--since", "2026-05-01T00:00:00"], 2, "names no offset"),
        (["deadletters", "show", "77"], 1, "postroad explain 77"),
        (["tasks", "show", "0" * 24], 1, "no task"),
        (["tasks", "cancel", "0" * 24], 1, "no task"),
    ):
        got, out, err = await postroad(*arguments)
        assert (got, out) == (code, ""), arguments
        assert told in err


async def test_while_the_hub_stands_the_list_and_a_letter_can_be_read(site: Site, postroad: Commands) -> None:
    await site.hub.start()
    await bury(site, letter(1), body=b"no json \xff")
    await site.hub.stop()
    assert len(await postroad.json("deadletters", "list")) == 1
    [shown] = await postroad.json("deadletters", "show", str(1 << 6))
    assert shown["body"] == "no json \N{REPLACEMENT CHARACTER}"
    assert "no json" in (await postroad("deadletters", "show", str(1 << 6)))[1]

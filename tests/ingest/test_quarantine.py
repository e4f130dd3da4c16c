"""What could not be read is shown by every command, sent to nobody, and read again when asked for."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.bulks import ACCOUNT, CAR, Bulks, event
from fixtures.site import soon
from postroad.cli.main import cli
from postroad.protocols import connected_cars
from postroad.registry.tasks import Task
from postroad.routing.translation import BatchTranslation

BAD = {"type": "car_odometer_km", "id": 1, "vehicleId": "x", "value": 1, "time": "2026-01-01T12:30:10.000Z"}


async def postroad(bulks: Bulks, *arguments: str) -> Any:
    """What a command prints as JSON, line by line."""
    done = await asyncio.to_thread(
        CliRunner().invoke, cli, [*arguments, "--data", str(bulks.folder), "--json"], catch_exceptions=False
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[0] if len(lines) == 1 else lines


async def refused(bulks: Bulks, *arguments: str) -> str:
    """What a command says that is not carried out."""
    done = await asyncio.to_thread(CliRunner().invoke, cli, [*arguments, "--data", str(bulks.folder)])
    assert done.exit_code
    return done.output


@pytest.fixture
async def folder(bulks: Bulks) -> Bulks:
    """A folder that commands work on, too."""
    (bulks.folder / "postroad.toml").write_text("", encoding="utf-8")
    return bulks


async def redrive(bulks: Bulks, **which: Any) -> Task:
    task = await asyncio.to_thread(bulks.registry.add_task, "REDRIVE_QUARANTINE", filter_=which)
    await soon(lambda: bulks.registry.task(task.id).completed_us is not None)
    return await asyncio.to_thread(bulks.registry.task, task.id)


def taught(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the decoder reads what it could not."""
    read = connected_cars.read

    def better(_self: Any, raw: bytes, settings: Any) -> Any:
        return read(raw.replace(b'"x"', b"77"), settings)

    monkeypatch.setattr(type(connected_cars.PROTOCOL), "read", better)


async def test_every_command_shows_what_cannot_be_read_as_such(folder: Bulks) -> None:
    assert (await folder.post([event(1), BAD], X_Request_Id="r-7"))[0] == 200
    [listed] = await postroad(folder, "quarantine", "list")
    assert (listed["id"], listed["provider"], listed["reason"]) == ("0:2", "streams", "vehicleId: invalid")
    shown = await postroad(folder, "quarantine", "show", "0:2")
    assert (json.loads(shown["body"]), shown["request_id"]) == (BAD, "r-7")
    story = await postroad(folder, "explain", "0:2")
    assert story["came_in"]["kind"] == "unreadable"
    assert story["came_in"]["request_id"] == "r-7"
    assert story["quarantine"] == {"reason": "vehicleId: invalid", "resolved_by": None}
    rows = await postroad(folder, "events", "tail")
    assert [(row["kind"], row.get("unreadable")) for row in rows] == [
        ("car_odometer_km", None),
        ("unreadable", "vehicleId: invalid"),
    ]


async def test_what_still_cannot_be_read_stays(folder: Bulks) -> None:
    await folder.post([BAD])
    task = await redrive(folder)
    assert (task.status, task.items) == ("COMPLETED", 0)
    assert [one.resolved_by for one in await folder.quarantined()] == [None]
    assert len(await folder.stored()) == 1


async def test_what_is_dropped_is_listed_no_more_and_the_rest_is(folder: Bulks) -> None:
    await folder.post([BAD, event(1), BAD | {"id": 9}])
    assert "say which items to drop" in (await refused(folder, "quarantine", "drop"))
    kept, gone = [one.position for one in await folder.quarantined()]
    done = await postroad(folder, "quarantine", "drop", f"0:{gone}")
    assert (done["status"], done["dropped"]) == ("COMPLETED", 1)
    assert [one.position for one in await folder.quarantined()] == [kept]
    assert (await postroad(folder, "quarantine", "drop", "--all"))["dropped"] == 1
    assert len(await folder.stored()) == 3


async def test_what_can_be_read_now_becomes_a_new_item_that_names_its_cause(
    folder: Bulks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await folder.post([event(1), BAD, {"bad": 2}])
    taught(monkeypatch)
    assert (await redrive(folder)).items == 1
    first, second = await folder.quarantined()
    assert (first.resolved_by, second.resolved_by) == (4, None)
    *_, batch = await folder.batches()
    assert (batch.position, batch.key, json.loads(batch.body)) == (4, b"redrive 2", BAD)
    view = folder.hub.parts.following.view
    assert view.identifiers[1, connected_cars.VEHICLE, "77"] == batch.subjects[0]
    assert (await redrive(folder)).items == 0, "once is enough"
    assert len(await folder.stored()) == 4


async def test_only_what_is_named_is_read_again(folder: Bulks, monkeypatch: pytest.MonkeyPatch) -> None:
    await folder.post([BAD, BAD | {"id": 2}])
    await folder.post([BAD | {"id": 3}], provider="strict")
    taught(monkeypatch)
    assert (await redrive(folder, items=[(0, 2)])).items == 1
    assert [one.resolved_by is not None for one in await folder.quarantined()] == [False, True, False]
    strict = next(p.id for p in folder.hub.parts.following.view.providers.values() if p.name == "strict")
    assert (await redrive(folder, provider_id=strict)).items == 1
    assert [one.resolved_by is not None for one in await folder.quarantined()] == [False, True, True]


async def test_the_command_waits_for_the_hub_and_says_what_it_did(folder: Bulks) -> None:
    await folder.post([BAD])
    done = await postroad(folder, "quarantine", "redrive", "0:1", "--provider", "streams")
    assert (done["status"], done["redriven"]) == ("COMPLETED", 0)
    await folder.hub.stop()
    assert (await postroad(folder, "quarantine", "redrive", "--wait-s", "0"))["status"] == "PENDING"
    await folder.start()


async def test_a_message_of_the_other_feed_is_taken_when_a_person_says_so(folder: Bulks) -> None:
    ignition = {"type": "ignition_on", "carId": "c", "time": "2026-01-01T12:30:10Z"}
    await folder.post([ignition], path=ACCOUNT, provider="older")
    assert (await redrive(folder)).items == 1
    assert (await folder.post([ignition], path=CAR, provider="older"))[0] == 200
    assert len(await folder.stored()) == 2, "it is known by its key then"


async def test_the_state_and_the_router_pass_over_what_cannot_be_read(folder: Bulks) -> None:
    await folder.post([BAD, event(1), BAD | {"id": 5}])
    await folder.hub.stop()
    await folder.start()
    await folder.post([event(2)])
    assert [vehicle.readings["odometer_km"][0] for vehicle in folder.hub.parts.states[0].known.vehicles.values()] == [2]


async def test_an_item_in_quarantine_says_nothing_even_if_it_could_be_read_today(
    folder: Bulks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await folder.post([BAD])
    taught(monkeypatch)
    [batch] = await folder.batches()
    parts = folder.hub.parts
    assert BatchTranslation(batch, parts.decoder, {}, parts.following.view).events(0) == ()


async def test_what_was_erased_comes_back_by_no_way(folder: Bulks, monkeypatch: pytest.MonkeyPatch) -> None:
    await folder.post([event(1), event(2) | {"vehicleId": 77}])
    await folder.post([BAD])
    receipt = await postroad(folder, "erase", "vehicle", "77")
    assert (receipt["state"], receipt["items"]) == ("erased", 1)
    before = await folder.stored()
    status, _ = await folder.post([event(3) | {"vehicleId": 77}, event(4), event(2) | {"vehicleId": 77}])
    taught(monkeypatch)
    assert (await redrive(folder)).items == 0
    assert (status, len(await folder.stored())) == (200, len(before) + 1)
    view = folder.hub.parts.following.view
    assert (1, connected_cars.VEHICLE, "77") not in view.identifiers
    assert [one.resolved_by for one in await folder.quarantined()] == [None]

"""A driver, vehicle or trip that was erased is in no file any more, is told of, and does not come back."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec import structs

from fixtures.drivequant_hub import DriveQuantHub, crash, driver_deleted, trip, trip_deleted
from fixtures.drivetech import sample
from fixtures.leftovers import leftovers
from fixtures.site import soon
from postroad import layout, service
from postroad.cli.main import cli
from postroad.delivery import attempts
from postroad.erasure import eraser
from postroad.errors import ConfigError, NotFound, StoreUnavailable
from postroad.log import erasure
from postroad.log.delivery import Changes, Posted
from postroad.log.interface import ERASED, UNASSIGNED, Refusal
from postroad.protocols import TARGETS
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.routing.translation import BatchTranslation
from postroad.settings import FILE_NAME

DRIVER = "ada-4711-lovelace"
TRIP = "5f0c2a61-trip-of-ada"
PLATE = "KXRT41"


@pytest.fixture(autouse=True)
def _nothing_lingers(monkeypatch: pytest.MonkeyPatch, dq_hub: DriveQuantHub) -> None:
    """And the folder can be used by commands."""
    monkeypatch.setattr(eraser, "LINGER_US", 0)
    (dq_hub.folder / FILE_NAME).touch()


def erase(dq: DriveQuantHub, *arguments: str) -> Any:
    done = CliRunner().invoke(
        cli,
        [
            "erase",
            *arguments,
            "--json",
            "--data",
            str(dq.folder),
            *(["--wait-s", "15"] if arguments[0] not in {"show", "list", "allow-again"} else []),
        ],
    )
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


async def finished(dq: DriveQuantHub) -> Any:
    """The newest erasure, once it is done."""

    async def done() -> bool:
        await dq.hub.parts.erasing.run_once()
        return dq.registry.erasures()[0].state == "done"

    await soon(done)
    return dq.registry.erasures()[0]


async def nothing_to_do(*_: object, **__: object) -> None:
    """In place of ``Eraser._next``: the hub leaves erasures as they are."""


async def shape(dq: DriveQuantHub) -> list[tuple[int, int, list[bytes]]]:
    return [(batch.position, batch.end, list(batch.items())) for batch in await dq.batches()]


async def cursors(dq: DriveQuantHub) -> dict[int, int]:
    found = await dq.hub.parts.logs[0].delivery.cursors()
    return {id_: cursor.position for id_, cursor in found.items()}


async def drive(dq: DriveQuantHub, plate: str = PLATE, **changes: Any) -> int:
    _, token = dq.registry.issue_token("gps", "test")
    await soon(lambda: asyncio.to_thread(_knows, dq))
    url, headers = dq.url("/provider/event/new/"), {"Authorization": f"Bearer {token}"}
    async with dq.session.post(url, json=sample(plate=plate, **changes), headers=headers) as response:
        await response.read()
        return response.status


def never(*_: Any, **__: Any) -> Any:
    """In the place of what the hub does not come to any more."""
    raise StoreUnavailable("io", "killed here")


def _knows(dq: DriveQuantHub) -> bool:
    return dq.hub.parts.following.view.version == dq.registry.version()


async def test_a_driver_who_is_deleted_is_told_of_and_then_is_in_no_file_any_more(dq: DriveQuantHub) -> None:
    for number in range(3):
        assert await dq.say("trip", trip(f"t{number}", driver=DRIVER, firstname="Ada")) == 200
        assert await dq.say("trip", trip(f"b{number}", driver="bob")) == 200
    assert await dq.say("crash", crash("c1", driver=DRIVER)) == 200
    await dq.until(lambda: len(dq.received) == 7)
    driver = dq.driver(DRIVER)
    before = await shape(dq)
    assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
    await dq.until(lambda: len(dq.received) == 8)
    done = await finished(dq)
    assert leftovers(dq.folder, DRIVER) == []
    after = await shape(dq)
    assert [place[:2] for place in after[:-1]] == [place[:2] for place in before]
    kept = [[b""] if DRIVER.encode() in items[0] else items for _, _, items in before]
    assert [items for _, _, items in after] == [*kept, [b""]]
    assert sum(items == [b""] for items in kept) == 4
    assert {batch.kinds[0] for batch in await dq.batches() if batch.subjects[0] == UNASSIGNED} == {ERASED}
    assert done.receipt.items == 5, "the word of the deletion, too"
    [receiver] = done.receipt.receivers
    assert (receiver.subscription, receiver.events, receiver.notice) == ("drivers", 4, "told")
    assert (done.kind, done.asked_by, done.subject_id, done.sealed) == ("driver", "provider", driver, None)


async def test_what_comes_of_the_erased_is_confirmed_and_not_stored_not_even_after_a_restart(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
    await finished(dq)
    before = await shape(dq)
    for again in (False, True):
        if again:
            await dq.stop()
            await dq.start()
        assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
        assert await dq.say("trip", trip("t2", driver=DRIVER)) == 200
        assert await dq.say("crash", crash("c9", driver=DRIVER)) == 200
        assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
        assert await shape(dq) == before
    assert sum(dq.hub.parts.counts.deleted.values.values()) == 3
    assert leftovers(dq.folder, DRIVER) == []
    assert len(dq.registry.erasures()) == 1


async def test_who_is_allowed_again_is_taken_in_as_somebody_new_and_the_receipt_stays(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    first = dq.driver(DRIVER)
    assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
    done = await finished(dq)
    shown = await asyncio.to_thread(erase, dq, "allow-again", str(done.id))
    assert shown["allowed_again"] is not None
    with pytest.raises(NotFound, match="allowed again already"):
        await asyncio.to_thread(erase, dq, "allow-again", str(done.id))
    await soon(lambda: asyncio.to_thread(_knows, dq))
    before = len(await shape(dq))
    assert await dq.say("trip", trip("t2", driver=DRIVER)) == 200
    assert len(await shape(dq)) == before + 1
    assert dq.driver(DRIVER) != first
    assert dq.registry.erasure(done.id).receipt.items == done.receipt.items
    assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
    again = await finished(dq)
    assert leftovers(dq.folder, DRIVER) == []
    assert (again.id, again.digest) == (done.id + 1, done.digest)
    assert await dq.say("trip", trip("t3", driver=DRIVER)) == 200
    assert {batch.kinds[0] for batch in await dq.batches()} == {ERASED}


async def test_what_is_not_erased_yet_cannot_be_allowed_again(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    with monkeypatch.context() as patched:
        patched.setattr(eraser.Eraser, "_next", nothing_to_do)
        assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
        with pytest.raises(NotFound, match="no erasure 77"):
            await asyncio.to_thread(erase, dq, "allow-again", "77")
        with pytest.raises(ConfigError, match="not done yet"):
            await asyncio.to_thread(erase, dq, "allow-again", "1")
    await finished(dq)
    assert (await asyncio.to_thread(erase, dq, "allow-again", "1"))["allowed_again"] is not None


async def test_a_trip_that_is_deleted_goes_and_the_drivers_other_trips_stay(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip(TRIP, driver=DRIVER)) == 200
    assert await dq.say("trip", trip(TRIP, driver=DRIVER, firstname="again")) == 200
    assert await dq.say("trip", trip("another", driver=DRIVER, note=TRIP + "-of-another")) == 200
    assert await dq.say("trip_deleted", trip_deleted(TRIP)) == 200
    await dq.until(lambda: len(dq.received) == 4)
    done = await finished(dq)
    assert leftovers(dq.folder, f'"{TRIP}"', f"/{TRIP}") == []
    kept = [items for _, _, items in await shape(dq)]
    assert [bool(item) for [item] in kept] == [False, False, True, False]
    [receiver] = done.receipt.receivers
    assert (receiver.events, receiver.notice, done.receipt.items) == (2, "told", 3)
    before = await shape(dq)
    assert await dq.say("trip", trip(TRIP, driver=DRIVER)) == 200
    assert await dq.say("trip_deleted", trip_deleted(TRIP)) == 200
    assert await shape(dq) == before


async def test_a_trip_that_the_operator_erases_is_told_of_in_its_providers_words(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip(TRIP, driver=DRIVER)) == 200
    assert await dq.say("crash", crash("c1", driver=DRIVER)) == 200
    await dq.until(lambda: len(dq.received) == 2)
    await asyncio.to_thread(erase, dq, "trip", TRIP, "--provider", "dq")
    await dq.until(lambda: len(dq.received) == 3)
    assert (dq.received[2]["itinId"], dq.received[2]["event"]) == (TRIP, "TRIP_DELETION")
    done = await finished(dq)
    assert leftovers(dq.folder, TRIP) == []
    assert [(one.events, one.notice) for one in done.receipt.receivers] == [(1, "told")]
    before = await shape(dq)
    assert await dq.say("trip", trip(TRIP, driver=DRIVER)) == 200
    assert await shape(dq) == before
    with pytest.raises(NotFound, match="erased already"):
        await asyncio.to_thread(erase, dq, "trip", TRIP, "--provider", "dq")


async def parked(dq: DriveQuantHub, *trips: dict[str, Any]) -> Any:
    """Have the customer refuse each of these trips, and wait until they wait; give the store of deliveries."""
    dq.status = 400
    for one in trips:
        assert await dq.say("trip", one) == 200
        await dq.attempted()
    store = dq.hub.parts.logs[0].delivery

    async def all_wait() -> bool:
        return len(await store.parked(1)) == len(trips)

    await soon(all_wait)
    return store


async def test_what_waits_for_customers_goes_and_cursors_stay(dq: DriveQuantHub) -> None:
    store = await parked(dq, trip(f"t-{DRIVER}", driver=DRIVER), trip("t-bob", driver="bob"))
    first, second = await store.parked(1)
    before = await cursors(dq)
    dq.status = 200
    receipt = await asyncio.to_thread(erase, dq, "driver", DRIVER)
    assert receipt["state"] != "asked"
    assert [letter.id for letter in await store.parked(1) if letter.position <= second.position] == [second.id]
    assert (await cursors(dq))[1] >= before[1]
    await dq.until(lambda: any(one.get("event") == "DRIVER_DELETION" for one in dq.received))
    done = await finished(dq)
    assert [(one.events, one.notice) for one in done.receipt.receivers] == [(0, "told")]
    assert leftovers(dq.folder, DRIVER) == []
    assert first.id not in [letter.id for letter in await store.parked(1)]


@pytest.mark.parametrize("comes_back", [True, False])
async def test_the_word_of_it_waits_for_a_customer_who_is_away_but_not_for_ever(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch, comes_back: bool
) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    await dq.until(lambda: len(dq.received) == 1)
    await asyncio.to_thread(dq.registry.set_subscription_state, "drivers", "paused")
    await soon(lambda: not dq.hub.parts.manager.deliveries(1))
    assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
    for _ in range(2):
        await dq.hub.parts.erasing.run_once()
    [asked] = dq.registry.erasures()
    assert (asked.state, [one.notice for one in asked.receipt.receivers]) == ("erased", ["under_way"])
    assert [bool(items[0]) for _, _, items in await shape(dq)] == [False, True], "only the word of it is left"
    if comes_back:
        await asyncio.to_thread(dq.registry.set_subscription_state, "drivers", "active")
        await dq.until(lambda: len(dq.received) == 2)
        assert dq.received[1]["event"] == "DRIVER_DELETION"
    else:
        monkeypatch.setattr(eraser, "NOTICES_WITHIN_US", 0)
    done = await finished(dq)
    assert [one.notice for one in done.receipt.receivers] == ["told" if comes_back else "given_up"]
    assert leftovers(dq.folder, DRIVER) == []


async def test_a_delivery_that_runs_holds_nothing_of_the_erased_in_memory(dq: DriveQuantHub) -> None:
    """An item of somebody whom nobody erased, so that his stream goes on; but it names who was, whom nobody had."""
    dq.declare('{ids: ["bob"]}')
    for number in range(9):  # so that no position is a subject's number
        assert await dq.say("trip", trip(f"e{number}", driver="eve")) == 200
    dq.status = 400
    assert await dq.say("trip", trip("t0", driver=DRIVER)) == 200
    assert await dq.say("trip", trip("t1", driver="bob", companion=DRIVER)) == 200
    await dq.attempted()

    def held() -> list[int]:
        delivery: Any = dq.hub.parts.manager.deliveries(1)[0]
        return [entry.letter.subject_id for entry in delivery._unsettled.parking.all()]

    bob = dq.driver("bob")
    await soon(lambda: bob in held())
    dq.status = 200
    await asyncio.to_thread(erase, dq, "driver", DRIVER)
    await finished(dq)
    assert held() == []
    assert await dq.say("trip", trip("t2", driver="bob")) == 200
    await dq.until(lambda: any(one.get("itinId") == "t2" for one in dq.received))
    assert [one["itinId"] for one in dq.received] == ["t2"]
    assert leftovers(dq.folder, DRIVER) == []


async def test_a_vehicle_is_erased_from_reports_state_quarantine_and_refusals(dq: DriveQuantHub) -> None:
    for number in range(5):
        assert await drive(dq, datetime=f"2026-07-02T14:03:0{number}.000Z") == 200
        assert await drive(dq, "BBBB22", datetime=f"2026-07-02T14:03:0{number}.000Z") == 200
    log = dq.hub.parts.logs[0]
    log.refuse(Refusal(received_us=1, provider_id=2, protocol="drivetech", reason="x", body=b'{"plate": "kxrt-41"}'))
    before = await shape(dq)
    receipt = await asyncio.to_thread(erase, dq, "vehicle", "kxrt 41")
    assert (receipt["items"], receipt["refusals"], receipt["state_removed"]) == (5, 1, 1)
    done = await finished(dq)
    assert leftovers(dq.folder, PLATE, "kxrt-41") == []
    assert [place[:2] for place in await shape(dq)] == [place[:2] for place in before]
    assert b"".join(item for _, _, items in await shape(dq) for item in items).count(b"BBBB22") == 5
    before = await shape(dq)
    assert await drive(dq, datetime="2026-07-02T15:00:00.000Z") == 200
    assert await drive(dq, datetime="2026-07-02T14:03:01.000Z") == 200
    assert await shape(dq) == before
    assert leftovers(dq.folder, PLATE) == []
    assert done.receipt.receivers == ()


async def test_readers_of_the_log_find_nothing_in_a_tombstone_and_say_so(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    assert await dq.say("trip", trip("t2", driver="bob")) == 200
    await dq.until(lambda: len(dq.received) == 2)
    await asyncio.to_thread(erase, dq, "driver", DRIVER)

    def run(*arguments: str) -> list[Any]:
        done = CliRunner().invoke(cli, [*arguments, "--json", "--data", str(dq.folder)], catch_exceptions=False)
        return [json.loads(line) for line in done.stdout.splitlines()] if arguments[0] == "events" else [done.stdout]

    tailed = await asyncio.to_thread(run, "events", "tail", "--body")
    assert [(row["kind"], row["vehicle"]) for row in tailed][:2] == [("erased", None), ("trip", "bob")]
    assert "body" not in tailed[0]
    explained = await asyncio.to_thread(run, "explain", str(1 << 6))
    assert "erased" in explained[0]
    parts = dq.hub.parts
    [batch] = await parts.logs[0].read(1, max_bytes=1)
    translation = BatchTranslation(batch, parts.decoder, TARGETS, parts.following.view)
    assert translation.events(0) == ()
    await dq.stop()
    for snapshot in dq.folder.glob("*.msgpack"):
        snapshot.unlink()
    await dq.start()
    assert dq.hub.parts.states[0].known.vehicles == {}


async def test_a_retired_vehicle_is_not_erased_and_can_be(dq: DriveQuantHub) -> None:
    assert await drive(dq) == 200
    with dq.registry.transaction() as change:
        change.connection.exec_driver_sql("UPDATE subjects SET removed_us = 1 WHERE kind = 'vehicle'")
        change.touched = True
    assert leftovers(dq.folder, PLATE) != []
    await asyncio.to_thread(erase, dq, "vehicle", PLATE)
    await finished(dq)
    assert leftovers(dq.folder, PLATE) == []


async def test_a_dry_run_says_what_would_go_and_changes_nothing(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    version = dq.registry.version()
    told = await asyncio.to_thread(erase, dq, "driver", DRIVER, "--dry-run")
    assert (told["items"], told["subscriptions_that_had_access"]) == (1, ["drivers"])
    told = await asyncio.to_thread(erase, dq, "trip", "t1", "--provider", "dq", "--dry-run")
    assert told["items"] == 1
    assert (dq.registry.version(), dq.registry.erasures()) == (version, [])


@pytest.mark.parametrize("at", ["search", "log", "letters", "registry", "scrub"])
async def test_an_erasure_that_is_ended_at_any_point_goes_on_after_a_restart(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    for number in range(3):
        assert await dq.say("trip", trip(f"t{number}", driver=DRIVER)) == 200
    await dq.until(lambda: len(dq.received) == 3)
    parts = dq.hub.parts
    real = parts.logs[0].erase

    async def not_letters(erasing: Any) -> Any:
        if erasing.letters_only:
            never()
        return await real(erasing)

    broken: dict[str, Callable[[], None]] = {
        "search": lambda: monkeypatch.setattr(parts.logs[0], "read", never),
        "log": lambda: monkeypatch.setattr(parts.logs[0], "erase", never),
        "letters": lambda: monkeypatch.setattr(parts.logs[0], "erase", not_letters),
        "registry": lambda: monkeypatch.setattr(eraser.traces, "remove", never),
        "scrub": lambda: monkeypatch.setattr(eraser.RegistryStore, "scrub", never),
    }
    with monkeypatch.context() as patched:
        patched.setattr(eraser.Eraser, "_next", nothing_to_do)
        assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
        await dq.until(lambda: len(dq.received) == 4)
    broken[at]()
    await parts.erasing.run_once()
    assert dq.registry.erasures()[0].state != "done"
    monkeypatch.undo()
    monkeypatch.setattr(eraser, "LINGER_US", 0)
    await dq.stop()
    await dq.start()
    done = await finished(dq)
    assert leftovers(dq.folder, DRIVER) == []
    assert done.receipt.items == 4
    assert [(one.events, one.notice) for one in done.receipt.receivers] == [(3, "told")]


async def test_what_waits_of_somebody_else_goes_too_though_the_hub_ended_when_the_log_was_erased(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time nothing in the log says any more whose letter it was."""
    await parked(dq, trip("t1", driver="bob", companion=DRIVER))
    dq.status = 200
    assert await dq.say("trip", trip("t2", driver=DRIVER)) == 200
    await dq.until(lambda: len(dq.received) == 1)
    with monkeypatch.context() as patch:
        patch.setattr(erasure.Eraser, "_letters", never)
        assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
        await soon(lambda: dq.registry.erasures() != [])
        await dq.hub.parts.erasing.run_once()
    assert leftovers(dq.folder, DRIVER) != []
    await dq.stop()
    await dq.start()
    done = await finished(dq)
    assert leftovers(dq.folder, DRIVER) == []
    assert (done.receipt.items, done.receipt.letters) == (3, 1)


async def test_what_a_customer_answers_to_the_word_of_it_stays_in_no_record_of_attempts(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    await dq.until(lambda: len(dq.received) == 1)
    dq.status, dq.answer = 500, f"nobody is called {DRIVER} here".encode()
    await asyncio.to_thread(erase, dq, "driver", DRIVER)

    async def recorded() -> bool:
        await dq.hub.parts.attempts.flush()
        return leftovers(dq.folder, "nobody is called") != []

    await soon(recorded)
    monkeypatch.setattr(eraser, "NOTICES_WITHIN_US", 0)
    done = await finished(dq)
    assert [one.notice for one in done.receipt.receivers] == ["given_up"]
    assert leftovers(dq.folder, DRIVER) == []


async def test_an_answer_that_is_not_recorded_yet_is_recorded_without_it(
    dq_hub: DriveQuantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "FLUSH_S", 3600.0)
    dq = dq_hub
    await dq.start()
    dq.status, dq.answer = 400, f"nobody is called {DRIVER} here".encode()
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    await dq.attempted()
    dq.status, dq.answer = 200, b""
    await asyncio.to_thread(erase, dq, "driver", DRIVER)
    await finished(dq)
    await dq.stop()
    assert [one.detail for one in dq.registry.attempts() if not one.succeeded] == [""]
    assert leftovers(dq.folder, DRIVER) == []


async def test_the_receipt_names_the_backups_that_keep_it_and_nobody(dq: DriveQuantHub, tmp_path: Path) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    for name, more in (("weekly", ["--kept-days", "30"]), ("yearly", [])):
        backup = ["backup", str(tmp_path / name), *more, "--data", str(dq.folder)]
        await asyncio.to_thread(CliRunner().invoke, cli, backup, catch_exceptions=False)
    receipt = await asyncio.to_thread(erase, dq, "driver", DRIVER)
    assert [(Path(one["place"]).name, one["until"] is None) for one in receipt["backups"]] == [
        ("weekly", False),
        ("yearly", True),
    ]
    await finished(dq)
    shown = await asyncio.to_thread(erase, dq, "show", str(receipt["erasure"]))
    assert DRIVER not in json.dumps([shown, await asyncio.to_thread(erase, dq, "list")])
    assert len(shown["hash"]) == 32


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_of_a_subscription_that_is_removed_the_receipt_says_what_it_had_or_that_nobody_knows(
    dq: DriveQuantHub, is_forgotten: bool
) -> None:
    for number in range(2):
        assert await dq.say("trip", trip(f"t{number}", driver=DRIVER)) == 200
    await dq.until(lambda: len(dq.received) == 2)
    file = dq.folder / "declared.yaml"
    declared = file.read_text(encoding="utf-8").replace("name: drivers", "name: others")
    file.write_text(declared, encoding="utf-8")
    keys = KeyRing.load(dq.folder / layout.KEY_FILE)
    apply_file(dq.registry, file, catalogue=service.catalogue(), keys=keys, environment={}, prune=True)
    await soon(lambda: [one.name for one in dq.hub.parts.following.view.subscriptions.values()] == ["others"])
    if is_forgotten:
        await dq.hub.parts.retention.run_once()
    receipt = await asyncio.to_thread(erase, dq, "driver", DRIVER)
    told = {one["subscription"]: (one["removed"], one["events"], one["notice"]) for one in receipt["receivers"]}
    assert told["drivers"] == (True, None if is_forgotten else 2, "not_told")
    assert told["others"][:2] == (False, 0)
    shown = CliRunner().invoke(cli, ["erase", "show", "1", "--data", str(dq.folder)], catch_exceptions=False)
    assert ("nobody knows how many events" in shown.output) == is_forgotten


async def test_a_driver_whose_number_another_item_names_takes_that_item_along(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    assert await dq.say("trip", trip("t2", driver="bob", companion=DRIVER)) == 200
    assert await dq.say("trip", trip("t3", driver="bob", companion=DRIVER + "x")) == 200
    await asyncio.to_thread(erase, dq, "driver", DRIVER)
    assert [bool(items[0]) for _, _, items in await shape(dq)][:3] == [False, False, True]


async def test_a_dead_letter_of_the_erased_goes_though_its_subscription_stands_still(
    dq: DriveQuantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await parked(dq, trip("t1", driver=DRIVER))
    await asyncio.to_thread(dq.registry.set_subscription_state, "drivers", "paused")
    await soon(lambda: not dq.hub.parts.manager.deliveries(1))
    [first] = await store.parked(1)
    dead = structs.replace(first, dead_us=first.received_us, due_us=None, reason="rejected", detail=f"no {DRIVER}")
    await store.settle(1, 1, Changes(posted=[Posted(dead)]))
    receipt = await asyncio.to_thread(erase, dq, "driver", DRIVER)
    assert receipt["letters"] == 1
    monkeypatch.setattr(eraser, "NOTICES_WITHIN_US", 0)
    await finished(dq)
    assert leftovers(dq.folder, DRIVER) == []


def audited(dq: DriveQuantHub) -> Any:
    done = CliRunner().invoke(cli, ["audit", "--json", "--data", str(dq.folder)], catch_exceptions=False)
    assert done.exit_code == 0
    [one] = json.loads(done.stdout)
    return one


async def test_an_audit_after_an_erasure_finds_no_gap_and_says_what_it_cannot_prove_any_more(dq: DriveQuantHub) -> None:
    for driver in (DRIVER, "bob"):
        for number in range(2):
            assert await dq.say("trip", trip(f"{driver}-{number}", driver=driver)) == 200
    await dq.until(lambda: len(dq.received) == 4)
    assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200
    await dq.until(lambda: len(dq.received) == 5)
    await finished(dq)
    one = await asyncio.to_thread(audited, dq)
    assert (one["gaps"], one["outcomes"]) == ([], {"delivered": 2})
    [told] = one["unproven"]
    assert (told["why"], told["outcome"], told["recorded"]) == ("erased", "delivered", 5)


async def test_what_had_waited_when_it_was_erased_is_accounted_for_as_erased(dq: DriveQuantHub) -> None:
    store = await parked(dq, trip(f"t-{DRIVER}", driver=DRIVER), trip("t-bob", driver="bob"))
    await asyncio.to_thread(dq.registry.set_subscription_state, "drivers", "paused")
    await soon(lambda: not dq.hub.parts.manager.deliveries(1))  # which would skip it itself, for access had ended
    receipt = await asyncio.to_thread(erase, dq, "driver", DRIVER)
    assert [one["events"] for one in receipt["receivers"]] == [0]
    [erased] = [skip for skip in await store.skips(1) if skip.reason == "erased"]
    assert (erased.first, erased.end, erased.events) == (1, 2, 1)
    one = await asyncio.to_thread(audited, dq)
    assert (one["gaps"], one["unproven"]) == ([], [])
    explain = ["explain", "0:1", "--json", "--data", str(dq.folder)]
    told = json.loads((await asyncio.to_thread(CliRunner().invoke, cli, explain, catch_exceptions=False)).stdout)
    assert [(route["verdict"], route["skips"]) for route in told["routes"]] == [("erased", ["erased"])]

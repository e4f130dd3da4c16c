"""The audit log of a hub that erases: what was done stays, of whom is in no file any more, and the chain holds."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.drivequant_hub import DriveQuantHub, driver_deleted, trip, trip_deleted
from fixtures.graphql_site import GraphQLSite, subscription
from fixtures.site import soon
from postroad.erasure import eraser
from postroad.registry import erasures
from postroad.registry.audit_log import Wanted
from postroad.registry.store import RegistryStore

PLATE = "KXRT41"
DRIVER = "ada-4711-lovelace"
TRIP = "5f0c2a61-trip-of-ada"


@pytest.fixture(autouse=True)
def _nothing_lingers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eraser, "LINGER_US", 0)


def holding(folder: Path, secret: str) -> list[str]:
    """The registry's files that hold a text; copied by a process that has nothing open."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    subprocess.run(["cp", *map(str, folder.glob("registry.db*")), str(copy)], check=True)
    return [one.name for one in copy.iterdir() if secret.encode().lower() in one.read_bytes().lower()]


def verified(store: RegistryStore) -> bool:
    return store.audit_log.verify() == store.audit_log.head()


async def test_what_was_done_to_an_erased_vehicle_stays_and_its_plate_is_in_no_file(graphql_site: GraphQLSite) -> None:
    site = graphql_site
    site.declare({PLATE: "F", "BBBB22": "F"}, [subscription("positions", {"plates": [PLATE]}), subscription("chosen")])
    await site.start()
    site.give(PLATE)
    site.give("BBBB22")
    site.add(PLATE, to="chosen", reference=f"https://customer.example/{PLATE}")
    await site.seen()
    vehicle_id, noted = site.id(PLATE), site.store.audit_log.head()
    before = site.store.audit_log.listed(Wanted(subject_id=vehicle_id))
    assert holding(site.folder, PLATE) != []
    with site.store.transaction() as change:
        erasure_id = erasures.ask_subject(change, site.keys, vehicle_id, by="operator")
    assert erasure_id is not None

    async def gone() -> bool:
        await site.hub.parts.erasing.run_once()
        return site.store.erasure(erasure_id).state != "asked"

    await soon(gone)
    await site.hub.stop()
    with site.store.transaction() as change:  # what the operator has to take out himself stands in his file still
        change.connection.exec_driver_sql("UPDATE subscriptions SET vehicles = '{}'")
    site.store.scrub()
    assert holding(site.folder, PLATE) == []
    assert site.store.audit_log.verify(noted) == site.store.audit_log.head()
    after = site.store.audit_log.listed(Wanted(subject_id=vehicle_id))
    assert [entry.number for entry in after if entry.number <= noted.number] == [entry.number for entry in before]
    assert {(entry.action, entry.kind) for entry in before} == {
        ("create", "vehicle"),
        ("create", "grant"),
        ("create", "stream"),
    }
    for entry in after:
        assert (entry.what is None) == (entry.kind != "erasure")
        assert entry.who is not None
        assert entry.what_gone in (f"erasure/{erasure_id}", None)
    kept = site.store.audit_log.listed(Wanted(subject_id=site.id("BBBB22")))
    assert all(entry.what is not None for entry in kept)


async def test_what_a_provider_has_deleted_is_an_entry_and_names_nobody(dq: DriveQuantHub) -> None:
    assert await dq.say("trip", trip("t1", driver=DRIVER)) == 200
    assert await dq.say("trip", trip(TRIP, driver="bob")) == 200
    assert await dq.say("trip_deleted", trip_deleted(TRIP)) == 200
    assert await dq.say("driver_deleted", driver_deleted(DRIVER)) == 200

    async def done() -> bool:
        await dq.hub.parts.erasing.run_once()
        return {one.state for one in dq.registry.erasures()} == {"done"}

    await soon(done)
    entries = [entry for entry in dq.registry.audit_log.listed() if entry.origin in ("provider", "hub")]
    assert {(entry.origin, entry.action, entry.kind) for entry in entries} >= {
        ("provider", "delete", "document"),
        ("provider", "delete", "driver"),
        ("provider", "create", "erasure"),
        ("hub", "complete", "erasure"),
    }
    assert {entry.who.name for entry in entries if entry.origin == "provider" and entry.who} == {"provider dq"}
    assert verified(dq.registry)
    assert holding(dq.folder, DRIVER) == [] == holding(dq.folder, TRIP)

"""Tasks: an integration's own, the operator's, and cancelling them."""

import pytest

from fixtures.ops_site import OpsSite, refused_alike
from postroad.delivery.meant import Meant, Part
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task, TaskType


@pytest.fixture(autouse=True)
def nothing_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RegistryStore, "next_task", lambda _store, **_: None)


def add(ops: OpsSite, type_: TaskType, *, whose: str | None = None, subscription: str = "claims") -> Task:
    meant = Meant(parts=(Part(ops.subscription(subscription)),), reasons=frozenset({"rejected"}))
    integration_id = None if whose is None else ops.integration_id(whose)
    return ops.store.add_task(type_, filter_=meant.stored(), integration_id=integration_id)


async def test_a_task_is_shown_with_which_events_it_is_about(ops: OpsSite) -> None:
    task = add(ops, "REDRIVE", whose="insurer")
    assert await ops.ok(f"/tasks/{task.id}", by="insurer") == {
        "id": task.id,
        "type": "REDRIVE",
        "status": "PENDING",
        "integration_id": ops.integration_id("insurer"),
        "about": {
            "subscriptions": ["claims"],
            "providers": [],
            "types": [],
            "subject_id": None,
            "since": None,
            "until": None,
            "reasons": ["rejected"],
            "event_ids": [],
            "items": [],
        },
        "created": (await ops.ok(f"/tasks/{task.id}"))["created"],
        "started": None,
        "completed": None,
        "done": 0,
        "remaining": None,
        "rate_per_s": None,
        "detail": "",
    }


async def test_an_integration_sees_its_own_tasks_and_cancels_no_other(ops: OpsSite) -> None:
    mine, other, operators = add(ops, "REDRIVE", whose="insurer"), add(ops, "REDRIVE", whose="rival"), add(ops, "DROP")
    ops.store.add_task("ERASE")
    assert [one["id"] for one in (await ops.ok("/tasks", by="insurer"))["items"]] == [mine.id]
    assert len(await ops.pages("/tasks")) == 4
    assert [one["id"] for one in (await ops.ok("/tasks", by="auditor of Nord"))["items"]] == [other.id]
    for path in ("", "/cancel"):
        ask = ops.post if path else ops.get
        assert refused_alike(
            *[await ask(f"/tasks/{id_}{path}", by="insurer") for id_ in (other.id, operators.id, "0" * 24)]
        )
    cancelled = await ops.post(f"/tasks/{mine.id}/cancel", by="insurer")
    assert (cancelled.status, cancelled.json["status"]) == (200, "CANCELED")
    assert [ops.store.task(id_).status for id_ in (other.id, operators.id)] == ["PENDING", "PENDING"]


async def test_who_only_reads_cancels_nothing(ops: OpsSite) -> None:
    task = add(ops, "REDRIVE", whose="insurer")
    for name in ("auditor", "auditor of Andes", "owner", "andes-gps"):
        assert (await ops.post(f"/tasks/{task.id}/cancel", by=name)).status == 404
    assert ops.store.task(task.id).status == "PENDING"


async def test_one_that_is_finished_stays_as_it_is(ops: OpsSite) -> None:
    task = add(ops, "DROP")
    ops.store.finish_task(task.id)
    assert (await ops.post(f"/tasks/{task.id}/cancel")).json["status"] == "COMPLETED"


async def test_pages_go_on_behind_the_last_one_though_several_are_of_one_instant(ops: OpsSite) -> None:
    with ops.store.transaction() as under_way:  # one instant
        inside = ops.store.within(under_way)
        made = {inside.add_task(type_).id for type_ in ("ERASE", "REDRIVE_QUARANTINE")}
    found = [one["id"] for one in await ops.pages("/tasks")]
    assert (len(found), set(found)) == (2, made)
    for wrong in ("Im5vIg", "Ijp4Ig", "IjEyMzQ1Njc4OTAxMjM0NTY3ODkwMTphIg"):
        assert (await ops.get(f"/tasks?cursor={wrong}")).status in (200, 400)
    assert (await ops.get("/tasks?cursor=Im5vIg")).status == 400

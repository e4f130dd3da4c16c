"""DriveQuant's monitoring calls: over real HTTP, of a real hub."""

import re
from typing import Any

import aiohttp
import pytest

from fixtures import site as site_module
from fixtures.site import Site, soon
from postroad.api import drivequant
from postroad.errors import StoreUnavailable
from postroad.log.delivery import Changes, Letter, LetterFilter, Posted
from postroad.protocols.drivequant.slots import SLOTS
from postroad.registry.store import RegistryStore

TRIPS, CRASHES = "/v1/enterprise/push/trips/failed/retry", "/v1/enterprise/push/crashes/failed/retry"
TASK = "/v1/enterprise/task/"
ALL_SERVICES = ", ".join(SLOTS)
SUBSCRIPTIONS = f"""\
          - {{{{name: pushes, protocol: drivequant, destination: webhook, types: [{ALL_SERVICES}], vehicles: all}}}}
      - name: rival
        destinations:
          - {{{{name: theirs, transport: https, config: {{{{url: "https://192.0.2.1/"}}}}}}}}
        subscriptions:
          - {{{{name: theirs, protocol: drivequant, destination: theirs, types: [{ALL_SERVICES}], vehicles: all}}}}
"""


class Calls:
    """The calls as a customer makes them; what it pushes is never accepted."""

    def __init__(self, site: Site, session: aiohttp.ClientSession) -> None:
        self._site = site
        self._session = session
        self.registry = site.registry
        self.key = self.registry.issue_integration_token("insurer", "")[1]
        self.rivals_key = self.registry.issue_integration_token("rival", "")[1]
        self.subscriptions = {s.name: s.id for s in self.registry.view().subscriptions.values()}

    async def __call__(self, method: str, path: str, key: str | None = "") -> tuple[int, Any]:
        headers = {"x-dq-enterprise-api-key": self.key if key == "" else key} if key is not None else {}
        url = f"http://127.0.0.1:{self._site.hub.port}{path}"
        async with self._session.request(method, url, headers=headers) as response:
            json = response.content_type == "application/json"
            return response.status, await response.json() if json else await response.text()

    async def retry(self, path: str, key: str = "") -> dict[str, Any]:
        status, answer = await self("POST", path, key)
        assert status == 200, answer
        assert isinstance(answer, dict)
        return answer

    async def finished(self, task_id: str, key: str = "") -> dict[str, Any]:
        await soon(lambda: self.registry.task(task_id).completed_us is not None)
        status, answer = await self("GET", TASK + task_id, key)
        assert status == 200
        assert isinstance(answer, dict)
        return answer

    async def bury(self, *slots: int, subscription: str = "pushes", first: int = 1) -> None:
        """A dead letter of each service."""
        posted = [
            Posted(
                Letter(
                    position=first + n, slot=slot, subject_id=1, size=2, received_us=1, stored_us=1, dead_us=5,
                    reason="rejected", status=422,
                ),
                b"{}",
            )
            for n, slot in enumerate(slots)
        ]  # fmt: skip
        store = self._site.hub.parts.logs[0].delivery
        await store.settle(self.subscriptions[subscription], 0, Changes(posted=posted))

    async def dead(self) -> set[tuple[str, int]]:
        """Subscription and slot of those that died long ago; what is refused anew has died just now."""
        names = {id_: name for name, id_ in self.subscriptions.items()}
        found = await self._site.hub.parts.logs[0].delivery.dead(LetterFilter(until_us=6))
        return {(names[one.subscription_id], one.letter.slot) for one in found}


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "DECLARATION", site_module.DECLARATION + SUBSCRIPTIONS)


@pytest.fixture
async def calls(site: Site, session: aiohttp.ClientSession) -> Calls:
    await site.hub.start()
    calls = Calls(site, session)
    await site.hub.parts.following.refresh()
    return calls


async def test_failed_trips_are_pushed_again_and_nothing_else_is(calls: Calls) -> None:
    await calls.bury(*SLOTS.values(), SLOTS["trip"])
    await calls.bury(SLOTS["trip"], subscription="theirs")
    await calls.bury(SLOTS["trip"], subscription="telemetry")
    answer = await calls.retry(TRIPS)
    assert answer.keys() == {"taskId", "nbItems"}
    assert re.fullmatch("[0-9a-f]{24}", answer["taskId"])
    assert answer["nbItems"] == 2
    task = await calls.finished(answer["taskId"])
    assert task.keys() == {"taskId", "createdAt", "completedAt", "type", "status", "nbItems", "nbRemainingItems"}
    date = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000"
    assert re.fullmatch(date, task["createdAt"])
    assert re.fullmatch(date, task["completedAt"])
    assert (task["taskId"], task["type"], task["status"]) == (answer["taskId"], "PUSH_FAILED_TRIPS", "COMPLETED")
    assert (task["nbItems"], task["nbRemainingItems"]) == (2, 0)
    others = {("pushes", slot) for slot in SLOTS.values()} - {("pushes", SLOTS["trip"])}
    assert await calls.dead() == others | {("theirs", SLOTS["trip"]), ("telemetry", SLOTS["trip"])}


async def test_failed_crashes_are_a_call_and_a_type_of_their_own(calls: Calls) -> None:
    await calls.bury(*SLOTS.values())
    answer = await calls.retry(CRASHES)
    task = await calls.finished(answer["taskId"])
    assert (task["type"], task["nbItems"]) == ("PUSH_FAILED_CRASHES", 1)
    assert await calls.dead() == {("pushes", slot) for slot in SLOTS.values()} - {("pushes", SLOTS["crash"])}


async def test_without_a_valid_key_nothing_is_answered_or_done(calls: Calls, site: Site) -> None:
    await calls.bury(SLOTS["trip"])
    token_id, revoked = calls.registry.issue_integration_token("insurer", "")
    calls.registry.revoke_token(token_id)
    await site.hub.parts.following.refresh()
    for key in (None, "nothing", revoked, site.token, "\xe9"):
        for method, path in (("POST", TRIPS), ("POST", CRASHES), ("GET", TASK + "0" * 24)):
            status, answer = await calls(method, path, key)
            assert status == 401
            assert answer == {"error": "the header x-dq-enterprise-api-key holds no API key that is valid here"}
    assert calls.registry.tasks() == []
    assert await calls.dead() == {("pushes", SLOTS["trip"])}


async def test_another_integrations_task_and_an_operators_are_answered_as_none(calls: Calls) -> None:
    task_id = (await calls.retry(TRIPS))["taskId"]
    operators = calls.registry.add_task("REDRIVE", filter_={"parts": []}).id
    own_redrive = calls.registry.add_task("DROP", filter_={"parts": []}, integration_id=1).id
    none = (404, {"error": "there is no such task"})
    assert await calls("GET", TASK + task_id, calls.rivals_key) == none
    assert await calls("GET", TASK + operators) == none
    assert await calls("GET", TASK + own_redrive) == none
    assert await calls("GET", TASK + "0" * 24) == none
    assert await calls("GET", TASK + "nothing") == none
    assert (await calls("GET", TASK + task_id))[0] == 200


async def test_while_one_is_not_finished_another_of_its_kind_is_a_conflict(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RegistryStore, "next_task", lambda *_, **__: None)  # the hub does not come round to it
    await calls.bury(SLOTS["trip"], SLOTS["trip"])
    task_id = (await calls.retry(TRIPS))["taskId"]
    assert await calls("POST", TRIPS) == (409, {"error": f"task {task_id} is not finished yet"})
    assert (await calls.retry(CRASHES))["nbItems"] == 0
    assert (await calls.retry(TRIPS, calls.rivals_key))["nbItems"] == 0, "somebody else's is no conflict"
    _, task = await calls("GET", TASK + task_id)
    assert (task["status"], task["nbItems"], task["nbRemainingItems"]) == ("PENDING", 2, 2)
    assert "completedAt" not in task
    calls.registry.cancel_task(task_id)
    _, task = await calls("GET", TASK + task_id)
    assert (task["status"], task["nbRemainingItems"], "completedAt" in task) == ("CANCELED", 2, False)


async def test_another_method_is_answered_405(calls: Calls) -> None:
    for method, path in (("GET", TRIPS), ("GET", CRASHES), ("PUT", TRIPS), ("POST", TASK + "0" * 24)):
        assert (await calls(method, path))[0] == 405


async def test_while_the_registry_cannot_be_used_it_is_500(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("locked", "in secret/path")

    monkeypatch.setattr(RegistryStore, "add_task", locked)
    monkeypatch.setattr(RegistryStore, "task", locked)
    for method, path in (("POST", TRIPS), ("GET", TASK + "0" * 24)):
        assert await calls(method, path) == (500, {"error": "it cannot be done now; try again later"})


async def test_of_a_paused_subscription_nothing_is_pushed(calls: Calls, site: Site) -> None:
    await calls.bury(SLOTS["trip"])
    calls.registry.set_subscription_state("pushes", "paused")
    await site.hub.parts.following.refresh()
    assert (await calls.retry(TRIPS))["nbItems"] == 0
    assert await calls.dead() == {("pushes", SLOTS["trip"])}


def test_the_paths_are_those_of_the_source_document() -> None:
    assert [retry.path for retry in drivequant.RETRIES] == [TRIPS, CRASHES]


async def test_while_the_registry_does_not_answer_no_key_is_taken_for_good_or_bad(site: Site, calls: Calls) -> None:
    site.hub.parts.following.confirmed.within_s = -1.0
    answers = [await calls("POST", TRIPS, key) for key in ("", "another")]
    assert [status for status, _ in answers] == [500, 500]
    assert answers[0] == answers[1]
    assert calls.registry.tasks() == []

"""Whoever asks for whatever there is: nothing of others is in any answer."""

import pytest

from fixtures.ops_site import OpsSite
from postroad.access.policy import ALLOWED
from postroad.access.principals import Role
from postroad.api.rest.resources import ROUTES

LISTS = ("/quarantine", "/attempts", "/dead-letters", "/tasks", "/alerts", "/erasures")
NORDS = (b"nord-gps", b"rival", b"spying", b"NN9999", b"Nord", b"northern secret")
INSURERS_NOT = (*NORDS, b"garage", b"repairs", b"andes-gps", b"southern secret")


async def everything(ops: OpsSite) -> list[str]:
    """Something of everything of both companies; the paths of what can be asked for."""
    paths = [*LISTS, *(f"{path}?limit=1" for path in LISTS)]
    for plate, by, text, names in (
        ("AA1111", "andes-gps", b"southern secret", ("claims", "repairs")),
        ("NN9999", "nord-gps", b"northern secret", ("spying",)),
    ):
        position = await ops.report(plate, by=by)
        paths += [f"/quarantine/{item}" for item in await ops.unreadable(text, by=by)]
        for name in names:
            letter = await ops.bury(name, position, plate=plate, body=b"body of " + name.encode())
            ops.failed(name, position)
            ops.store.raise_alert("destination_failing", str(ops.subscription(name)), f"alert of {name}")
            event = letter.split(":")[2]
            paths += [f"/dead-letters/{letter}", f"/events/{event}/explanation", f"/attempts?event_id={event}"]
            paths += [f"/dead-letters?subscription_id={ops.subscription(name)}"]
            paths += [f"/delivery-audit?subscription_id={ops.subscription(name)}"]
    for name in ("insurer", "garage", "rival"):
        made = await ops.post("/dead-letters/redrive", {}, by=name)
        paths.append(f"/tasks/{made.json['id']}")
    return [*paths, "/dead-letters/counts", *(f"/events/0:{n}/explanation" for n in range(ops.log.next_position))]


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("insurer", INSURERS_NOT),
        ("andes-gps", (*NORDS, b"claims", b"repairs", b"insurer", b"garage", b"AA1111")),
        ("auditor of Andes", NORDS),
        ("owner", (*NORDS, b"claims", b"insurer", b"southern secret", b"AA1111")),
        ("rival", (b"Andes", b"claims", b"repairs", b"insurer", b"garage", b"andes-gps", b"AA1111", b"secret")),
    ],
)
async def test_nothing_of_others_is_in_any_answer(ops: OpsSite, name: str, never: tuple[bytes, ...]) -> None:
    paths, answered = await everything(ops), 0
    for path in paths:
        answer = await ops.get(path, by=name)
        assert answer.status in (200, 404), (path, answer)
        answered += answer.status == 200
        for word in never:
            assert word not in answer.body, (path, word)
    assert answered >= len(LISTS) * 2


async def test_the_very_same_answers_say_it_all_to_the_operator(ops: OpsSite) -> None:
    """Or the test above could not fail."""
    answers = b"".join([(await ops.get(path)).body for path in await everything(ops)])
    for word in {*INSURERS_NOT, b"claims", b"insurer", b"AA1111"} - {b"rival", b"garage", b"insurer", b"Nord"}:
        assert word in answers, word


BODIES = {
    "redrive_quarantined_items": {},
    "drop_quarantined_items": {"all": True},
    "redrive_dead_letters": {},
    "drop_dead_letters": {"all": True},
    "create_erasure": {"kind": "vehicle", "name": "AA1111"},
    "preview_erasure": {"kind": "vehicle", "name": "AA1111"},
}
TAGS = {"quarantine", "dead-letters", "attempts", "events", "delivery-audit", "tasks", "alerts", "erasures"}
NOTHING = {"items": [], "next_cursor": None}
BY_ROLE = {
    Role.AUDITOR: "auditor",
    Role.FLEET_OWNER: "owner",
    Role.PROVIDER: "andes-gps",
    Role.INTEGRATION: "insurer",
}


async def test_who_may_not_do_it_at_all_is_answered_as_if_there_were_nothing(ops: OpsSite) -> None:
    position = await ops.report()
    [item] = await ops.unreadable(b"{}")
    letter = await ops.bury("claims", position)
    task = (await ops.post("/dead-letters/redrive", {}, by="insurer")).json["id"]
    erasure = (await ops.post("/erasures", {"kind": "vehicle", "name": "NN9999"})).json["id"]
    names = {"item": item, "letter": letter, "event": letter.split(":")[2], "task": task, "erasure": erasure}
    checked = 0
    for route in (one for one in ROUTES if one.tag in TAGS):
        path = route.path.format(**names)
        if route.id == "audit_deliveries":
            path += f"?subscription_id={ops.subscription('claims')}"
        for role, name in BY_ROLE.items():
            if route.may not in ALLOWED[role]:
                answer = await ops.ask(route.method, path, BODIES.get(route.id), by=name)
                empty = answer.status == 200 and answer.json in (NOTHING, {"letters": 0, "of": []})
                assert answer.status == 404 or empty, (route.id, name, answer)
                checked += 1
    assert checked >= 30

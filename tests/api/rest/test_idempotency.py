"""A request with an idempotency key is carried out once, and answered the same however often it is asked."""

import asyncio
from typing import Any

import aiohttp
import pytest

from fixtures.rest_site import RestSite
from postroad import layout
from postroad.clock import DAY_US
from postroad.registry import rotation
from postroad.registry.idempotency import KEPT_US

INSURER = "/organizations/Andes/integrations/insurer"
ROTATE = INSURER + "/subscriptions/positions/rotate-secret"


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    hook = {"name": "hook", "transport": "https", "config": {"url": "https://127.0.0.1:1/"}}
    positions = {"name": "positions", "protocol": "connected_cars", "destination": "hook", "types": ["gps_position"]}
    insurer = {"name": "insurer", "destinations": [hook], "subscriptions": [positions]}
    rest_site.apply({"organizations": [{"name": "Andes", "integrations": [insurer]}]})
    rest_site.tokens["another"] = rest_site.key("operator")
    await rest_site.start()
    return rest_site


def secrets(site: RestSite) -> int:
    """How many signing secrets there are."""
    return len(site.store.view().subscriptions[1].signing)


async def test_the_same_request_is_answered_the_same_and_changes_nothing_more(site: RestSite) -> None:
    first = await site.post(ROTATE, {"overlap_s": 60}, Idempotency_Key="k1")
    again = await site.post(ROTATE, {"overlap_s": 60}, Idempotency_Key="k1")
    assert first.status == 200
    assert first.json["secret"].startswith("whsec_")
    assert (again.status, again.body) == (first.status, first.body)
    assert secrets(site) == 1
    assert (await site.post(ROTATE, {"overlap_s": 60})).body != first.body


async def test_status_and_headers_come_again_too(site: RestSite) -> None:
    first = await site.put("/organizations/New", {}, Idempotency_Key="k1")
    again = await site.put("/organizations/New", {}, Idempotency_Key="k1")
    assert (first.status, again.status) == (201, 201)
    assert (again.body, again.etag, again.headers["Location"]) == (first.body, first.etag, first.headers["Location"])
    gone = [await site.delete("/organizations/New", Idempotency_Key="k2") for _ in range(2)]
    assert [(answer.status, answer.body) for answer in gone] == [(204, b"")] * 2


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", ROTATE, {"overlap_s": 61}, {}),
        ("POST", INSURER + "/subscriptions/positions/pause", None, {}),
        ("DELETE", "/organizations/Andes", None, {"If_Match": "*"}),
    ],
)
async def test_another_request_with_the_same_key_is_refused(
    site: RestSite, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    await site.post(ROTATE, {"overlap_s": 60}, Idempotency_Key="k1")
    version = site.store.version()
    refused = await site.ask(method, path, body, Idempotency_Key="k1", **headers)
    assert (refused.status, refused.kind) == (422, "idempotency-key-reused")
    assert site.store.version() == version


async def test_the_same_key_of_somebody_else_is_another(site: RestSite) -> None:
    answers = [
        await site.post(ROTATE, {"overlap_s": 60}, Idempotency_Key="k1", by=by) for by in ("operator", "another")
    ]
    assert answers[0].json["secret"] != answers[1].json["secret"]
    assert secrets(site) == 2


async def test_what_was_refused_is_not_kept(site: RestSite) -> None:
    assert (
        await site.put("/organizations/New/providers/gps", {"protocol": "drivetech"}, Idempotency_Key="k")
    ).status == 404
    await site.put("/organizations/New", {})
    made = await site.put("/organizations/New/providers/gps", {"protocol": "drivetech"}, Idempotency_Key="k")
    assert made.status == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\u00e4"])
async def test_a_key_that_is_none_is_refused(site: RestSite, key: str) -> None:
    assert (await site.post(ROTATE, {}, Idempotency_Key=key)).kind == "malformed-request"


async def test_while_the_first_is_under_way_the_second_is_told_so(site: RestSite) -> None:
    with site.store.transaction():  # so that the first waits for the registry
        first = asyncio.create_task(site.put("/organizations/New", {}, Idempotency_Key="k1"))
        async with asyncio.timeout(5):
            while not site.hub.parts.rest._keys_under_way:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0)
        second = await site.put("/organizations/New", {}, Idempotency_Key="k1")
    assert (second.status, second.kind, second.headers["Retry-After"]) == (409, "conflict", "1")
    assert (await first).status == 201
    assert (await site.put("/organizations/New", {}, Idempotency_Key="k1")).status == 201


async def test_who_was_not_told_what_became_of_it_gets_that_answer_of_the_next_hub(site: RestSite) -> None:
    """The change is durable, and the hub goes before it has answered."""
    committed = asyncio.Event()

    async def never() -> None:
        committed.set()
        await asyncio.Event().wait()

    site.hub.parts.rest._workers._refresh = never
    asked = asyncio.create_task(site.post(ROTATE, {}, Idempotency_Key="k1"))
    await committed.wait()
    asked.cancel()
    await site.session.close()
    await site.hub.stop()
    assert secrets(site) == 1
    async with aiohttp.ClientSession() as site.session:
        await site.start()
        answers = [await site.post(ROTATE, {}, Idempotency_Key="k1") for _ in range(2)]
    assert answers[0].json["secret"].startswith("whsec_")
    assert (answers[1].body, secrets(site)) == (answers[0].body, 1)


async def test_a_kept_answer_is_sealed_and_opens_with_a_newer_key(site: RestSite) -> None:
    first = await site.post(ROTATE, {}, Idempotency_Key="k1")
    with site.store.reading() as connection:
        ((digest, sealed, _),) = connection.exec_driver_sql("SELECT * FROM answered").all()
    assert first.json["secret"].encode() not in sealed
    assert len(digest) == 32
    rotation.rotate(site.folder / layout.KEY_FILE, site.store)
    assert rotation.retire_unused(site.folder / layout.KEY_FILE, site.store)
    assert (await site.post(ROTATE, {}, Idempotency_Key="k1")).body == first.body


async def test_an_answer_is_forgotten_after_a_day(site: RestSite) -> None:
    first = await site.post(ROTATE, {}, Idempotency_Key="k1")
    with site.store.transaction() as transaction:
        transaction.connection.exec_driver_sql(f"UPDATE answered SET created_us = created_us - {KEPT_US + 1}")
        now_us = transaction.now_us
    assert KEPT_US == DAY_US
    assert (await site.post(ROTATE, {}, Idempotency_Key="k1")).body != first.body
    assert site.store.prune_answered(now_us - KEPT_US) == 0  # it was replaced
    assert site.store.prune_answered(now_us + DAY_US) == 1

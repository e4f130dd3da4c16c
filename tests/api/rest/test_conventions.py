"""What holds for every request, whatever it is about."""

import asyncio
import json
from itertools import product
from typing import Any

import pytest

from fixtures.rest_site import RestSite
from postroad.api.rest.openapi import document
from postroad.api.rest.routes import MAX_BODY_BYTES

COMPANY = "/organizations/Andes"


@pytest.mark.parametrize("by", [None, "pit_nobody", "", "pat_AAAA"])
@pytest.mark.parametrize("path", ["/organizations", "/no/such/path", COMPANY])
async def test_who_is_not_known_is_told_nothing(site: RestSite, by: str | None, path: str) -> None:
    answer = await site.get(path, by=by)
    assert (answer.status, answer.kind) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_no_answer_may_be_stored_or_taken_for_something_else(site: RestSite) -> None:
    answers = [
        await site.get("/organizations"),
        await site.get("/openapi.json", by=None),
        await site.get("/no/such/path"),
        await site.get("/organizations", by=None),
        await site.put(COMPANY, {}),
        await site.delete("/organizations/Nord"),
        await site.post("/organizations"),
    ]
    assert [answer.status for answer in answers] == [200, 200, 404, 401, 200, 204, 405]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_document_is_what_the_code_declares(site: RestSite) -> None:
    answer = await site.get("/openapi.json", by=None)
    assert answer.json == json.loads(json.dumps(document()))


async def test_another_method_is_told_which_there_are(site: RestSite) -> None:
    answer = await site.post(COMPANY)
    assert (answer.status, answer.kind, answer.headers["Allow"]) == (
        405,
        "method-not-allowed",
        "DELETE, GET, HEAD, PUT",
    )
    assert (await site.ask("OPTIONS", COMPANY)).status == 405


async def test_head_is_get_without_the_body(site: RestSite) -> None:
    got, head = await site.get(COMPANY), await site.ask("HEAD", COMPANY)
    assert (head.status, head.body, head.etag) == (200, b"", got.etag)


@pytest.mark.parametrize(
    ("raw", "status", "kind"),
    [
        (b"", 400, "malformed-request"),
        (b"{", 400, "malformed-request"),
        (b'{"name": "\xff"}', 400, "malformed-request"),
        (b'{"name": "\\ud800"}', 400, "malformed-request"),
        (b"[" * 100_000, 400, "malformed-request"),
        (b"null", 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b'{"name": 1}', 422, "invalid"),
        (b'{"nmae": "Andes"}', 422, "invalid"),
        (b'{"name": "a\\u0000b"}', 422, "invalid"),
        (b"{" + b" " * MAX_BODY_BYTES + b"}", 413, "body-too-large"),
    ],
)
async def test_a_body_that_cannot_be_is_refused(site: RestSite, raw: bytes, status: int, kind: str) -> None:
    answer = await site.ask("PUT", COMPANY, raw=raw)
    assert (answer.status, answer.kind) == (status, kind)


async def test_a_body_of_another_type_is_415(site: RestSite) -> None:
    answer = await site.ask("PUT", COMPANY, raw=b"{}", Content_Type="text/plain")
    assert (answer.status, answer.kind) == (415, "unsupported-media-type")
    charset = await site.ask("PUT", COMPANY, raw=b"{}", Content_Type="Application/JSON; charset=utf-8")
    assert charset.status == 200


async def test_a_body_where_none_belongs_is_refused(site: RestSite) -> None:
    assert (await site.ask("DELETE", COMPANY, {})).kind == "malformed-request"


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=201", "limit=ten", "limit=1&limit=2", "what=1"),
        *("cursor=", "cursor=AAAA", "cursor=%ff", "cursor=" + "A" * 2000),
    ],
)
async def test_a_query_that_is_none_of_ours_is_400(site: RestSite, query: str) -> None:
    answer = await site.get(f"/organizations?{query}")
    assert (answer.status, answer.kind) == (400, "malformed-request")


async def test_a_field_that_is_wrong_is_named_by_its_pointer(site: RestSite) -> None:
    answer = await site.put(
        f"{COMPANY}/providers/gps", {"protocol": "drivetech", "settings": {"a/b~c": 1}, "unknown_vehicles": "create"}
    )
    assert (answer.status, answer.pointers) == (422, ["/settings/a~1b~0c"])
    answer = await site.post(f"{COMPANY}/vehicles", {"plate": "AA", "identifiers": {"connected_cars.vehicle": []}})
    assert (answer.status, answer.pointers) == (422, ["/identifiers/connected_cars.vehicle"])


# Entity tags.


async def test_who_has_the_representation_is_not_sent_it_again(site: RestSite) -> None:
    etag = (await site.get(COMPANY)).etag
    for shown in (etag, f'"other", W/{etag}', "*"):
        answer = await site.get(COMPANY, If_None_Match=shown)
        assert (answer.status, answer.body, answer.etag) == (304, b"", etag)
    assert (await site.get(COMPANY, If_None_Match='"other"')).status == 200


async def test_a_change_of_what_is_not_so_any_more_changes_nothing(site: RestSite) -> None:
    path = f"{COMPANY}/providers/gps"
    first = await site.put(path, {"protocol": "drivetech"})
    second = await site.put(path, {"protocol": "drivetech", "unknown_vehicles": "unassigned"}, If_Match=first.etag)
    assert second.status == 200
    version = site.store.version()
    for condition in (first.etag, f"W/{second.etag}", '"x"'):
        refused = await site.put(path, {"protocol": "drivetech"}, If_Match=condition)
        assert (refused.status, refused.kind) == (412, "precondition-failed")
        assert (await site.delete(path, If_Match=condition)).status == 412
    assert ((await site.get(path)).body, site.store.version()) == (second.body, version)
    assert (await site.delete(path, If_Match=f'"x", {second.etag}')).status == 204


async def test_a_change_may_ask_that_it_is_there_or_that_it_is_not(site: RestSite) -> None:
    path = f"{COMPANY}/providers/gps"
    assert (await site.put(path, {"protocol": "drivetech"}, If_Match="*")).status == 412
    assert (await site.put(path, {"protocol": "drivetech"}, If_None_Match="*")).status == 201
    assert (await site.put(path, {"protocol": "drivetech"}, If_None_Match="*")).status == 412
    assert (await site.put(path, {"protocol": "drivetech"}, If_Match="*")).status == 200


async def test_of_several_who_change_the_same_one_succeeds(site: RestSite) -> None:
    path = f"{COMPANY}/providers/gps"
    etag = (await site.put(path, {"protocol": "drivetech"})).etag
    settings = product(("lenient", "strict"), ("km/h", "mph", "kn", "m/s"))
    bodies = [{"protocol": "drivetech", "settings": {"profile": one, "speed_unit": unit}} for one, unit in settings]
    answers = await asyncio.gather(*(site.put(path, body, If_Match=etag) for body in bodies))
    assert sorted(answer.status for answer in answers) == [200] + [412] * 7
    (won,) = [body for body, answer in zip(bodies, answers, strict=True) if answer.status == 200]
    now: Any = (await site.get(path)).json
    assert (now["settings"], now["revision"]) == (won["settings"], 2)


# When it cannot be.


async def test_nothing_is_answered_while_it_is_not_certain_what_is_so(site: RestSite) -> None:
    site.hub.parts.following.confirmed.within_s = -1.0
    answer = await site.get("/organizations")
    assert (answer.status, answer.kind, answer.headers["Retry-After"]) == (503, "unavailable", "1")


async def test_a_caller_who_asks_too_often_is_told_when_to_come_back(rest_site: RestSite) -> None:
    await rest_site.start(rest_requests_per_s=0.001, burst_s=2000.0)
    other = rest_site.key("auditor")
    await rest_site.seen()
    statuses = [(await rest_site.get("/organizations")).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = await rest_site.get("/organizations")
    assert (answer.kind, int(answer.headers["Retry-After"]) > 0) == ("too-many-requests", True)
    assert (await rest_site.get("/organizations", by=other)).status == 200
    assert [(await rest_site.get("/organizations", by=None)).status for _ in range(3)] == [401, 401, 429]


async def test_what_fails_is_answered_and_tells_nothing(site: RestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("s3cret")

    monkeypatch.setattr("postroad.registry.apply.declared.Declared.organizations", broken)
    answer = await site.get("/organizations")
    assert (answer.status, answer.kind) == (500, "internal")
    assert b"s3cret" not in answer.body

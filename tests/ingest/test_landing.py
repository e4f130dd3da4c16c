"""The landing page believes the account feed only, in whichever order the two come."""

import asyncio
from typing import Any

import pytest

from fixtures.bulks import ACCOUNT, LANDING, Bulks
from postroad.clock import DAY_US
from postroad.registry import account_links

SIGNUP = {"type": "user_signup", "userId": "User-1", "cars": [{"carId": "Car-1"}, {"carId": "Car-2"}]}


async def visit(bulks: Bulks, query: str = "userId=user-1&carId=CAR-1") -> tuple[int, str, Any]:
    async with bulks.session.get(f"{bulks.url(LANDING)}?{query}") as response:
        return response.status, await response.text(), response.headers


async def feed(bulks: Bulks, *messages: Any) -> None:
    assert (await bulks.post(messages, path=ACCOUNT, provider="older"))[0] == 200


async def links(bulks: Bulks) -> list[tuple[str, str, bool, bool]]:
    """User, car, whether it is ended, whether its user came by."""
    found = await asyncio.to_thread(bulks.registry.account_links, 1)
    return [(one.user_id, one.car_id, one.until_us is not None, one.visited_us is not None) for one in found]


async def test_a_visit_before_the_feed_waits_for_it(bulks: Bulks) -> None:
    assert "Waiting for confirmation" in (await visit(bulks))[1]
    assert await links(bulks) == []
    await feed(bulks, SIGNUP)
    assert await links(bulks) == [("user-1", "car-1", False, True), ("user-1", "car-2", False, False)]
    assert "Your car is connected" in (await visit(bulks))[1]


async def test_a_visit_after_the_feed_is_connected_at_once(bulks: Bulks) -> None:
    await feed(bulks, SIGNUP | {"cars": []}, {"type": "car_add", "userId": "USER-1", "cars": [{"carId": "car-1"}]})
    assert "Your car is connected" in (await visit(bulks))[1]
    assert await links(bulks) == [("user-1", "car-1", False, True)]


async def test_a_visit_alone_links_nothing_whatever_it_claims(bulks: Bulks) -> None:
    await feed(bulks, SIGNUP)
    for claimed in ("userId=user-2&carId=car-1", "userId=user-1&carId=car-9", "userId=nobody&carId=nothing"):
        assert "Waiting for confirmation" in (await visit(bulks, claimed))[1]
    assert [one[2:] for one in await links(bulks)] == [(False, False), (False, False)]


async def test_every_pair_that_is_not_linked_gets_the_very_same_page(bulks: Bulks) -> None:
    await feed(bulks, SIGNUP)
    pages = {
        (await visit(bulks, query))[1]
        for query in ("userId=user-1&carId=x", "userId=x&carId=car-1", "userId=x&carId=x")
    }
    assert len(pages) == 1


async def test_the_feed_ends_what_it_has_linked(bulks: Bulks) -> None:
    await feed(bulks, SIGNUP, {"type": "car_remove", "userId": "user-1", "carId": "CAR-1"})
    assert "Waiting for confirmation" in (await visit(bulks))[1]
    await feed(bulks, {"type": "user_remove", "userId": "user-1"})
    assert all(ended for _, _, ended, _ in await links(bulks))
    await feed(bulks, SIGNUP)
    assert "Your car is connected" in (await visit(bulks))[1]
    assert [ended for _, _, ended, _ in await links(bulks)] == [True, True, False, False]


async def test_the_feed_saying_it_again_changes_nothing(bulks: Bulks) -> None:
    for _ in range(2):
        await feed(bulks, SIGNUP)
    assert len(await links(bulks)) == 2


@pytest.mark.parametrize(
    "query",
    ["", "userId=a", "carId=a", "userId=&carId=b", "userId=a&userId=b&carId=c", f"userId={'x' * 65}&carId=b",
     "userId=%C3%A6&carId=b", "userId=a%0Ab&carId=b", "userId=%FF&carId=b"],
)  # fmt: skip
async def test_a_link_that_is_not_whole_is_400_and_is_not_kept(bulks: Bulks, query: str) -> None:
    status, text, _ = await visit(bulks, query)
    assert (status, "not complete" in text) == (400, True)


async def test_the_page_echoes_nothing_runs_nothing_and_is_kept_by_nobody(bulks: Bulks) -> None:
    _, text, headers = await visit(bulks, "userId=%3Cscript%3E&carId=%22onload%3D")
    assert "script" not in text
    assert "onload" not in text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer", "the ids stand in the address"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_visits_that_wait_are_bounded_and_expire(bulks: Bulks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_links, "MAX_WAITING", 3)

    def waiting(now_us: int, *names: str) -> list[str]:
        with bulks.registry.transaction() as transaction:
            for number, name in enumerate(names):
                transaction.now_us = now_us + number
                account_links.visit(transaction, name, "car")
            rows = transaction.connection.exec_driver_sql("SELECT user_id FROM landings ORDER BY visited_us")
            return [row[0] for row in rows]

    assert waiting(10, "a", "b", "c", "d", "b") == ["c", "d", "b"]
    assert waiting(20 + DAY_US, "e") == ["e"]


async def test_a_visit_that_has_expired_marks_nothing(bulks: Bulks) -> None:
    def old() -> None:
        with bulks.registry.transaction() as transaction:
            transaction.now_us -= DAY_US + 1_000_000
            account_links.visit(transaction, "user-1", "car-1")

    await asyncio.to_thread(old)
    await feed(bulks, SIGNUP)
    assert [visited for *_, visited in await links(bulks)] == [False, False]


async def test_where_nobody_speaks_the_protocol_there_is_no_page(bulks: Bulks) -> None:
    view = bulks.hub.parts.following.view
    removed = {id_: p for id_, p in view.providers.items() if p.protocol != "connected_cars_legacy"}
    bulks.hub.parts.following.view = type(view)(
        **{f: getattr(view, f) for f in view.__struct_fields__} | {"providers": removed}
    )
    assert (await visit(bulks))[0] == 404


async def test_more_visits_than_the_registry_should_bear_are_asked_to_come_again(bulks: Bulks) -> None:
    statuses = [(await visit(bulks, f"userId=u{number}&carId=c"))[0] for number in range(5)]
    assert set(statuses) == {200}
    many = await asyncio.gather(*(visit(bulks, f"userId=v{number}&carId=c") for number in range(150)))
    assert {status for status, *_ in many} == {200, 503}

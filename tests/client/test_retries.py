"""Asking again: what for, after how long, and that a change is made once."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from postroad.client import ApiError, NoAnswer, Retries

Said = tuple[int, dict[str, str]] | type[httpx.RequestError]
"""A status and headers, or how it fails."""


def saying(*said: Said) -> Callable[[httpx.Request], httpx.Response]:
    """A hub that says one thing after another, and the last for ever."""
    left = list(said)

    def answer(request: httpx.Request) -> httpx.Response:
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, type):
            raise one("no", request=request)
        return httpx.Response(one[0], headers=one[1], json={"id": 7, "name": "Andes"})

    return answer


def later(status: int, seconds: int | None = None) -> Said:
    return status, {} if seconds is None else {"Retry-After": str(seconds)}


GOOD = (200, {})


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ([later(503), later(502), later(504), later(429), GOOD], [0.25, 0.5, 1.0, 2.0]),
        ([later(503, 3), GOOD], [3.25]),
        ([later(429, 30), GOOD], [30.0]),
        ([later(409, 1), GOOD], [1.25]),
        ([httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, GOOD], [0.25, 0.5, 1.0]),
    ],
    ids=["what passes", "Retry-After", "not longer than the longest", "under way", "no answer"],
)
def test_what_may_go_well_later_is_asked_again(asking: Any, said: Sequence[Said], waits: list[float]) -> None:
    assert asking(saying(*said), lambda client: client.put_organization("Andes")).name == "Andes"
    assert asking.waits == waits


@pytest.mark.parametrize(
    "said", [later(400), later(401), later(404), later(409), later(412), later(500), later(503, 31)]
)
def test_what_will_not_go_well_is_asked_once(asking: Any, said: Any) -> None:
    with pytest.raises(ApiError) as refused:
        asking(saying(said), lambda client: client.put_organization("Andes"))
    assert (refused.value.status, len(asking.requests), asking.waits) == (said[0], 1, [])


def test_it_ends_after_the_last_attempt_with_what_was_said(asking: Any) -> None:
    asking.options["retries"] = Retries(attempts=3)
    with pytest.raises(NoAnswer, match="ConnectError"):
        asking(saying(httpx.ConnectError), lambda client: client.get_organization("Andes"))
    assert (len(asking.requests), asking.waits) == (3, [0.25, 0.5])


def test_a_change_keeps_its_idempotency_key_over_all_attempts_and_no_other_has_it(asking: Any) -> None:
    keys: dict[str, list[str]] = {}

    def refused_at_first(request: httpx.Request) -> httpx.Response:
        of_path = keys.setdefault(request.url.path, [])
        of_path.append(request.headers["Idempotency-Key"])
        return saying(later(503) if len(of_path) == 1 else GOOD)(request)

    def both(client: Any) -> Any:
        asked = [client.put_organization("Andes"), client.put_organization("Nord")]
        return asyncio.gather(*asked) if asking.kind == "on a loop" else asked

    asking(refused_at_first, both)
    assert [len(of_path) for of_path in keys.values()] == [2, 2]
    assert len({*keys["/api/v1/organizations/Andes"]}) == 1
    assert len({key for of_path in keys.values() for key in of_path}) == 2


def test_a_key_that_is_given_is_sent_and_reading_has_none(asking: Any) -> None:
    asking(saying(GOOD), lambda client: client.put_organization("Andes", idempotency_key="mine"))
    asking(saying(GOOD), lambda client: client.get_organization("Andes"))
    assert [request.headers.get("Idempotency-Key") for request in asking.requests] == ["mine", None]

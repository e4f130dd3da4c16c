"""When it is certain that what is gone by is the registry's newest version, and who is woken when it is again."""

import asyncio
import math
from typing import Any

from fixtures.pipeline import quiet
from postroad.access.confirmed import Confirmation


def test_nothing_is_confirmed_before_the_first_answer(clock: Any) -> None:
    confirmed = Confirmation(clock, within_s=5)
    assert not confirmed.holds
    assert confirmed.age_s == math.inf


def test_it_holds_from_when_it_was_asked_and_not_from_the_answer(clock: Any) -> None:
    confirmed = Confirmation(clock, within_s=5)
    asked_s = clock.monotonic_s()
    clock.advance(3)
    confirmed.confirm(asked_s)
    clock.advance(2)
    assert confirmed.holds
    clock.advance(0.001)
    assert not confirmed.holds


def test_an_answer_that_comes_too_late_confirms_nothing_and_an_older_one_takes_nothing_back(clock: Any) -> None:
    confirmed = Confirmation(clock, within_s=5)
    first_s = clock.monotonic_s()
    clock.advance(6)
    confirmed.confirm(first_s)
    assert not confirmed.holds
    confirmed.confirm(clock.monotonic_s())
    confirmed.confirm(first_s)
    assert confirmed.age_s == 0


async def test_all_who_wait_are_woken_by_the_answer_that_confirms(clock: Any) -> None:
    confirmed = Confirmation(clock, within_s=5)
    waiting = [asyncio.ensure_future(confirmed.wait()) for _ in range(3)]
    await quiet()
    clock.advance(6)
    confirmed.confirm(clock.monotonic_s() - 5.5)
    await quiet()
    assert not any(one.done() for one in waiting)
    confirmed.confirm(clock.monotonic_s())
    await asyncio.gather(*waiting)
    clock.advance(6)
    again = asyncio.ensure_future(confirmed.wait())
    await quiet()
    assert not again.done()
    again.cancel()


async def test_without_a_limit_it_always_holds(clock: Any) -> None:
    confirmed = Confirmation(clock, within_s=math.inf)
    clock.advance(10**6)
    await confirmed.wait()

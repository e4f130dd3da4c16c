"""A destination that is away for a day while vehicles go on: bounded, and everything goes out after it, in order."""

import asyncio
from collections import defaultdict
from typing import Any

import pytest

from fixtures.lanes import EACH_ON_ITS_OWN, IN_ORDER, OK, Post, changed
from fixtures.pipeline import failed, part, report, turns_until
from postroad.protocols.contract import DAY_S, RetryPolicy
from postroad.protocols.drivetech import PROTOCOL, DrivetechSettings

SUBJECT = changed(IN_ORDER, retry=RetryPolicy(first_waits_s=(5, 10, 20, 40, 80, 160), then_s=300, factor=1, cap_s=300))
OWN = changed(EACH_ON_ITS_OWN, retry=RetryPolicy(then_s=DAY_S, factor=1, cap_s=DAY_S))
OWN_IN_ORDER = changed(OWN, order="subject")
WINDOW, MAX_PARKED = 200, 300
VEHICLES = 9


class Traffic:
    """Vehicles in turn, so many events at once."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.events = 0
        self._raw = report()
        self._decoded = PROTOCOL.read(self._raw, DrivetechSettings())

    async def say(self, events: int) -> None:
        subjects = [(self.events + n) % VEHICLES + 1 for n in range(events)]
        self.events += events
        arrived = part(
            *subjects,
            raws=[self._raw] * events,
            decoded=[self._decoded] * events,
            received_us=self.post.clock.now_us(),
        )
        await self.post.road.log.append(arrived)


async def outage(post: Post, *, events_per_s: float, for_s: float, every_s: float) -> None:
    """A day's outage, with traffic over its first ``for_s`` seconds; ``every_s`` is how often the test looks."""
    traffic = Traffic(post)
    await traffic.say(VEHICLES)
    await turns_until(lambda: len(post.customer.delivered) == VEHICLES)
    post.customer.otherwise = lambda _: failed("connect", status=None)
    elapsed_s = 0.0
    while elapsed_s < DAY_S:
        if elapsed_s < for_s:
            await traffic.say(round(events_per_s * every_s))
        await post.pass_time(every_s)
        elapsed_s += every_s
        assert len(await post.parked()) <= MAX_PARKED
        assert len(post.delivery._unsettled.window) <= WINDOW
        assert post.cursor <= VEHICLES + MAX_PARKED + WINDOW + 1
        assert post.delivery.feed.size <= 2 << 20
    assert post.customer.delivered == sorted(post.customer.delivered)
    post.customer.otherwise = lambda _: OK
    while len(set(post.customer.delivered)) < traffic.events or post.cursor <= traffic.events or await post.parked():
        await post.pass_time(3600)
        for _ in range(1000):
            await asyncio.sleep(0)
    of_subject = defaultdict(list)
    for position in post.customer.delivered:
        of_subject[(position - 1) % VEHICLES].append(position)
    assert len(post.customer.delivered) == traffic.events
    assert await post.skipped() == {}
    if post.target.contracts["trip"].order == "subject":
        assert all(positions == sorted(positions) for positions in of_subject.values())


CONTRACTS = pytest.mark.parametrize("contract", [SUBJECT, OWN, OWN_IN_ORDER], ids=["subject", "own", "own in order"])


@CONTRACTS
async def test_an_outage_of_a_day_is_bounded_and_everything_goes_out_after_it(make_post: Any, contract: Any) -> None:
    post = await make_post(contract, window=WINDOW, max_parked=MAX_PARKED)
    await outage(post, events_per_s=0.05, for_s=DAY_S, every_s=300.0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@CONTRACTS
async def test_an_outage_of_a_day_at_200_events_a_second_in_its_first_minutes(make_post: Any, contract: Any) -> None:
    post = await make_post(contract, window=WINDOW, max_parked=MAX_PARKED)
    await outage(post, events_per_s=200, for_s=300.0, every_s=10.0)

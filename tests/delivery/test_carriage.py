"""What a destination's transport can carry: messages of one subject each, and none larger than its service takes."""

import random
from collections import defaultdict
from typing import Any

import pytest

from fixtures.clock import VirtualClock
from fixtures.lanes import EACH_ON_ITS_OWN, IN_ORDER, OK, Post, carried, changed, edition
from fixtures.pipeline import failed, quiet, report
from postroad.log.delivery import LetterFilter
from postroad.protocols.contract import WHOLE_BULK, Contract, RetryPolicy
from postroad.transports.base import Message
from postroad.transports.spec import Carriage

KEYED = Carriage(keyed=True)
RETRY = RetryPolicy(then_s=60.0, factor=1)
IN_BULKS = Contract(name="test", order="bulk", responses=WHOLE_BULK, retry=RETRY, linger_ms=0)
CONTRACTS = {
    "bulk": IN_BULKS,
    "subject": changed(IN_ORDER, retry=RETRY),
    "subject, several at once": changed(IN_ORDER, retry=RETRY, max_items=4),
    "none": changed(EACH_ON_ITS_OWN, retry=RETRY),
    "none, several at once": changed(EACH_ON_ITS_OWN, retry=RETRY, max_items=4),
}


def subjects_of(message: Message, subjects: list[int]) -> set[int]:
    """Whom a message is about; ``subjects`` holds that of each position, from 1."""
    return {subjects[position - 1] for position in carried(message)}


# Keys


@pytest.mark.parametrize("name", CONTRACTS)
async def test_a_keyed_message_holds_events_of_one_subject_and_names_it(make_post: Any, name: str) -> None:
    post: Post = await make_post(CONTRACTS[name], carriage=KEYED)
    subjects = [1, 2, 1, 3, 3, 2, 1]
    await post.say(*subjects)
    keys: dict[str | None, set[int]] = defaultdict(set)
    for message in post.customer.sent:
        keys[message.key] |= subjects_of(message, subjects)
    assert sorted(map(sorted, keys.values())) == [[1], [2], [3]]
    assert None not in keys
    assert sorted(post.customer.positions) == [1, 2, 3, 4, 5, 6, 7]
    assert post.cursor == 8


@pytest.mark.parametrize("name", CONTRACTS)
async def test_a_message_without_a_key_says_none(make_post: Any, name: str) -> None:
    post: Post = await make_post(CONTRACTS[name])
    await post.say(1, 2)
    assert {message.key for message in post.customer.sent} == {None}


async def test_a_keyed_bulk_holds_what_waits_of_its_subject(make_post: Any) -> None:
    post: Post = await make_post(IN_BULKS, carriage=KEYED)
    post.customer.open.clear()
    await post.say(1)
    await post.say(1, 2, 1, 2)
    post.customer.open.set()
    await quiet()
    assert [carried(message) for message in post.customer.sent] == [[1], [3, 5], [2, 4]]


async def test_a_keyed_bulk_must_go_through_before_the_next_one_of_its_subject(make_post: Any) -> None:
    post: Post = await make_post(IN_BULKS, carriage=KEYED)
    post.customer.otherwise = lambda sent: failed() if 1 in sent else OK
    await post.say(1)
    await post.say(1, 2)
    await post.pass_time(120)
    assert 2 not in post.customer.delivered
    assert post.cursor == 1
    post.customer.otherwise = lambda _: OK
    for _ in range(4):
        await post.pass_time(120)
    assert [at for at in post.customer.delivered if at != 3] == [1, 2]
    assert post.cursor == 4


@pytest.mark.parametrize("seed", range(8))
async def test_the_order_of_each_subject_is_kept_and_nothing_is_lost_over_failures_and_restarts(seed: int) -> None:
    chance = random.Random(seed)
    post = Post(
        VirtualClock(), changed(IN_BULKS, max_items=4), carriage=Carriage(keyed=True, max_message_bytes=80), window=6
    )
    faults = [failed(), failed("timeout", status=None), failed("throttled", status=429), failed("rejected", status=400)]
    await post.start()
    try:
        subjects = await post.live(chance, faults)
        post.assert_each_subject_in_order(subjects)
        assert all(len(subjects_of(message, subjects)) == 1 for message in post.customer.sent)
        assert all(len(message.body) <= 80 for message in post.customer.sent)
    finally:
        await post.close()


# Sizes


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("name", CONTRACTS)
async def test_bulks_are_cut_to_what_a_message_may_be(make_post: Any, name: str, keyed: bool) -> None:
    post: Post = await make_post(CONTRACTS[name], carriage=Carriage(max_message_bytes=80, keyed=keyed))
    await post.say(*[1, 2] * 20)
    await quiet(600)
    assert all(len(message.body) <= 80 for message in post.customer.sent)
    assert sorted(post.customer.positions) == list(range(1, 41))
    if name == "bulk":
        assert len(post.customer.sent) < 40, "bulks are as large as fits"


@pytest.mark.parametrize("name", CONTRACTS)
async def test_an_event_that_cannot_fit_is_a_dead_letter_that_says_so_and_others_go_on(
    make_post: Any, name: str
) -> None:
    post: Post = await make_post(CONTRACTS[name], carriage=Carriage(max_message_bytes=60), start=False)
    written = post.target.write
    large = {"size": 100}

    def write(event: Any, **rest: Any) -> Any:
        made = written(event, **rest)
        if made[0].document == b"large":
            body = made[0].body + b" " * large["size"]
            made = [type(made[0])(slot=made[0].slot, body=body)]
        return made

    post.target.write = write  # type: ignore[method-assign]  # as a protocol whose event is large
    await post.start()
    await post.say(1, 1, 2, raws=[edition("large:1"), report(), report()])
    for _ in range(5):
        await post.pass_time(60)
    assert sorted(post.customer.positions) == [2, 3]
    assert post.cursor == 4
    [dead] = await post.store.dead(LetterFilter(subscription_id=1))
    assert (dead.letter.position, dead.letter.reason, dead.letter.status) == (1, "too_large", None)
    assert "60 at most" in dead.letter.detail

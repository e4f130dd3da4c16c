"""What every engine of the log promises (``postroad.log.interface``); each test's name is the promise."""

import asyncio
import secrets
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from log_members import Member, letter_of, part_of, read_all, refusal_of, said
from msgspec import structs

from fixtures.clock import VirtualClock
from postroad.errors import StoreUnavailable
from postroad.log.delivery import Changes, LetterFilter, LetterId, Posted, skip_of
from postroad.log.interface import (
    ERASED,
    MAX_ITEM_BYTES,
    MAX_PART_ITEMS,
    UNASSIGNED,
    UNREADABLE,
    Appended,
    Batch,
    Erased,
    Erasing,
    Refusal,
    ShardLog,
    Unreadable,
)

EVERYTHING = 2**62


@pytest.fixture
async def log(member: Member) -> ShardLog:
    return await member.open()


async def reopened(member: Member, log: ShardLog) -> ShardLog:
    """The shard as a new process finds it."""
    await log.close()
    return await member.open()


async def test_parts_are_stored_in_the_order_of_submission(log: ShardLog) -> None:
    heard: list[Any] = []
    everything = asyncio.Event()

    def done(result: object) -> None:
        heard.append(result)
        if len(heard) == 50:
            everything.set()

    for number in range(50):
        log.submit(part_of(b"%d" % number), done)
    await everything.wait()
    positions = [result.position for result in heard]
    assert positions == sorted(set(positions))
    assert said(await read_all(log)) == [b"%d" % number for number in range(50)]


async def test_what_is_read_back_is_what_was_appended(log: ShardLog) -> None:
    parts = [
        part_of(b'{"a":1}', b"", b"\x00\xff", decoded=["not stored"], key=b"outbox 1"),
        part_of(b"x" * 70_000, subjects=[2**64 - 1], received_offsets_us=[2**32 - 1], revision=0),
        part_of(b"y" * 300, b"z" * 300, subjects=[0, 65_536], received_offsets_us=[0, 300], protocol="connected_cars"),
        part_of(*[b"%d" % number for number in range(MAX_PART_ITEMS)]),
    ]
    for part in parts:
        await log.append(part)
    batches = await read_all(log)
    assert len(batches) == len(parts)
    for part, batch in zip(parts, batches, strict=True):
        for field in ("provider_id", "protocol", "revision", "received_us", "kinds", "flags", "body", "key"):
            assert getattr(batch, field) == getattr(part, field), field
        for field in ("subjects", "lengths", "received_offsets_us"):
            assert list(getattr(batch, field)) == list(getattr(part, field)), field
        assert batch.decoded is None


async def test_a_large_item_is_a_part_by_itself_and_one_that_is_larger_still_is_refused(
    log: ShardLog, request: pytest.FixtureRequest
) -> None:
    if "jetstream" in request.node.name:
        pytest.skip("JetStream's file store takes no record of 32 MiB: this engine would have to cut an item up")
    large = bytes(range(256)) * (MAX_ITEM_BYTES // 256)
    await log.append(part_of(b"before"))
    await log.append(part_of(large))
    await log.append(part_of(b"after"))
    assert said(await read_all(log)) == [b"before", large, b"after"]
    with pytest.raises(ValueError, match="at most"):
        log.submit(part_of(large + b"x"), lambda _: pytest.fail("it was refused already"))


async def test_a_batch_is_dated_by_the_clock_of_its_engine(log: ShardLog, clock: VirtualClock) -> None:
    await log.append(part_of(b"1"))
    assert (await read_all(log))[0].stored_us == clock.now_us()


async def test_concurrent_submitters_each_get_a_stretch_of_their_own(log: ShardLog) -> None:
    placed: dict[int, list[bytes]] = {}

    async def submitter(name: int) -> None:
        for number in range(10):
            items = [b"%d/%d/%d" % (name, number, index) for index in range(1 + number % 3)]
            placed[(await log.append(part_of(*items))).position] = items

    await asyncio.gather(*[submitter(name) for name in range(16)])
    batches = await read_all(log)
    assert {batch.position: list(batch.items()) for batch in batches} == placed
    assert all(before.end <= after.position for before, after in pairwise(batches))


async def test_the_next_position_is_where_the_next_part_goes(log: ShardLog) -> None:
    for _ in range(3):
        expected = log.next_position
        assert (await log.append(part_of(b"1", b"2"))).position == expected


@pytest.mark.parametrize(
    "defect",
    [
        {"lengths": [1, 2]},
        {"lengths": [2]},
        {"subjects": [1]},
        {"subjects": [-1, 1]},
        {"subjects": [2**64, 1]},
        {"kinds": b"", "subjects": [], "flags": b"", "lengths": [], "body": b""},
        {"flags": b"\0"},
        {"dedup_keys": b"\0" * 17},
        {"received_offsets_us": [1]},
        {"received_offsets_us": [1, 2**32]},
        {"received_us": 2**63},
        {"body": b"1" * (1024 * 1024 + 1)},
    ],
)
async def test_a_malformed_part_is_refused_at_once_and_harms_no_neighbour(log: ShardLog, defect: Any) -> None:
    before = asyncio.ensure_future(log.append(part_of(b"before")))
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match=r"\w"):
        log.submit(part_of(b"1", b"2", **defect), lambda _: pytest.fail("it was refused already"))
    await log.append(part_of(b"after"))
    await before
    assert said(await read_all(log)) == [b"before", b"after"]


async def test_the_same_part_twice_is_stored_once_and_answers_where_it_stands(member: Member, log: ShardLog) -> None:
    first = await log.append(part_of(b"told", key=b"k1"))
    again, other = await asyncio.gather(
        log.append(part_of(b"told", key=b"k1")), log.append(part_of(b"other", key=b"k2"))
    )
    assert (first.duplicate, again.duplicate, other.duplicate) == (False, True, False)
    assert again.position == first.position
    if member.survives_restart:
        log = await reopened(member, log)
        assert await log.append(part_of(b"told", key=b"k1")) == Appended(first.position, duplicate=True)
    assert said(await read_all(log)) == [b"told", b"other"]


async def test_the_same_part_twice_in_one_breath_is_stored_once(log: ShardLog) -> None:
    answers = await asyncio.gather(*[log.append(part_of(b"told", key=b"k1")) for _ in range(5)])
    assert [answer.duplicate for answer in answers] == [False, True, True, True, True]
    assert len({answer.position for answer in answers}) == 1
    assert said(await read_all(log)) == [b"told"]


async def test_parts_without_a_key_are_never_the_same(log: ShardLog) -> None:
    await log.append(part_of(b"told"))
    await log.append(part_of(b"told"))
    assert said(await read_all(log)) == [b"told", b"told"]


async def test_a_key_is_known_for_longer_than_its_batch_is_kept(log: ShardLog) -> None:
    first = await log.append(part_of(b"told", key=b"k1"))
    await log.retain(received_before_us=EVERYTHING, settled=EVERYTHING, max_bytes=EVERYTHING)
    assert await log.append(part_of(b"told", key=b"k1")) == Appended(first.position, duplicate=True)


async def test_emptied_by_retention_positions_go_on(member: Member, log: ShardLog) -> None:
    last = [await log.append(part_of(b"1", b"2", b"3")) for _ in range(4)][-1].position
    expected = log.next_position
    removed = await log.retain(received_before_us=EVERYTHING, settled=EVERYTHING, max_bytes=EVERYTHING)
    assert (removed.items, removed.batches, removed.first_position) == (12, 4, expected)
    assert log.first_position == log.next_position == expected
    assert await log.read(0) == []
    if member.survives_restart:
        log = await reopened(member, log)
        assert log.first_position == log.next_position == expected
    assert (await log.append(part_of(b"4"))).position == expected > last
    assert log.first_position == expected
    assert said(await log.read(0)) == [b"4"]


async def test_retention_keeps_what_is_young_or_not_settled(log: ShardLog) -> None:
    positions = [(await log.append(part_of(b"%d" % age, received_us=age))).position for age in range(6)]
    removed = await log.retain(received_before_us=4, settled=positions[3], max_bytes=EVERYTHING)
    assert (removed.items, log.first_position) == (3, positions[3])
    removed = await log.retain(received_before_us=4, settled=EVERYTHING, max_bytes=EVERYTHING)
    assert (removed.items, log.first_position) == (1, positions[4])
    assert said(await read_all(log)) == [b"4", b"5"]


async def test_retention_removes_the_oldest_whatever_their_state_until_the_bytes_fit(log: ShardLog) -> None:
    for number in range(6):
        await log.append(part_of(b"%d" % number * 100))
    removed = await log.retain(received_before_us=0, settled=0, max_bytes=250)
    assert removed.batches == 4
    assert removed.first_position == log.first_position
    assert said(await read_all(log)) == [b"4" * 100, b"5" * 100]
    assert (await log.retain(received_before_us=0, settled=0, max_bytes=250)).batches == 0


async def test_retention_over_the_budget_stops_at_what_was_not_given_up(log: ShardLog) -> None:
    positions = [(await log.append(part_of(b"%d" % number * 100))).position for number in range(6)]
    removed = await log.retain(received_before_us=0, settled=0, max_bytes=0, given_up=positions[2])
    assert (removed.batches, log.first_position) == (2, positions[2])
    assert (
        await log.retain(received_before_us=0, settled=0, max_bytes=0, given_up=await ends_of(log, 1) - 1)
    ).batches == 0


async def test_what_must_go_for_the_bytes_to_fit_is_told_beforehand(log: ShardLog) -> None:
    assert await log.surplus_end(max_bytes=0, below=EVERYTHING) == log.first_position
    positions = [(await log.append(part_of(b"%d" % number * 100))).position for number in range(6)]
    assert await log.surplus_end(max_bytes=600, below=EVERYTHING) == positions[0]
    assert await log.surplus_end(max_bytes=250, below=await ends_of(log, 3) - 1) == await ends_of(log, 2)
    end = await log.surplus_end(max_bytes=250, below=EVERYTHING)
    assert end == await ends_of(log, 4)
    await log.retain(received_before_us=0, settled=0, max_bytes=250, given_up=end)
    assert said(await read_all(log)) == [b"4" * 100, b"5" * 100]


async def ends_of(log: ShardLog, count: int) -> int:
    """The end of the first so many batches."""
    return (await read_all(log))[count - 1].end


async def test_the_bytes_from_a_position_on_are_those_of_its_batch_and_all_later(member: Member, log: ShardLog) -> None:
    assert await log.bytes_from(0) == 0
    for number in range(4):
        await log.append(part_of(b"%d" % number * 50, b"x" * 49))
    batches = await read_all(log)

    async def shares() -> list[int]:
        return [await log.bytes_from(at) for at in (0, batches[1].position, batches[1].end - 1, batches[3].position)]

    assert await shares() == [400, 300, 300, 100]
    assert await log.bytes_from(batches[3].end) == 0
    await log.retain(received_before_us=0, settled=0, max_bytes=300)
    assert await shares() == [300, 300, 300, 100]
    if member.survives_restart:
        log = await reopened(member, log)
        assert [await log.bytes_from(at) for at in (0, batches[3].position)] == [300, 100]
    await log.begin_epoch()
    assert await log.bytes_from(batches[3].end) == 0
    await log.append(part_of(b"y" * 10))
    assert await log.bytes_from(batches[3].end) == 10


async def test_reading_begins_with_the_batch_that_holds_the_position(log: ShardLog) -> None:
    first, second = [(await log.append(part_of(b"a", b"b", b"c"))).position for _ in range(2)]
    assert [batch.position for batch in await log.read(0)] == [first, second]
    assert [batch.position for batch in await log.read(first + 2)] == [first, second]
    assert [batch.position for batch in await log.read(first + 3)] == [second]
    assert [batch.position for batch in await log.read(second + 2)] == [second]
    assert await log.read(log.next_position) == []
    assert await log.read(EVERYTHING) == []


async def test_reading_stops_after_the_batch_that_reaches_max_bytes(log: ShardLog) -> None:
    for _ in range(5):
        await log.append(part_of(b"x" * 100))
    assert [len(await log.read(0, max_bytes=size)) for size in (1, 100, 101, 200, 1000)] == [1, 1, 2, 2, 5]


async def test_listeners_hear_every_batch_in_order_before_its_done(log: ShardLog) -> None:
    heard: list[Any] = []
    everything = asyncio.Event()

    def listener(batches: Sequence[Batch]) -> None:
        heard.extend((batch.position, batch.decoded) for batch in batches)
        assert log.next_position >= batches[-1].end

    def done(result: Any) -> None:
        assert result.position in [position for position, _ in heard]
        everything.set() if len(heard) == 20 else None

    await log.append(part_of(b"before anybody listened"))
    log.listen(listener)
    for number in range(20):
        log.submit(part_of(b"1", decoded=number), done)
    await asyncio.wait_for(everything.wait(), 10)
    assert [decoded for _, decoded in heard] == list(range(20))
    assert heard == sorted(heard)


async def test_listeners_hear_nothing_of_a_part_that_was_known(log: ShardLog) -> None:
    heard: list[Batch] = []
    log.listen(heard.extend)
    for _ in range(2):
        await log.append(part_of(b"told", key=b"k1"))
    assert len(heard) == 1


async def test_dedup_keys_are_given_back_newest_by_count_oldest_first(member: Member, log: ShardLog) -> None:
    for number in range(5):
        await log.append(part_of(b"a", b"b", received_us=number, dedup_keys=bytes([number]) * 32))
    await log.append(part_of(b"without"))
    if member.survives_restart:
        log = await reopened(member, log)
    assert await log.dedup_keys(since_us=0, limit=100) == [(number, bytes([number]) * 32) for number in range(5)]
    assert [received for received, _ in await log.dedup_keys(since_us=3, limit=100)] == [3, 4]
    assert [received for received, _ in await log.dedup_keys(since_us=0, limit=4)] == [3, 4]


async def test_dedup_keys_outlive_the_retention_of_batches(member: Member, log: ShardLog, clock: VirtualClock) -> None:
    await log.append(part_of(b"a", received_us=clock.now_us(), dedup_keys=b"k" * 16))
    await log.retain(received_before_us=EVERYTHING, settled=EVERYTHING, max_bytes=0)
    if member.survives_restart:
        log = await reopened(member, log)
    assert await log.dedup_keys(since_us=0, limit=100) == [(clock.now_us(), b"k" * 16)]


async def test_refusals_are_bounded_and_come_newest_first(member: Member, log: ShardLog) -> None:
    for number in range(member.max_refusals + 3):
        log.refuse(refusal_of(number))
    await log.append(part_of(b"goes behind them"))
    newest = [refusal_of(number) for number in range(3, member.max_refusals + 3)][::-1]
    assert await log.refusals() == newest
    assert await log.refusals(limit=2) == newest[:2]
    if member.survives_restart:
        log = await reopened(member, log)
        assert await log.refusals() == newest


async def test_a_new_epoch_begins_above_every_position_given(member: Member, log: ShardLog) -> None:
    before = [(await log.append(part_of(b"1", b"2"))).position for _ in range(3)]
    epoch = log.epoch
    assert list(log.jumps) == []
    ended = log.next_position
    assert await log.begin_epoch() == epoch + 1 == log.epoch
    assert list(log.jumps) == [range(ended, log.next_position)]
    assert log.first_position == before[0]
    if member.survives_restart:
        log = await reopened(member, log)
        assert log.epoch == epoch + 1
        assert list(log.jumps) == [range(ended, log.next_position)]
    expected = log.next_position
    after = (await log.append(part_of(b"3"))).position
    assert after == expected > before[-1] + 2**39
    assert said(await log.read(before[-1])) == [b"1", b"2", b"3"]


async def test_a_new_epoch_begins_above_one_that_was_reached_elsewhere(log: ShardLog) -> None:
    assert await log.begin_epoch(4) == 5
    assert await log.begin_epoch(4) == 6
    assert (await log.append(part_of(b"1"))).position > 6 << 40


async def test_an_append_nobody_waits_for_any_more_harms_nothing(log: ShardLog) -> None:
    waiting = asyncio.ensure_future(log.append(part_of(b"1")))
    await asyncio.sleep(0)
    waiting.cancel()
    await log.append(part_of(b"2"))
    assert said(await read_all(log)) in ([b"1", b"2"], [b"2"])


async def test_closing_finishes_what_was_submitted(member: Member, log: ShardLog) -> None:
    heard: list[Any] = []
    for number in range(20):
        log.submit(part_of(b"%d" % number), heard.append)
    await log.close()
    await asyncio.sleep(0)
    assert [isinstance(result, Appended) for result in heard] == [True] * 20
    if member.survives_restart:
        assert len(said(await read_all(await member.open()))) == 20


async def test_once_closed_every_call_says_so(log: ShardLog) -> None:
    await log.close()
    await log.close()
    log.refuse(refusal_of(1))
    for call in (
        log.append(part_of(b"1")),
        log.read(0),
        log.refusals(),
        log.dedup_keys(since_us=0, limit=1),
        log.retain(received_before_us=0, settled=0, max_bytes=0),
        log.begin_epoch(),
        log.erase(Erasing(positions=[1])),
        log.delivery.cursors(),
        log.delivery.settle(1, 1),
        log.delivery.forget(1),
    ):
        with pytest.raises(StoreUnavailable) as failure:
            await call
        assert failure.value.reason == "closed"


def with_unreadable(*indexes: int, **fields: Any) -> Any:
    """A part of four items, of which these could not be read."""
    kinds = bytes(UNREADABLE if index in indexes else 1 for index in range(4))
    unreadable = [Unreadable(index, f"field{index}: missing") for index in indexes]
    return part_of(b"a", b"b", b"c", b"d", kinds=kinds, unreadable=unreadable, **fields)


async def test_what_cannot_be_read_is_listed_with_its_position_and_reason(member: Member, log: ShardLog) -> None:
    first = await log.append(with_unreadable(1, 3, received_offsets_us=[0, 5, 6, 7]))
    await log.append(part_of(b"x"))
    second = await log.append(with_unreadable(0, provider_id=8, protocol="connected_cars"))
    if member.survives_restart:
        log = await reopened(member, log)
    found = await log.quarantined()
    received_us = 1_700_000_000_000_000
    assert [(one.position, one.reason, one.received_us) for one in found] == [
        (first.position + 1, "field1: missing", received_us + 5),
        (first.position + 3, "field3: missing", received_us + 7),
        (second.position, "field0: missing", received_us),
    ]
    assert [(one.provider_id, one.protocol, one.resolved_by) for one in found[1:]] == [
        (7, "drivetech", None),
        (8, "connected_cars", None),
    ]
    assert await log.quarantined(after=found[0].position, limit=1) == [found[1]]
    assert said(await read_all(log)) == [b"a", b"b", b"c", b"d", b"x", b"a", b"b", b"c", b"d"]


async def test_what_takes_its_place_marks_it_in_the_same_step(member: Member, log: ShardLog) -> None:
    bad = await log.append(with_unreadable(2))
    again = part_of(b"c", key=b"redrive 1", resolves=bad.position + 2)
    good = await log.append(again)
    assert (await log.append(again)).duplicate
    if member.survives_restart:
        log = await reopened(member, log)
    assert await log.quarantined() == []
    [one] = await log.quarantined(unresolved_only=False)
    assert (one.position, one.resolved_by) == (bad.position + 2, good.position)


async def test_what_is_dismissed_leaves_quarantine_for_good_and_stays_stored(member: Member, log: ShardLog) -> None:
    first = await log.append(with_unreadable(1, 3))
    again = part_of(b"c", key=b"redrive 1", resolves=first.position + 3)
    await log.append(again)
    second = await log.append(with_unreadable(0))
    before = await read_all(log)
    assert await log.dismiss([first.position + 1, first.position + 3, first.position, 999]) == 2
    assert await log.dismiss([first.position + 1]) == 0
    assert await log.dismiss([]) == 0
    if member.survives_restart:
        log = await reopened(member, log)
    assert [one.position for one in await log.quarantined(unresolved_only=False)] == [second.position]
    assert (said(await read_all(log)), [one.kinds for one in await read_all(log)]) == (
        said(before), [one.kinds for one in before]
    )  # fmt: skip


async def test_quarantine_goes_with_its_batch(log: ShardLog) -> None:
    await log.append(with_unreadable(0, received_us=10))
    kept = await log.append(with_unreadable(0, received_us=30))
    await log.retain(received_before_us=20, settled=EVERYTHING, max_bytes=EVERYTHING)
    assert [one.position for one in await log.quarantined()] == [kept.position]


async def test_a_part_that_is_known_is_not_listed_again(log: ShardLog) -> None:
    for _ in range(2):
        await log.append(with_unreadable(1, key=b"once"))
    assert len(await log.quarantined()) == 1


async def test_the_request_that_brought_a_part_is_remembered(member: Member, log: ShardLog) -> None:
    await log.append(part_of(b"a", request_id="r-1"))
    await log.append(part_of(b"b"))
    if member.survives_restart:
        log = await reopened(member, log)
    assert [batch.request_id for batch in await read_all(log)] == ["r-1", ""]


@pytest.mark.parametrize(
    "fields",
    [
        {"kinds": bytes([UNREADABLE, 1])},
        {"unreadable": [Unreadable(0, "why")]},
        {"kinds": bytes([UNREADABLE, 1]), "unreadable": [Unreadable(1, "why")]},
        {"kinds": bytes([UNREADABLE, UNREADABLE]), "unreadable": [Unreadable(1, "why"), Unreadable(0, "why")]},
        {"kinds": bytes([UNREADABLE, 1]), "unreadable": [Unreadable(2, "why")]},
        {"resolves": -1},
        {"request_id": "\ud800"},
    ],
)
async def test_quarantine_that_does_not_fit_its_part_is_refused_at_once(log: ShardLog, fields: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every defect has its own words
        log.submit(part_of(b"a", b"b", **fields), lambda _: None)
    assert await read_all(log) == []


async def store_what_is_to_be_erased(log: ShardLog) -> list[Batch]:
    """Three parts; of the second, items 1 and 3 are to be erased, one of them in quarantine."""
    await log.append(part_of(b"before", received_us=1, dedup_keys=b"b" * 16, request_id="r-0"))
    part = with_unreadable(
        3,
        received_us=2,
        received_offsets_us=[0, 5, 6, 7],
        flags=b"\x01\x02\x01\x00",
        dedup_keys=b"".join(name * 16 for name in (b"p", b"q", b"r", b"s")),
        request_id="r-1",
        key=b"its name",
    )
    await log.append(part)
    await log.append(part_of(b"a", b"b", received_us=3, dedup_keys=b"x" * 32, request_id="r-2"))
    return await read_all(log)


def plain(batch: Batch) -> dict[str, Any]:
    return {
        name: list(value) if name in {"subjects", "lengths", "received_offsets_us"} else value
        for name, value in structs.asdict(batch).items()
    }


async def test_what_is_erased_leaves_a_tombstone_and_all_else_of_its_batch_is_as_before(
    member: Member, log: ShardLog
) -> None:
    before = await store_what_is_to_be_erased(log)
    first, end = log.first_position, log.next_position
    erasing = Erasing(positions=[before[1].position + 1, before[1].position + 3])
    assert await log.erase(erasing) == Erased(items=2)
    assert await log.erase(erasing) == Erased()
    for again in (False, True) if member.survives_restart else (False,):
        if again:
            log = await reopened(member, log)
        after = await read_all(log)
        assert [plain(one) for one in (after[0], after[2])] == [plain(one) for one in (before[0], before[2])]
        assert plain(after[1]) == plain(before[1]) | {
            "subjects": [100, UNASSIGNED, 102, UNASSIGNED],
            "kinds": bytes([1, ERASED, 1, ERASED]),
            "flags": b"\x01\x00\x01\x00",
            "lengths": [1, 0, 1, 0],
            "body": b"a,,c,",
            "request_id": "",
        }
        assert (log.first_position, log.next_position) == (first, end)
        assert await log.quarantined(unresolved_only=False) == []
        assert await log.dedup_keys(since_us=0, limit=100) == [
            (1, b"b" * 16),
            (2, b"p" * 16 + bytes(16) + b"r" * 16 + bytes(16)),
            (3, b"x" * 32),
        ]
    assert await log.append(part_of(b"told", key=b"its name")) == Appended(before[1].position, duplicate=True)


async def test_the_only_item_of_a_batch_and_all_of_one_can_be_erased(log: ShardLog) -> None:
    before = await store_what_is_to_be_erased(log)
    everything = [position for batch in before for position in range(batch.position, batch.end)]
    assert (await log.erase(Erasing(positions=everything))).items == 7
    after = await read_all(log)
    assert [(batch.position, len(batch)) for batch in after] == [(batch.position, len(batch)) for batch in before]
    assert said(after) == [b""] * 7
    assert [batch.position for batch in await log.read(0, max_bytes=1)] == [before[0].position]
    assert (await log.append(part_of(b"next"))).position >= before[-1].end


async def test_what_is_not_stored_cannot_be_erased_and_harms_nothing(log: ShardLog) -> None:
    await log.append(part_of(b"old"))
    await log.retain(received_before_us=EVERYTHING, settled=EVERYTHING, max_bytes=EVERYTHING)
    gone = log.next_position - 1
    kept = await log.append(part_of(b"kept"))
    assert await log.erase(Erasing(positions=[gone, kept.position + 2**39])) == Erased()
    assert said(await read_all(log)) == [b"kept"]


async def test_what_is_appended_while_something_is_erased_is_stored(log: ShardLog) -> None:
    placed = [(await log.append(part_of(b"%d" % number))).position for number in range(200)]
    erased, *_ = await asyncio.gather(
        log.erase(Erasing(positions=placed[::2])), *[log.append(part_of(b"new %d" % number)) for number in range(20)]
    )
    assert erased.items == 100
    told = said(await read_all(log))
    assert told[:200] == [b"" if number % 2 == 0 else b"%d" % number for number in range(200)]
    assert sorted(told[200:]) == sorted(b"new %d" % number for number in range(20))


async def test_what_is_left_of_a_batch_goes_by_retention_as_any_other(log: ShardLog) -> None:
    before = await store_what_is_to_be_erased(log)
    await log.erase(Erasing(positions=[before[0].position]))
    removed = await log.retain(received_before_us=2, settled=EVERYTHING, max_bytes=EVERYTHING)
    assert (removed.items, log.first_position) == (1, before[1].position)


async def test_a_tombstone_cannot_be_appended(log: ShardLog) -> None:
    with pytest.raises(ValueError, match="tombstone"):
        log.submit(part_of(b"", kinds=bytes([ERASED])), lambda _: None)


async def test_refusals_that_are_chosen_go_and_the_others_stay(log: ShardLog) -> None:
    for number in range(3):
        log.refuse(refusal_of(number))
    await log.append(part_of(b"goes behind them"))
    erased = await log.erase(Erasing(positions=[], refused=lambda refusal: b"1" in refusal.body))
    assert erased == Erased(refusals=1)
    assert await log.refusals() == [refusal_of(2), refusal_of(0)]


def holding(member: Member, secret: bytes) -> list[str]:
    """The engine's files in which a secret stands. Read by another process: to close one here would drop its locks."""
    if member.files is None:
        return []
    found = subprocess.run(["grep", "-rlaF", secret, str(member.files)], capture_output=True, check=False)
    return found.stdout.decode().splitlines()


async def test_what_is_erased_is_in_no_file_of_the_engine(member: Member, log: ShardLog) -> None:
    """After a life in which bodies were moved about: repeats, letters that changed, an erasure of the same batch."""
    secret = secrets.token_hex(8).encode()
    items = [b'{"n":%d,"name":"%s"}' % (number, secret if number % 2 else b"another") for number in range(4)]
    keys = b"".join(secret if number % 2 else b"another---------" for number in range(4))
    at = (await log.append(part_of(*items, dedup_keys=keys, request_id=secret.decode()))).position
    log.refuse(Refusal(received_us=1, provider_id=7, protocol="drivetech", reason="wrong", body=b'{"%s"}' % secret))
    for attempt in range(4):
        detail = f"nobody is called {secret.decode()} here"
        letters = [letter_of(at + index, slot=index, attempts=attempt, detail=detail) for index in (1, 3)]
        bodies = [items[1], items[3]] if attempt == 0 else [None, None]
        await log.delivery.settle(1, at, Changes(posted=list(map(Posted, letters, bodies))))
    await log.append(part_of(b"another"))
    assert (holding(member, secret) != []) == (member.files is not None)
    assert (await log.erase(Erasing(positions=[at + 1]))).items == 1
    assert (holding(member, secret) != []) == (member.files is not None), "the other item has it still"
    assert await log.erase(Erasing(positions=[at + 3], refused=lambda one: secret in one.body)) == Erased(1, 1, 1)
    assert holding(member, secret) == []
    for again in (False, True) if member.survives_restart else (False,):
        log = await reopened(member, log) if again else log
        assert said(await read_all(log)) == [items[0], b"", items[2], b"", b"another"]
        assert await log.delivery.parked(1) == []
    assert holding(member, secret) == []


async def test_letters_alone_can_be_erased(log: ShardLog) -> None:
    at = (await log.append(part_of(b"stays"))).position
    await log.delivery.settle(1, 1, Changes(posted=[Posted(letter_of(at), b"body")]))
    assert await log.erase(Erasing(positions=[at], letters_only=True)) == Erased(letters=1)
    assert said(await read_all(log)) == [b"stays"]


async def test_letters_of_what_is_erased_go_with_their_bodies_and_cursors_stay(member: Member, log: ShardLog) -> None:
    store = log.delivery
    letters = [
        letter_of(3),
        letter_of(4, slot=1, dead_us=5, reason="refused", detail="they said so"),
        letter_of(6, subject_id=7),
        letter_of(6, slot=2, subject_id=100),
        letter_of(9, subject_id=7, dead_us=5),
    ]
    await store.settle(1, 8, Changes(posted=[Posted(letter, b"body") for letter in letters]))
    await store.settle(2, 7, Changes(posted=[Posted(letters[2], b"body")]))
    assert await log.erase(Erasing(positions=[3, 4], subject_id=7, besides=[6, 9])) == Erased(letters=2)
    assert await log.erase(Erasing(positions=[], subject_id=7)) == Erased(letters=3)
    if member.survives_restart:
        store = (await reopened(member, log)).delivery
    assert await store.parked(1) == [letters[3]]
    assert await store.dead(LetterFilter()) == []
    assert [await store.body(1, letter.id) for letter in letters] == [None, None, None, b"body", None]
    assert {id_: cursor.position for id_, cursor in (await store.cursors()).items()} == {1: 8, 2: 7}
    gone = [LetterId(3, 0), LetterId(4, 1), LetterId(6, 0), LetterId(9, 0)]
    assert await store.skips(1) == [skip_of(letter_id, "erased") for letter_id in gone]
    assert await store.skips(2) == [skip_of(LetterId(6, 0), "erased")]

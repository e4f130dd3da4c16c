"""The same random life of letters led by both engines must look the same from outside."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroad.clock import SystemClock
from postroad.log.delivery import (
    Changes,
    DeadLetter,
    DeliveryStore,
    Letter,
    LetterFilter,
    LetterId,
    Posted,
    Skip,
    Superseded,
    Unwanted,
    merged,
)
from postroad.log.memory import MemoryLog
from postroad.log.sqlite import SqliteLog, SqliteSettings, open_log
from postroad.log.tally import ALL_SLOTS, DIGEST_MASK, Tally, mask_of

SUBSCRIPTIONS = (1, 2)
POSITIONS, SLOTS, REASONS = st.integers(0, 4), st.integers(0, 1), st.sampled_from(["timeout", "refused"])
DOCUMENTS, INSTANTS = st.sampled_from([b"", b"a", b"b"]), st.integers(0, 5)
LETTERS = st.builds(
    Letter,
    position=POSITIONS,
    slot=SLOTS,
    subject_id=st.integers(0, 1),
    size=st.integers(0, 9),
    received_us=st.just(1),
    stored_us=st.just(2),
    document=DOCUMENTS,
    revision=st.integers(0, 2),
    deletes=st.booleans(),
    due_us=st.none() | INSTANTS,
    dead_us=st.none() | INSTANTS,
    reason=REASONS,
)
IDS = st.builds(LetterId, POSITIONS, SLOTS)
SKIPS = st.builds(
    lambda first, length, *rest: Skip(first, first + length, *rest),
    st.integers(0, 20),
    st.integers(1, 4),
    st.sampled_from(["expired", "superseded"]),
    st.integers(0, 2),
    st.sampled_from([ALL_SLOTS, 1, mask_of([63])]),
    st.none() | st.integers(0, DIGEST_MASK),
)
CHANGES = st.builds(
    Changes,
    posted=st.lists(st.builds(Posted, LETTERS, st.binary(max_size=4) | st.none()), max_size=3),
    removed=st.lists(IDS, max_size=2),
    unwanted=st.lists(st.builds(Unwanted, IDS, st.sampled_from(["superseded", "access_ended"])), max_size=2),
    delivered=st.builds(Tally, st.integers(0, 3), st.integers(0, DIGEST_MASK)),
    skips=st.lists(SKIPS, max_size=3),
    superseded=st.lists(st.builds(Superseded, st.sampled_from([b"a", b"b"]), st.integers(0, 3)), max_size=1),
)
FILTERS = st.builds(
    LetterFilter,
    subscription_id=st.none() | st.sampled_from(SUBSCRIPTIONS),
    slots=st.none() | st.frozensets(SLOTS),
    subject_id=st.none() | st.integers(0, 1),
    since_us=st.none() | INSTANTS,
    until_us=st.none() | INSTANTS,
    reasons=st.none() | st.frozensets(REASONS),
    ids=st.none() | st.frozensets(IDS, max_size=4),
)
STEPS = st.one_of(
    st.tuples(st.just("settle"), st.sampled_from(SUBSCRIPTIONS), POSITIONS, CHANGES),
    st.tuples(st.just("settle"), st.sampled_from(SUBSCRIPTIONS), POSITIONS, CHANGES),
    st.tuples(st.just("revive"), FILTERS),
    st.tuples(st.just("drop"), FILTERS),
    st.tuples(st.just("look"), FILTERS, st.integers(0, 3)),
    st.tuples(st.just("begin"), st.sampled_from(SUBSCRIPTIONS), POSITIONS, st.sampled_from(["", "these", "others"])),
    st.tuples(st.just("turn"), st.integers(0, 8), st.sampled_from([0, 2_000]), st.integers(1, 3)),
    st.tuples(st.just("forget"), st.sampled_from(SUBSCRIPTIONS)),
    st.tuples(st.just("reopen")),
)


class FixedClock(SystemClock):
    def now_us(self) -> int:
        return 1_000


async def step(store: DeliveryStore, name: str, arguments: list[Any], stale: list[DeadLetter]) -> Any:
    """What the step told; ``stale`` are dead letters that were seen some time ago."""
    if name == "settle":
        try:
            return await store.settle(*arguments)
        except ValueError as exc:
            return str(exc)
    if name == "begin":
        return await store.begin(*arguments)
    if name == "turn":
        first, before_us, longest = arguments
        return await store.turn(first_position=first, began_before_us=before_us, max_positions=longest)
    if name == "forget":
        return await store.forget(*arguments)
    if name == "revive":
        meant = [*await store.dead(*arguments), *stale]
        return await store.revive(meant, list(range(len(meant))))
    if name == "drop":
        return await store.drop([*await store.dead(*arguments), *stale])
    if name == "look":
        which, limit = arguments
        pages, after = [], None
        while page := await store.dead(which, after=after, limit=1 + limit):
            pages.append(page)
            after = page[-1].subscription_id, page[-1].letter.id
        return pages, await store.count_dead(which)
    return None


async def seen(store: DeliveryStore) -> Any:
    parked = {number: await store.parked(number) for number in SUBSCRIPTIONS}
    dead = await store.dead(LetterFilter())
    kept = [(number, letter.id) for number, letters in parked.items() for letter in letters]
    kept += [(one.subscription_id, one.letter.id) for one in dead]
    bodies = {(number, id_): await store.body(number, id_) for number, id_ in kept}
    skips = {number: await store.skips(number) for number in SUBSCRIPTIONS}
    accounts = [await store.account(number) for number in SUBSCRIPTIONS]
    return await store.cursors(), parked, dead, bodies, skips, await store.letter_counts(), accounts


@pytest.fixture(autouse=True)
def few_skips_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ("accounts", "memory_delivery"):
        monkeypatch.setattr(f"postroad.log.{engine}.SKIPS_KEPT", 1)


async def lead(life: list[Any], folder: Path) -> None:
    clock = FixedClock()

    async def opened() -> SqliteLog:
        return await open_log(folder, 0, clock=clock, settings=SqliteSettings(reserve_bytes=0, synchronous="OFF"))

    memory, sqlite = MemoryLog(0, clock=clock), await opened()
    stale: list[DeadLetter] = []
    try:
        for name, *arguments in life:
            if name == "reopen":
                await sqlite.close()
                sqlite = await opened()
            told = await step(memory.delivery, name, arguments, stale)
            assert told == await step(sqlite.delivery, name, arguments, stale)
            looks = await seen(memory.delivery)
            assert looks == await seen(sqlite.delivery)
            stale = looks[2][:2]
    finally:
        await sqlite.close()


@given(life=st.lists(STEPS, max_size=15))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_life_of_letters_tells_sqlite_from_memory(life: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(lead(life, Path(folder)))


@given(skips=st.lists(SKIPS, max_size=12), cut=st.integers(0, 12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_merged_skips_cover_the_same_positions_and_events_in_the_fewest_stretches(skips: list[Skip], cut: int) -> None:
    once = merged(skips)
    assert merged([*merged(skips[cut:]), *skips[:cut]]) == once
    for kind in {(skip.reason, skip.slots) for skip in skips}:
        of_kind = [skip for skip in skips if (skip.reason, skip.slots) == kind]
        covered = {at for skip in of_kind for at in range(skip.first, skip.end)}
        stretches = [skip for skip in once if (skip.reason, skip.slots) == kind]
        assert {skip.first for skip in stretches} == {at for at in covered if at - 1 not in covered}
        assert {skip.end - 1 for skip in stretches} == {at for at in covered if at + 1 not in covered}
        for stretch in stretches:
            within = [s for s in of_kind if stretch.first <= s.first < stretch.end]
            assert stretch.events == sum(skip.events for skip in within)
            digests = [skip.digest for skip in within if skip.digest is not None]
            counted = sum(digests) & DIGEST_MASK if len(digests) == len(within) else None
            assert stretch.digest == counted
    assert once == sorted(once, key=lambda skip: (skip.first, skip.end, skip.reason, skip.slots))

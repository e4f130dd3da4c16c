"""What delivery state in a file promises when disk, power or room fail under it, and what it costs."""

import random
import shutil
import tracemalloc
from contextlib import suppress
from pathlib import Path

import apsw
import pytest
from log_disk import FaultyDisk, PowerCutDisk
from log_members import SqliteMember, letter_of, part_of

from fixtures.clock import VirtualClock
from postroad.errors import PostroadError, StoreCorrupt, StoreUnavailable
from postroad.log import writer
from postroad.log.delivery import Changes, DeliveryStore, LetterFilter, LetterId, Posted, Skip, Superseded
from postroad.log.interface import ShardLog
from postroad.log.reader import open_reader
from postroad.log.transaction import Transaction

KEPT = 3


@pytest.fixture
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints happen every few commits, so that faults hit them as well."""
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 12)


def body_of(number: int) -> bytes:
    return random.Random(number).randbytes(number * 7919 % 40_000)


def nth(number: int) -> Changes:
    """What the settling of ``number`` changes: a letter parks, one dies, one goes, one is superseded, one skipped."""
    parked, dying = letter_of(number), letter_of(number - 1, dead_us=9, document=b"trip", revision=number)
    return Changes(
        posted=[Posted(parked, body_of(number)), *([Posted(dying)] if number else [])],
        removed=[LetterId(number - KEPT, 0)] if number >= KEPT else [],
        skips=[Skip(number, number + 1, "expired", 1)],
        superseded=[Superseded(b"trip", number - 1)],
    )


async def assert_stands_at(store: DeliveryStore, position: int) -> None:
    """The state is that of the first ``position`` settlings: all of each, and nothing of the next."""
    assert [letter.position for letter in await store.parked(7)] == ([position - 1] if position else [])
    dead = [one.letter.position for one in await store.dead(LetterFilter())]
    assert dead == [number for number in (position - 3, position - 2) if number >= 0]
    assert all([await store.body(7, LetterId(number, 0)) == body_of(number) for number in dead])
    if position:
        assert await store.body(7, LetterId(position - 1, 0)) == body_of(position - 1)
    skips = await store.skips(7)
    expired = [skip for skip in skips if skip.reason == "expired"]
    assert expired == ([Skip(0, position, "expired", position)] if position else [])


async def test_the_settlings_of_these_tests_lead_where_they_say(sqlite_member: SqliteMember) -> None:
    store = (await sqlite_member.open()).delivery
    for number in range(8):
        await assert_stands_at(store, number)
        await store.settle(7, number + 1, nth(number))


async def settled_until_the_power_went(member: SqliteMember, disk: PowerCutDisk, synchronous: str) -> int:
    position = 0
    log = await member.open(vfs=disk.name, synchronous=synchronous)
    with suppress(StoreUnavailable):
        while True:
            await log.delivery.settle(7, position + 1, nth(position))
            position += 1
    await log.close()
    return position


async def what_stands(folder: Path, cut_at: int, synchronous: str) -> tuple[int, int]:
    """How much was settled before the power went, and how much of it stands afterwards, all of it or nothing."""
    before, after = SqliteMember(VirtualClock(), folder / "before"), SqliteMember(VirtualClock(), folder / "after")
    before.folder.mkdir(parents=True)
    after.folder.mkdir()
    await (await before.open()).close()
    disk = PowerCutDisk(cut_at)
    settled = await settled_until_the_power_went(before, disk, synchronous)
    disk.image(after.folder, random.Random(cut_at))
    log = await after.open()
    try:
        known = (await log.delivery.cursors()).get(7)
        position = 0 if known is None else known.position
        await assert_stands_at(log.delivery, position)
        assert await log.delivery.settle(7, position + 1, nth(position)) is None
        await assert_stands_at(log.delivery, position + 1)
    finally:
        await after.finish()
    return settled, position


@pytest.mark.parametrize("cut_at", range(20, 320, 10))
@pytest.mark.usefixtures("checkpoints")
async def test_a_power_cut_shows_no_cursor_without_its_letters_and_takes_nothing_that_was_settled(
    tmp_path: Path, cut_at: int
) -> None:
    settled, stands = await what_stands(tmp_path, cut_at, "FULL")
    assert settled <= stands <= settled + 1


@pytest.mark.usefixtures("checkpoints")
async def test_the_simulated_power_cut_does_take_what_was_not_synced(tmp_path: Path) -> None:
    """Proof that the test above can fail."""
    lost = 0
    for cut_at in range(50, 300, 50):
        try:
            settled, stands = await what_stands(tmp_path / str(cut_at), cut_at, "OFF")
            lost += settled > stands
        except (PostroadError, AssertionError):
            lost += 1
    assert lost > 0


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
@pytest.mark.usefixtures("checkpoints")
async def test_a_settling_that_fails_half_way_leaves_nothing(
    sqlite_member: SqliteMember, tmp_path: Path, error: type[apsw.Error]
) -> None:
    disk = FaultyDisk()
    log = await sqlite_member.open(vfs=disk.name)
    position = failures = 0
    for countdown in range(1, 100):
        disk.fail_at(countdown, error)
        try:
            await log.delivery.settle(7, position + 1, nth(position))
            position += 1
        except StoreUnavailable:
            failures += 1
        disk.countdown = 0
        await assert_stands_at(log.delivery, position)
        killed = SqliteMember(sqlite_member.clock, tmp_path / f"killed-{countdown}")
        await copy_files(log, killed.folder)
        await assert_stands_at((await killed.open()).delivery, position)
        await killed.finish()
        if disk.failed is None:
            break
    assert failures > 5


async def copy_files(log: ShardLog, folder: Path) -> None:
    """As a SIGKILL now would leave them; on the writer thread, so that nothing moves meanwhile."""

    def copy(tx: Transaction) -> None:
        folder.mkdir()
        path = Path(tx.connection.filename)
        for file in (path, path.with_name(path.name + "-wal")):
            shutil.copy(file, folder)

    await log._change(copy)


async def test_under_the_disk_reserve_letters_are_settled_while_appends_wait(sqlite_member: SqliteMember) -> None:
    sqlite_member.free_bytes = 999
    log = await sqlite_member.open(reserve_bytes=1000)
    with pytest.raises(StoreUnavailable) as failure:
        await log.append(part_of(b"1"))
    assert failure.value.reason == "disk_reserve"
    await log.delivery.settle(7, 1, nth(0))
    await log.delivery.settle(7, 2, nth(1))
    await assert_stands_at(log.delivery, 2)
    dead = await log.delivery.dead(LetterFilter())
    assert len(await log.delivery.revive(dead, [1])) == 1


async def test_listing_letters_loads_no_bodies(sqlite_member: SqliteMember) -> None:
    log = await sqlite_member.open()
    large = bytes(1024 * 1024)
    letters = [letter_of(position, size=len(large), dead_us=position % 2 or None) for position in range(16)]
    await log.delivery.settle(7, 20, Changes(posted=[Posted(letter, large) for letter in letters]))
    tracemalloc.start()
    try:
        assert len(await log.delivery.parked(7)) == len(await log.delivery.dead(LetterFilter())) == 8
        assert (await log.delivery.letter_counts())[7].parked_bytes == 8 * len(large)
        listed = tracemalloc.get_traced_memory()[1]
        assert await log.delivery.body(7, LetterId(1, 0)) == large
        assert tracemalloc.get_traced_memory()[1] > len(large), "a body would have been seen"
    finally:
        tracemalloc.stop()
    assert listed < len(large) // 2


async def test_an_attempt_does_not_write_a_body_again(sqlite_member: SqliteMember) -> None:
    log = await sqlite_member.open()
    large = random.Random(1).randbytes(1024 * 1024)
    await log.delivery.settle(7, 1, Changes(posted=[Posted(letter_of(1, size=len(large)), large)]))
    before = log.stored_bytes
    await log.delivery.settle(7, 1, Changes(posted=[Posted(letter_of(1, size=len(large), attempts=1, due_us=9))]))
    assert 0 < log.stored_bytes - before < len(large) // 4


@pytest.mark.parametrize("damage", ["body = zeroblob(length(body))", "body = substr(body, 2)", "checksum = 0"])
async def test_a_damaged_body_is_noticed_and_the_letter_still_listed(sqlite_member: SqliteMember, damage: str) -> None:
    log = await sqlite_member.open()
    await log.delivery.settle(7, 1, Changes(posted=[Posted(letter_of(1), b"whole")]))
    other = apsw.Connection(str(sqlite_member.path))
    other.execute(f"UPDATE letter_body SET {damage}")
    other.close()
    with pytest.raises(StoreCorrupt, match="position 1, slot 0"):
        await log.delivery.body(7, LetterId(1, 0))
    assert await log.delivery.parked(7) == [letter_of(1)]


async def test_no_body_stays_behind_without_its_letter(sqlite_member: SqliteMember) -> None:
    log = await sqlite_member.open()
    for number in range(9):
        await log.delivery.settle(7, number + 1, nth(number))
    await log.delivery.drop((await log.delivery.dead(LetterFilter()))[:1])
    other = apsw.Connection(str(sqlite_member.path))
    count = (
        "SELECT (SELECT count(*) FROM letter), (SELECT count(*) FROM letter_body WHERE id IN (SELECT id FROM letter))"
    )
    assert other.execute(count).fetchone() == (2, 2)
    assert other.execute("SELECT count(*) FROM letter_body").get == 2
    await log.delivery.forget(7)
    assert other.execute("SELECT (SELECT count(*) FROM letter_body) + (SELECT count(*) FROM skip)").get == 0
    other.close()


async def test_another_process_sees_letters_while_the_log_is_open(sqlite_member: SqliteMember) -> None:
    store = (await sqlite_member.open()).delivery
    for number in range(9):
        await store.settle(7, number + 1, nth(number))
    reader = open_reader(sqlite_member.path)
    which = LetterFilter(subscription_id=7)
    first = await store.dead(which, limit=1)
    after = first[0].subscription_id, first[0].letter.id
    assert reader.parked(7) == await store.parked(7)
    assert reader.dead(which, limit=1) == first
    assert reader.dead(which, after=after) == await store.dead(which, after=after)
    assert reader.count_dead(which) == await store.count_dead(which) == 2
    assert reader.letter_counts() == await store.letter_counts()
    assert reader.skips(7) == await store.skips(7)
    assert reader.body(7, LetterId(8, 0)) == body_of(8)
    assert reader.body(7, LetterId(0, 0)) is None
    reader.close()


QUERIES = {
    "parked": ("parked", (7,), "letter_parked"),
    "counts": ("letter_counts", (), "COVERING INDEX letter_dead"),
    "since": ("count_dead", (LetterFilter(subscription_id=7, since_us=5),), "COVERING INDEX letter_dead"),
    "page": ("dead", (LetterFilter(subscription_id=7),), "letter_in_order"),
    "all": ("dead", (LetterFilter(),), "letter_in_order"),
    "one": ("dead", (LetterFilter(ids=frozenset({LetterId(1, 0)}), subscription_id=7),), "letter_in_order"),
}


@pytest.mark.parametrize("query", QUERIES)
async def test_a_listing_walks_its_index_and_sorts_nothing(sqlite_member: SqliteMember, query: str) -> None:
    await sqlite_member.open()
    reader = open_reader(sqlite_member.path)
    name, arguments, index = QUERIES[query]
    plans: list[str] = []

    def explain(cursor: apsw.Cursor, statement: str, bindings: object) -> bool:
        cursor.connection.exec_trace = None
        plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", bindings)
        plans.extend(str(row[-1]) for row in plan)
        return True

    reader._connection.exec_trace = explain
    getattr(reader, name)(*arguments)
    reader.close()
    assert any(index in step for step in plans), plans
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in plans), plans

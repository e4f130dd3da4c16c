"""Lists over several shards: in one order, page by page, and nothing else than what was asked for."""

from fixtures.pipeline import subscription, view
from postroad.administration import dead_letters, quarantine
from postroad.administration.dead_letters import LetterKey, Wanted
from postroad.administration.items import Place
from postroad.administration.shards import Shards
from postroad.log.delivery import Changes, Letter, Posted
from postroad.log.interface import UNREADABLE, Part, Unreadable
from postroad.log.sqlite import SqliteLog
from postroad.protocols.base import outgoing_id

VIEW = view(subscription(1), subscription(2, name="second"), subscription(3))


async def bury(log: SqliteLog, subscription_id: int, *positions: int) -> None:
    letters = [
        Letter(position=at, slot=0, subject_id=1, size=2, received_us=1, stored_us=1, dead_us=5, reason="rejected")
        for at in positions
    ]
    await log.delivery.settle(subscription_id, 0, Changes(posted=[Posted(letter, b"{}") for letter in letters]))


def unreadable(provider_id: int, count: int) -> Part:
    return Part(
        provider_id=provider_id,
        protocol="drivetech",
        revision=1,
        received_us=1,
        subjects=[0] * count,
        kinds=bytes([UNREADABLE] * count),
        flags=bytes(count),
        lengths=[2] * count,
        body=b",".join([b"{}"] * count),
        unreadable=[Unreadable(n, "x: missing") for n in range(count)],
    )


def keys(*of: tuple[int, int, int]) -> list[LetterKey]:
    return [LetterKey(shard, id_, outgoing_id(position, 0)) for shard, id_, position in of]


async def test_dead_letters_come_by_shard_and_subscription_and_event_whatever_the_page(
    logs: dict[int, SqliteLog], shards: Shards
) -> None:
    await bury(logs[0], 1, 7, 3)
    await bury(logs[0], 3, 2)
    await bury(logs[1], 1, 5)
    await bury(logs[1], 2, 9, 1)
    every = dead_letters.meant(Wanted(), reversed(VIEW.subscriptions.values()), VIEW)
    expected = keys((0, 1, 3), (0, 1, 7), (0, 3, 2), (1, 1, 5), (1, 2, 1), (1, 2, 9))
    for limit in (1, 2, 3, 4, 6, 9):
        found: list[LetterKey] = []
        while page := dead_letters.listed(shards, VIEW, every, after=found[-1] if found else None, limit=limit):
            assert len(page) <= limit
            found += [one.key for one in page]
        assert found == expected, limit
    second = dead_letters.meant(Wanted(), [VIEW.subscriptions[2]], VIEW)
    assert [one.key for one in dead_letters.listed(shards, VIEW, second, limit=9)] == expected[-2:]


async def test_a_cursor_of_a_letter_that_is_gone_goes_on_behind_it(logs: dict[int, SqliteLog], shards: Shards) -> None:
    await bury(logs[0], 1, 3, 7)
    every = dead_letters.meant(Wanted(), VIEW.subscriptions.values(), VIEW)
    [gone] = keys((0, 1, 5))
    assert [one.key for one in dead_letters.listed(shards, VIEW, every, after=gone, limit=9)] == keys((0, 1, 7))


async def test_the_letters_of_one_event_are_one_for_each_subscription(
    logs: dict[int, SqliteLog], shards: Shards
) -> None:
    await bury(logs[0], 1, 3)
    await bury(logs[0], 2, 3)
    await bury(logs[0], 1, 4)
    found = dead_letters.of_event(shards, VIEW, outgoing_id(3, 0))
    assert [(one.subscription.id, dead_letters.body_of(shards, one)) for one in found] == [(1, b"{}"), (2, b"{}")]


async def test_quarantine_comes_by_shard_and_position_of_the_providers_that_are_asked_for(
    logs: dict[int, SqliteLog], shards: Shards
) -> None:
    for shard, provider_id, count in ((0, 1, 2), (0, 2, 1), (1, 1, 1), (1, 2, 2)):
        await logs[shard].append(unreadable(provider_id, count))
    places = [Place(0, 1), Place(0, 2), Place(0, 3), Place(1, 1), Place(1, 2), Place(1, 3)]
    for limit in (1, 2, 4, 9):
        found: list[Place] = []
        while page := quarantine.listed(shards, after=found[-1] if found else None, limit=limit):
            found += [one.place for one in page]
        assert found == places, limit
    of_second = quarantine.listed(shards, provider_ids={2}, limit=9)
    assert [one.place for one in of_second] == [Place(0, 3), Place(1, 2), Place(1, 3)]
    assert quarantine.listed(shards, provider_ids=frozenset(), limit=9) == []
    assert [one.place for one in quarantine.listed(shards, provider_ids={1}, after=Place(0, 2), limit=9)] == [
        Place(1, 1)
    ]

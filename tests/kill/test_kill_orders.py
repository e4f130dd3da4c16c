"""Every order of delivery at once to difficult customers, while the hub is killed: each event is accounted for.

A witness, who takes everything, says which events there are. Each of them must be, for each other subscription,
delivered, dead or parked in the shard, or skipped with a reason.
"""

import asyncio
import datetime as dt
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.declared import ENVIRONMENT, Declared, declaration, settings_of
from fixtures.journal import SLOT_BITS, Journal, Moods
from fixtures.killing import kill_under_load
from fixtures.prepared_hub import PreparedHub
from postroad import layout
from postroad.cli.main import cli
from postroad.clock import SystemClock
from postroad.log.delivery import DeadLetter, Letter, LetterFilter
from postroad.log.reader import ShardReader, open_reader
from postroad.log.sqlite import open_log
from postroad.registry.store import RegistryStore
from postroad.simulate.certificates import make_server_context
from postroad.simulate.counter import compare
from postroad.simulate.customer import Customer

INJECTORS = 3
VEHICLES_EACH = 6
TYPES = ("gps_position", "car_ignition")
RETRY_S = 0.1
WINDOW_ITEMS = 100
BULK_EVENTS = 200
WITNESS = "witness"
SUBSCRIPTIONS: dict[str, dict[str, Any]] = {
    WITNESS: {},
    "in-bulks": {"isolate": True},
    "by-subject": {"order": "subject", "window": WINDOW_ITEMS},
    "on-its-own": {"order": "none", "window": WINDOW_ITEMS, "retry": {"max_attempts": 4}},
}
MAX_ITEMS = {WITNESS: BULK_EVENTS, "in-bulks": BULK_EVENTS, "by-subject": 1, "on-its-own": 10}
REPEATED_BY_A_KILL = {
    WITNESS: BULK_EVENTS,
    "in-bulks": BULK_EVENTS,
    "by-subject": WINDOW_ITEMS * len(TYPES),
    "on-its-own": WINDOW_ITEMS * len(TYPES),
}
IN_ORDER = (WITNESS, "in-bulks", "by-subject")
BY_CHANCE = 0.02
OUTAGES = 0.3
EVERY_LETTER = LetterFilter()
QUIET_WITHIN_S = 120.0


def event_id(letter: Letter) -> int:
    return letter.position << SLOT_BITS | letter.slot


class Books:
    """What the shard says of each subscription, by event."""

    def __init__(self, reader: ShardReader, ids: dict[str, int]) -> None:
        cursors = reader.cursors()
        self.cursor = {name: cursors[id_].position for name, id_ in ids.items()}
        self.end = reader.heads().next_position
        self.dead = {
            name: {event_id(dead.letter) for dead in reader.dead(LetterFilter(subscription_id=id_), limit=1_000_000)}
            for name, id_ in ids.items()
        }
        self.parked = {name: {event_id(letter) for letter in reader.parked(id_)} for name, id_ in ids.items()}
        self.skipped = {
            name: {position for skip in reader.skips(id_) for position in range(skip.first, skip.end) if skip.reason}
            for name, id_ in ids.items()
        }


class Killed:
    """A hub, its customers, and what happens while it is dead."""

    def __init__(self, folder: Path, *, kills: int, seed: int) -> None:
        self.hub = PreparedHub(folder / "hub", environment=ENVIRONMENT)
        self.random = Random(seed)
        self.journals = {name: Journal() for name in SUBSCRIPTIONS}
        self.moods = {
            name: Moods(Random(f"{seed} {name}"), self.journals[name], by_chance=BY_CHANCE)
            for name in SUBSCRIPTIONS
            if name != WITNESS
        }
        self.redriven: dict[str, set[int]] = {name: set() for name in SUBSCRIPTIONS}
        self._folder = folder
        self._dead: set[tuple[str, int]] = set()
        self._kills_left = kills

    async def run(self, *, kills: int, seed: int) -> None:
        async with AsyncExitStack() as stack:
            declared = await self._declared(stack)
            ledgers = await kill_under_load(
                self.hub,
                declaration(*declared),
                kills=kills,
                seed=seed,
                injectors=INJECTORS,
                vehicles_each=VEHICLES_EACH,
                stack=stack,
                at_most_up_s=3.0,
                while_dead=self._while_dead,
            )
            for moods in self.moods.values():
                moods.calm = True
            await self._quiet()
            self.audits = json.loads(await asyncio.to_thread(self._audit))
            self.witnessed = compare(ledgers, self.journals[WITNESS])

    async def _declared(self, stack: AsyncExitStack) -> list[Declared]:
        context, ca_file = make_server_context(self._folder, dt.datetime.now(dt.UTC))
        declared = []
        for name, delivery in SUBSCRIPTIONS.items():
            customer = Customer(settings_of(name), clock=SystemClock(), record=self.journals[name])
            customer.steer = self.moods.get(name)
            base = await customer.start(context)
            stack.push_async_callback(customer.stop)
            declared.append(
                Declared(
                    name=name,
                    base=base,
                    ca_file=ca_file,
                    types=TYPES,
                    retry_s=RETRY_S,
                    max_items=MAX_ITEMS[name],
                    timeout_s=0.5,
                    delivery=delivery,
                )
            )
        return declared

    @property
    def ids(self) -> dict[str, int]:
        registry = RegistryStore.open(self._folder / "hub" / layout.REGISTRY_FILE)
        try:
            return {subscription.name: id_ for id_, subscription in registry.view().subscriptions.items()}
        finally:
            registry.close()

    async def _while_dead(self) -> None:
        """Look at what the hub has left, redrive some of what it had given up, begin or end an outage."""
        names = {id_: name for name, id_ in (await asyncio.to_thread(lambda: self.ids)).items()}
        log = await open_log(self._folder / "hub", 0, clock=SystemClock())
        try:
            letters = {
                (names[dead.subscription_id], event_id(dead.letter)): dead
                for dead in await log.delivery.dead(EVERY_LETTER, limit=1_000_000)
            }
            assert self._dead <= letters.keys(), "a dead letter that was recorded is gone"
            chosen = {key: dead for key, dead in letters.items() if self.random.random() < 0.3}
            await self._redrive(log, chosen)
        finally:
            await log.close()
        self._dead = letters.keys() - chosen.keys()
        for name, journal in self.journals.items():
            journal.dead = {id_ for whose, id_ in self._dead if whose == name}
        self._kills_left -= 1
        for moods in self.moods.values():
            # An outage ends with a kill at the latest: a gate that begins anew does not wait for a probe.
            moods.out = self._kills_left > 0 and self.random.random() < OUTAGES

    async def _redrive(self, log: Any, chosen: dict[tuple[str, int], DeadLetter]) -> None:
        """As if the letters had been mended at the customer."""
        revived = await log.delivery.revive(list(chosen.values()), [1] * len(chosen))
        assert len(revived) == len(chosen)
        for name, id_ in chosen:
            self.redriven[name].add(id_)
            self.moods[name].mended.add(id_)

    async def _quiet(self) -> None:
        """Wait until the shard says that every subscription has come to its end and nothing is parked."""
        ids = await asyncio.to_thread(lambda: self.ids)
        until_s = time.monotonic() + QUIET_WITHIN_S
        while True:
            self.books = await asyncio.to_thread(self._read, ids)
            at_the_end = all(cursor >= self.books.end for cursor in self.books.cursor.values())
            if at_the_end and not any(self.books.parked.values()):
                return
            assert time.monotonic() < until_s, (self.books.end, self.books.cursor, self.books.parked)
            await asyncio.sleep(0.5)

    def _audit(self) -> str:
        """What ``postroad audit`` says, beside the running hub."""
        result = CliRunner().invoke(cli, ["audit", "--json", "--data", str(self._folder / "hub")])
        return result.stdout

    def _read(self, ids: dict[str, int]) -> Books:
        reader = open_reader(self._folder / "hub" / "shard-00.db")
        try:
            return Books(reader, ids)
        finally:
            reader.close()


def check(killed: Killed, kills: int) -> None:
    count = killed.witnessed
    assert count.acknowledged > 50 * kills, "there was no load worth the name"
    assert count.lost == count.unknown == count.altered == count.malformed == count.doubled == 0, count
    assert {audit["subscription"] for audit in killed.audits} == set(SUBSCRIPTIONS)
    for audit in killed.audits:
        assert (audit["gaps"], audit["unproven"]) == ([], []), audit["subscription"]
        assert len(audit["ranges"]) < sum(audit["outcomes"].values())
    events = killed.journals[WITNESS].times.keys()
    [witnessed] = [audit["outcomes"] for audit in killed.audits if audit["subscription"] == WITNESS]
    told_of = INJECTORS * VEHICLES_EACH
    """Vehicles: the witness is told of each, which no journal counts."""
    assert witnessed == {"delivered": len(events) + told_of}, "each is recorded once, however often it was sent"
    for name, journal in killed.journals.items():
        delivered, dead, skipped = journal.times.keys(), killed.books.dead[name], killed.books.skipped[name]
        missing = events - delivered - dead - killed.books.parked[name]
        unrecorded = {id_ for id_ in missing if id_ >> SLOT_BITS not in skipped}
        assert not unrecorded, (name, len(unrecorded), sorted(unrecorded)[:5])
        assert not delivered - events, (name, "nobody else was given this")
        assert journal.after_death == 0, name
        assert journal.repeats <= kills * REPEATED_BY_A_KILL[name] + journal.unanswered, (name, journal.repeats)
        if name in IN_ORDER:
            assert journal.behind(killed.redriven[name]) == 0, name
        if name != WITNESS:
            refused = {id_ for id_ in events if killed.moods[name].refuses(id_)}
            assert refused <= dead, (name, "what is never taken is a dead letter")
            assert not refused & delivered
        if name in ("in-bulks", "by-subject"):
            assert dead == refused, (name, "nothing else is given up")


async def killed_hub(folder: Path, *, kills: int, seed: int) -> Killed:
    killed = Killed(folder, kills=kills, seed=seed)
    await killed.run(kills=kills, seed=seed)
    return killed


@pytest.mark.timeout(300)
async def test_after_2_kills_every_event_is_delivered_or_accounted_for_in_every_order(tmp_path: Path) -> None:
    killed = await killed_hub(tmp_path, kills=2, seed=1)
    check(killed, kills=2)
    assert any(killed.redriven.values())


@pytest.mark.slow
@pytest.mark.timeout(7200)
async def test_after_100_kills_every_event_is_delivered_or_accounted_for_in_every_order(tmp_path: Path) -> None:
    for seed in range(20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        check(await killed_hub(folder, kills=5, seed=100 + seed), kills=5)

"""Alerts that nobody takes back by himself are cleared once they are over, and not before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.clock import VirtualClock
from postroad.alerts.book import AlertBook
from postroad.alerts.over import DEAD_STANDS_US, EXPIRED_STANDS_US, clear_what_is_over
from postroad.log.delivery import Changes, DeadLetter, Letter, Posted
from postroad.log.memory import MemoryLog
from postroad.registry.store import RegistryStore

DEAD = Letter(position=5, slot=1, subject_id=1, size=2, received_us=0, stored_us=0, dead_us=1, reason="rejected")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryStore]:
    registry = RegistryStore.open(tmp_path / "registry.db")
    yield registry
    registry.close()


@pytest.fixture
def book(registry: RegistryStore, clock: VirtualClock) -> AlertBook:
    return AlertBook(registry, clock=clock)


async def test_dead_letters_are_told_of_until_the_last_is_gone(book: AlertBook, clock: VirtualClock) -> None:
    log = MemoryLog(0, clock=clock)
    await log.delivery.settle(7, 6, Changes(posted=[Posted(DEAD, b"{}")]))
    for subscription_id in (7, 8):
        book.raise_alert("dead_letters", subscription_id, "rejected")
    clock.us += DEAD_STANDS_US + 1
    await clear_what_is_over(book, {0: log.delivery}, clock)
    assert book.open == {("dead_letters", 7)}
    await log.delivery.drop([DeadLetter(7, DEAD)])
    await clear_what_is_over(book, {0: log.delivery}, clock)
    assert book.open == frozenset()


async def test_a_letter_that_is_just_being_written_is_not_taken_for_none(book: AlertBook, clock: VirtualClock) -> None:
    log = MemoryLog(0, clock=clock)
    book.raise_alert("dead_letters", 7, "rejected")
    await clear_what_is_over(book, {0: log.delivery}, clock)
    assert book.open == {("dead_letters", 7)}


async def test_expiry_is_told_of_for_a_day_after_the_last_one(book: AlertBook, clock: VirtualClock) -> None:
    log = MemoryLog(0, clock=clock)
    book.raise_alert("events_expired", 7, "too old")
    book.raise_alert("destination_failing", 7, "timeout")
    clock.us += EXPIRED_STANDS_US
    await clear_what_is_over(book, {0: log.delivery}, clock)
    assert len(book.open) == 2
    clock.us += 1
    await clear_what_is_over(book, {0: log.delivery}, clock)
    assert book.open == {("destination_failing", 7)}, "only whoever raised that one knows when it is over"

"""A registry that is away for long is an alert, known at once and written down when it can be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.clock import VirtualClock
from postroad.access.confirmed import Confirmation
from postroad.alerts.book import THE_HUB, AlertBook
from postroad.alerts.unconfirmed import LASTS_S, watch_confirmation
from postroad.errors import StoreUnavailable
from postroad.registry.store import RegistryStore

OPEN = {("registry_unconfirmed", THE_HUB)}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryStore]:
    registry = RegistryStore.open(tmp_path / "registry.db")
    yield registry
    registry.close()


async def test_it_is_raised_once_it_lasts_and_cleared_when_the_registry_answers(
    registry: RegistryStore, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, confirmed = AlertBook(registry, clock=clock), Confirmation(clock, within_s=5)
    confirmed.confirm(clock.monotonic_s())
    clock.advance(LASTS_S)
    await watch_confirmation(book, confirmed)
    assert book.open == frozenset(), "it may be back in a moment"
    clock.advance(0.001)
    await watch_confirmation(book, confirmed)
    assert book.open == OPEN

    def away(*_: object) -> None:
        raise StoreUnavailable("lost", "no route")

    with monkeypatch.context() as broken:
        broken.setattr(registry._database, "write", away)
        await book.flush()
    assert registry.alerts() == []
    await book.flush()
    [alert] = registry.alerts()
    assert (alert.kind, alert.about) == ("registry_unconfirmed", "")
    confirmed.confirm(clock.monotonic_s())
    await watch_confirmation(book, confirmed)
    await book.flush()
    assert (book.open, registry.alerts()) == (frozenset(), [])


async def test_one_that_was_open_when_the_hub_ended_is_taken_up_and_cleared(
    registry: RegistryStore, clock: VirtualClock
) -> None:
    registry.raise_alert("registry_unconfirmed", "", "away")
    book, confirmed = AlertBook(registry, clock=clock), Confirmation(clock, within_s=5)
    await book.load()
    assert book.open == OPEN
    confirmed.confirm(clock.monotonic_s())
    await watch_confirmation(book, confirmed)
    assert book.open == frozenset()

"""The book of alerts: deliveries never wait, the registry hears of each thing once, and of every thing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.clock import VirtualClock
from postroad.alerts.book import KINDS, SAID_AGAIN_US, WRITES_APART_S, AlertBook
from postroad.delivery.delivery import Overseer
from postroad.errors import StoreUnavailable
from postroad.logs import JsonFormatter
from postroad.registry.alerts import PAUSED, Alert
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore

FLEET = """
organizations:
  - name: Andes
    integrations:
      - name: insurer
        destinations:
          - {name: webhook, transport: https, config: {url: "https://customer.example/events"}}
        subscriptions:
          - {name: telemetry, protocol: connected_cars, destination: webhook, types: [gps_position]}
          - {name: other, protocol: connected_cars, destination: webhook, types: [gps_position]}
"""


class Watched(RegistryStore):
    """A registry that tells what it was told, and can be out of order."""

    told: list[tuple[object, ...]]
    trouble: Exception | None = None
    heard: Callable[[], object]

    def _hear(self, *what: object) -> None:
        self.told.append(what)
        self.heard()
        if self.trouble is not None:
            raise self.trouble

    def raise_alert(self, kind: str, about: str, detail: str) -> None:
        self._hear("raise", kind, about, detail)
        super().raise_alert(kind, about, detail)

    def clear_alert(self, kind: str, about: str) -> None:
        self._hear("clear", kind, about)
        super().clear_alert(kind, about)

    def set_subscription_state(self, subscription: Any, state: Any, *, reason: str | None = None) -> int:
        self._hear(state, subscription, reason)
        return super().set_subscription_state(subscription, state, reason=reason)


class Sleeper(VirtualClock):
    """Tells when somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.set()
        await super().sleep(seconds)


class Bench:
    """A book over a real registry, in virtual time."""

    def __init__(self, registry: Watched, clock: Sleeper) -> None:
        self.registry, self.clock = registry, clock
        self.book = AlertBook(registry, clock=clock)

    def open_rows(self) -> set[tuple[str, str, str]]:
        return {(alert.kind, alert.about, alert.detail) for alert in self.registry.alerts()}

    def view(self) -> RegistryView:
        return self.registry.view()


@pytest.fixture
async def bench(tmp_path: Path, declare: Any) -> AsyncIterator[Bench]:
    clock = Sleeper()
    registry = Watched.open(tmp_path / "registry.db", clock=clock)
    assert isinstance(registry, Watched)
    registry.told, registry.heard = [], lambda: None
    declare(registry, FLEET)
    yield Bench(registry, clock)
    registry.close()


def test_it_is_an_overseer_and_the_registrys_word_for_a_pause_is_a_kind_of_alert(
    tmp_path: Path, clock: VirtualClock
) -> None:
    store = RegistryStore.open(tmp_path / "registry.db")
    overseer: Overseer = AlertBook(store, clock=clock)
    assert overseer
    assert PAUSED in KINDS
    store.close()


async def test_what_is_said_a_thousand_times_is_written_once(bench: Bench) -> None:
    for _ in range(1000):
        bench.book.raise_alert("destination_failing", 1, "503")
    await bench.book.flush()
    for _ in range(1000):
        bench.book.raise_alert("destination_failing", 1, "503")
    await bench.book.flush()
    assert bench.registry.told == [("raise", "destination_failing", "1", "503")]
    assert bench.open_rows() == {("destination_failing", "1", "503")}
    assert bench.book.open == {("destination_failing", 1)}


async def test_of_a_detail_that_changes_only_the_newest_is_written(bench: Bench) -> None:
    for count in range(1000):
        bench.book.raise_alert("dead_letters", 1, f"{count} events")
    await bench.book.flush()
    assert bench.registry.told == [("raise", "dead_letters", "1", "999 events")]


async def test_what_is_still_said_after_a_minute_is_written_again(bench: Bench) -> None:
    bench.book.raise_alert("dead_letters", 1, "3")
    await bench.book.flush()
    bench.clock.us += SAID_AGAIN_US
    bench.book.raise_alert("dead_letters", 1, "3")
    await bench.book.flush()
    [alert] = bench.registry.alerts()
    assert (alert.last_us - alert.raised_us, len(bench.registry.told)) == (SAID_AGAIN_US, 2)


async def test_things_are_written_in_the_order_in_which_they_were_said(bench: Bench) -> None:
    bench.book.raise_alert(PAUSED, 1, "410")
    bench.book.pause(1, "410 Gone")
    bench.book.raise_alert("dead_letters", 2, "1")
    bench.book.pause(1, "410 Gone")
    await bench.book.flush()
    assert bench.registry.told == [
        ("raise", PAUSED, "1", "410"),
        ("paused", 1, "410 Gone"),
        ("raise", "dead_letters", "2", "1"),
    ]
    paused = bench.view().subscriptions[1]
    assert (paused.state, paused.paused_reason) == ("paused", "410 Gone")


async def test_clearing_what_is_not_open_says_nothing(bench: Bench) -> None:
    bench.book.clear_alert("dead_letters", 1)
    await bench.book.flush()
    assert bench.registry.told == []


async def test_a_cleared_alert_is_closed_in_the_registry_and_can_be_raised_anew(bench: Bench) -> None:
    bench.book.raise_alert("parked_full", 1, "full")
    await bench.book.flush()
    bench.book.clear_alert("parked_full", 1)
    await bench.book.flush()
    assert (bench.open_rows(), bench.book.open) == (set(), frozenset())
    bench.book.raise_alert("parked_full", 1, "full again")
    await bench.book.flush()
    assert bench.open_rows() == {("parked_full", "1", "full again")}


async def test_a_line_is_logged_when_raised_and_when_cleared_and_never_the_detail(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for detail in ("said by the customer", "said otherwise"):
        bench.book.raise_alert("dead_letters", 7, detail)
    bench.clock.us += 2_500_000
    for _ in range(2):
        bench.book.clear_alert("dead_letters", 7)
    lines = [msgspec.json.decode(JsonFormatter().format(record)) for record in caplog.records]
    assert [(line["message"], line["kind"], line["subscription_id"], line.get("open_s")) for line in lines] == [
        ("An alert is raised", "dead_letters", 7, None),
        ("An alert is cleared", "dead_letters", 7, 2.5),
    ]
    assert not any("said" in str(line) for line in lines)


async def test_a_hub_that_starts_again_knows_what_is_open(bench: Bench) -> None:
    bench.book.raise_alert("destination_failing", 1, "503")
    await bench.book.flush()
    bench.registry.raise_alert("of_another_version", "1", "?")
    again = AlertBook(bench.registry, clock=bench.clock)
    await again.load()
    assert again.open == {("destination_failing", 1)}
    again.raise_alert("destination_failing", 1, "503")
    again.clear_alert("destination_failing", 1)
    await again.flush()
    assert bench.open_rows() == {("of_another_version", "1", "?")}


async def test_a_person_who_resumes_a_subscription_clears_the_alert_of_its_pause_only(bench: Bench) -> None:
    bench.book.follow(bench.view())
    bench.book.raise_alert(PAUSED, 1, "410")
    bench.book.raise_alert("dead_letters", 1, "3")
    bench.book.pause(1, "410")
    bench.book.follow(bench.view())
    assert (PAUSED, 1) in bench.book.open, "the pause itself is still on its way"
    await bench.book.flush()
    bench.book.follow(bench.view())
    assert (PAUSED, 1) in bench.book.open
    bench.registry.set_subscription_state("telemetry", "active")
    bench.book.follow(bench.view())
    assert bench.book.open == {("dead_letters", 1)}
    bench.book.raise_alert(PAUSED, 1, "410")
    await bench.book.flush()
    assert (PAUSED, "1", "410") in bench.open_rows(), "it is gone again, and that is told again"


async def test_alerts_about_a_removed_subscription_are_cleared(bench: Bench, declare: Any) -> None:
    for id_ in (1, 2):
        bench.book.raise_alert("destination_failing", id_, "503")
    text = FLEET.replace("          - {name: other, proto", "#")
    declare(bench.registry, text, prune=True)
    bench.book.follow(bench.view())
    bench.book.pause(2, "410")
    await bench.book.flush()
    assert bench.open_rows() == {("destination_failing", "1", "503")}


async def test_an_alert_about_a_shard_is_no_subscriptions_and_outlives_restarts_and_removals(bench: Bench) -> None:
    bench.book.raise_alert("backlog_half", 1, "55% of log.max_bytes")
    bench.book.raise_alert("events_expired", 1, "too old")
    await bench.book.flush()
    assert bench.open_rows() == {
        ("backlog_half", "shard 1", "55% of log.max_bytes"),
        ("events_expired", "1", "too old"),
    }
    again = AlertBook(bench.registry, clock=bench.clock)
    await again.load()
    assert again.open == {("backlog_half", 1), ("events_expired", 1)}
    again.follow(msgspec.structs.replace(bench.view(), subscriptions={}))
    assert again.open == {("backlog_half", 1)}
    again.clear_alert("backlog_half", 1)
    await again.flush()
    assert bench.open_rows() == set()


async def test_a_registry_that_is_away_hears_everything_later_and_in_order(bench: Bench) -> None:
    bench.registry.trouble = StoreUnavailable("lost", "away")
    bench.book.raise_alert("dead_letters", 1, "3")
    bench.book.raise_alert("parked_full", 2, "full")
    await bench.book.flush()
    assert bench.registry.told == [("raise", "dead_letters", "1", "3")], "it is not hammered"
    bench.book.raise_alert("dead_letters", 1, "4")
    bench.registry.trouble = None
    await bench.book.flush()
    assert bench.registry.told[1:] == [("raise", "dead_letters", "1", "4"), ("raise", "parked_full", "2", "full")]


async def test_what_cannot_be_recorded_does_not_hold_up_what_follows(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def once() -> None:
        bench.registry.trouble = KeyError() if len(bench.registry.told) == 1 else None

    bench.registry.heard = once
    bench.book.raise_alert("dead_letters", 1, "3")
    bench.book.raise_alert("parked_full", 2, "full")
    await bench.book.flush()
    assert bench.open_rows() == {("parked_full", "2", "full")}
    assert "is dropped" in caplog.text


async def test_the_task_writes_at_once_then_at_its_pace_and_ends_with_nothing_half_done(bench: Bench) -> None:
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    bench.registry.heard = lambda: loop.call_soon_threadsafe(heard.set)
    task = asyncio.create_task(bench.book.run())
    bench.book.raise_alert("dead_letters", 1, "1")
    await asyncio.wait_for(heard.wait(), 10)
    heard.clear()
    await asyncio.wait_for(bench.clock.slept.wait(), 10)
    bench.book.raise_alert("dead_letters", 1, "2")
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(bench.registry.told) == 1, "not before its time"
    bench.clock.advance(WRITES_APART_S)
    await asyncio.wait_for(heard.wait(), 10)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert bench.open_rows() == {("dead_letters", "1", "2")}
    last: Alert = bench.registry.alerts()[0]
    assert last.detail == "2"

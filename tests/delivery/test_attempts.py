"""Attempts reach the registry in order, each once, and never hold delivery up."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.clock import VirtualClock
from fixtures.pipeline import failed, quiet
from postroad.delivery import attempts as attempts_module
from postroad.delivery.attempts import FLUSH_S, AttemptRecorder
from postroad.delivery.delivery import Bulk
from postroad.errors import StoreUnavailable
from postroad.registry.attempts import FailedAttempt, Success
from postroad.routing.feed import RoutedItem
from postroad.transports.base import Delivered


class Ledger:
    """What the registry has; it fails when it is told to."""

    def __init__(self) -> None:
        self.rows: list[FailedAttempt | Success] = []
        self.failures: list[Exception] = []
        self.hold: threading.Event | None = None
        self.entered = threading.Event()

    def record(self, rows: Sequence[FailedAttempt | Success]) -> None:
        self.entered.set()
        if self.hold is not None:
            assert self.hold.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        self.rows += rows

    @property
    def told(self) -> list[tuple[bool, int]]:
        return [(isinstance(row, Success), row.first_position) for row in self.rows]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def recorder(clock: Any, ledger: Ledger) -> AttemptRecorder:
    return AttemptRecorder(clock=clock, record_failures=ledger.record, record_successes=ledger.record)


def bulk(position: int) -> Bulk:
    items = (RoutedItem(position, 1, (b"{}",), 2), RoutedItem(position + 4, 1, (b"{}", b"{}"), 4))
    return Bulk(items=items, settles=position + 5, request_id="r", body=b"[{},{},{}]", events=3)


def observe(recorder: AttemptRecorder, *outcomes: tuple[bool, int]) -> None:
    for success, position in outcomes:
        outcome = Delivered(status=200, elapsed_s=0.25) if success else failed(detail="busy", elapsed_s=0.5)
        recorder.observe(0, 9, bulk(position), 2, outcome)


async def test_a_row_says_which_bulk_when_how_long_and_why_not(
    clock: Any, recorder: AttemptRecorder, ledger: Ledger
) -> None:
    observe(recorder, (False, 3), (True, 3))
    await recorder.flush()
    place = {"subscription_id": 9, "shard": 0, "first_position": 3, "last_position": 7, "items": 3}
    assert ledger.rows == [
        FailedAttempt(
            **place, at_us=clock.now_us(), attempt=2, reason="server_error", status=503, detail="busy",
            elapsed_ms=500.0, request_id="r",
        ),
        Success(**place, at_us=clock.now_us(), elapsed_ms=250.0),
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(outcomes=st.lists(st.booleans(), max_size=12), fails=st.lists(st.booleans(), max_size=8), cut=st.integers(0, 12))
def test_the_order_is_kept_and_no_row_comes_twice_whatever_fails(
    outcomes: list[bool], fails: list[bool], cut: int
) -> None:
    async def play() -> None:
        ledger = Ledger()
        calls = iter(fails)

        def record(rows: Any) -> None:
            if next(calls, False):
                raise StoreUnavailable("locked", "busy")
            ledger.record(rows)

        recorder = AttemptRecorder(clock=VirtualClock(), record_failures=record, record_successes=record)
        numbered = list(zip(outcomes, range(len(outcomes)), strict=True))
        observe(recorder, *numbered[:cut])
        await recorder.flush()
        observe(recorder, *numbered[cut:])
        for _ in range(len(fails) + 1):
            await recorder.flush()
        assert ledger.told == numbered
        assert recorder.dropped == 0

    asyncio.run(play())


async def test_it_hands_over_each_second(clock: Any, recorder: AttemptRecorder, ledger: Ledger) -> None:
    running = asyncio.create_task(recorder.run())
    await quiet()
    observe(recorder, (True, 1))
    clock.advance(FLUSH_S)
    while not ledger.rows:
        await asyncio.to_thread(ledger.entered.wait, 1)
    assert ledger.told == [(True, 1)]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_beyond_the_bound_the_oldest_are_dropped_and_counted(
    recorder: AttemptRecorder, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "MAX_WAITING", 3)
    observe(recorder, *[(True, n) for n in range(5)])
    assert recorder.dropped == 2
    await recorder.flush()
    assert ledger.told == [(True, 2), (True, 3), (True, 4)]


async def test_the_bound_holds_also_for_what_a_failing_registry_gives_back(
    recorder: AttemptRecorder, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_module, "MAX_WAITING", 3)
    observe(recorder, *[(True, n) for n in range(3)])
    ledger.hold, ledger.failures = threading.Event(), [StoreUnavailable("locked", "busy")]
    flushing = asyncio.create_task(recorder.flush())
    await asyncio.to_thread(ledger.entered.wait, 10)
    observe(recorder, (False, 3), (True, 4))
    ledger.hold.set()
    await flushing
    assert recorder.dropped == 2
    await recorder.flush()
    assert ledger.told == [(True, 2), (False, 3), (True, 4)]


async def test_what_the_registry_can_never_take_is_dropped_and_the_rest_goes_on(
    recorder: AttemptRecorder, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.failures = [ValueError("a row of poison")]
    observe(recorder, (True, 1), (False, 2), (True, 3))
    await recorder.flush()
    assert ledger.told == [(False, 2), (True, 3)]
    assert recorder.dropped == 1
    assert "cannot be recorded and are dropped" in caplog.text


async def test_a_stop_in_the_middle_of_recording_neither_loses_nor_repeats_nor_reorders(
    clock: Any, recorder: AttemptRecorder, ledger: Ledger
) -> None:
    running = asyncio.create_task(recorder.run())
    await quiet()
    observe(recorder, (True, 1))
    ledger.hold = threading.Event()
    clock.advance(FLUSH_S)
    await quiet()
    await asyncio.to_thread(ledger.entered.wait, 10)
    running.cancel()
    observe(recorder, (True, 2))
    last = asyncio.create_task(recorder.flush())
    await quiet()
    assert ledger.told == []
    ledger.hold.set()
    await asyncio.gather(running, last, return_exceptions=True)
    assert ledger.told == [(True, 1), (True, 2)]

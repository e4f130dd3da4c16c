"""Tells the registry how attempts ended, off the event loop, a second at a time.

These rows are for people: the cursor says what was delivered. When the registry cannot be written for long, the oldest
rows beyond a bound are dropped and counted; delivery goes on.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from postroad.clock import Clock
from postroad.delivery.delivery import Bulk
from postroad.errors import StoreUnavailable
from postroad.registry.attempts import FailedAttempt, Success
from postroad.transports.base import Delivered, Outcome

FLUSH_S = 1.0
MAX_WAITING = 10_000

_log = logging.getLogger(__name__)


class AttemptRecorder:
    """Gathers attempts and hands them over in order."""

    def __init__(
        self,
        *,
        clock: Clock,
        record_failures: Callable[[Sequence[FailedAttempt]], None],
        record_successes: Callable[[Sequence[Success]], None],
    ) -> None:
        """The two functions block; they are called in a thread."""
        self.dropped = 0
        self._clock = clock
        self._record_failures = record_failures
        self._record_successes = record_successes
        self._waiting: deque[FailedAttempt | Success] = deque()
        self._flushing = asyncio.Lock()

    def observe(self, shard: int, subscription_id: int, bulk: Bulk, attempt: int, outcome: Outcome) -> None:
        """Note how an attempt ended."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        place: dict[str, Any] = {
            "subscription_id": subscription_id,
            "shard": shard,
            "first_position": bulk.items[0].position,
            "last_position": bulk.items[-1].position,
            "items": bulk.events,
            "at_us": self._clock.now_us(),
            "elapsed_ms": outcome.elapsed_s * 1000,
        }
        if isinstance(outcome, Delivered):
            self._waiting.append(Success(**place))
            return
        self._waiting.append(
            FailedAttempt(
                **place,
                attempt=attempt,
                reason=outcome.reason,
                status=outcome.status,
                detail=outcome.detail,
                request_id=bulk.request_id,
            )
        )

    async def run(self) -> None:
        """Hand over what was gathered, each second, until cancelled."""
        while True:
            await self._clock.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        """Hand over what was gathered, failures and successes in turns as they came."""
        async with self._flushing:
            while self._waiting:
                rows = self._next_rows()
                try:
                    await self._record(rows)
                except StoreUnavailable as exc:
                    _log.warning("Attempts cannot be recorded now: %s", exc)
                    self._put_back(rows)
                    return
                except Exception:  # noqa: BLE001 - what cannot be recorded must not keep all that follows waiting
                    _log.exception("%d attempts cannot be recorded and are dropped", len(rows))
                    self.dropped += len(rows)

    def _next_rows(self) -> list[FailedAttempt] | list[Success]:
        """The first rows of one kind: they are recorded together, or not at all."""
        kind = type(self._waiting[0])
        rows: list[Any] = []
        while self._waiting and type(self._waiting[0]) is kind:
            rows.append(self._waiting.popleft())
        return rows

    def _put_back(self, rows: Sequence[FailedAttempt | Success]) -> None:
        room = max(MAX_WAITING - len(self._waiting), 0)
        self.dropped += max(len(rows) - room, 0)
        self._waiting.extendleft(islice(reversed(rows), room))

    async def _record(self, rows: list[FailedAttempt] | list[Success]) -> None:
        """Record rows in a thread, and wait for it to the end also when cancelled: another flush must come after it."""
        record: Any = self._record_successes if isinstance(rows[0], Success) else self._record_failures
        recording = asyncio.ensure_future(asyncio.to_thread(record, rows))
        try:
            await asyncio.shield(recording)
        except asyncio.CancelledError:
            await asyncio.wait([recording])
            if isinstance(recording.exception(), StoreUnavailable):
                self._put_back(rows)
            raise

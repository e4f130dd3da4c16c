"""What the hub tells of deliveries."""

import pytest

from fixtures.clock import VirtualClock
from fixtures.lane import Overseer
from postroad.log.delivery import Skip
from postroad.log.memory import MemoryLog
from postroad.metrics.counts import Counts
from postroad.service.outbound import gap_reporter


async def test_positions_that_were_removed_unread_are_recorded_counted_and_told(
    caplog: pytest.LogCaptureFixture, clock: VirtualClock
) -> None:
    counts, overseer, log = Counts(), Overseer(), MemoryLog(3, clock=clock)
    await log.delivery.settle(7, 8)
    await gap_reporter(counts, overseer, log)(7, 10, 15)
    assert counts.positions_lost.values == {(7, 3): 5}
    assert await log.delivery.skips(7) == [Skip(10, 15, "expired", 0)]
    assert (await log.delivery.cursors())[7].position == 8
    assert overseer.standing == {"events_expired"}
    assert "Subscription 7 lost positions 10 to 14 of shard 3" in caplog.text

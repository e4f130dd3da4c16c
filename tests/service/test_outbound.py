"""What the hub tells of deliveries."""

import pytest

from postroad.metrics.counts import Counts
from postroad.service.outbound import gap_reporter


def test_positions_that_retention_took_from_a_subscription_are_counted_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts = Counts()
    gap_reporter(counts, 3)(7, 10, 15)
    assert counts.positions_lost.values == {(7, 3): 5}
    assert "Subscription 7 lost positions 10 to 14 of shard 3" in caplog.text

"""What delivery tells of itself: figures of every attempt, and one wide line in the log for each that failed."""

import logging
from collections.abc import Callable

from postroad.clock import Clock
from postroad.delivery.delivery import Bulk
from postroad.logs import wide
from postroad.metrics.counts import Counts
from postroad.registry.records import RegistryView
from postroad.transports.base import Delivered, Failed, Outcome

_log = logging.getLogger(__name__)


class AttemptWatch:
    """A ``ShardAttemptObserver`` that counts and logs."""

    def __init__(self, counts: Counts, *, view: Callable[[], RegistryView], clock: Clock) -> None:
        """Count into ``counts``; ``view`` knows the names."""
        self._counts = counts
        self._view = view
        self._clock = clock

    def observe(
        self, shard: int, subscription_id: int, bulk: Bulk, attempt: int, outcome: Outcome, retry_in_s: float | None
    ) -> None:
        """See ``ShardAttemptObserver``."""
        if isinstance(outcome, Delivered):
            self._count(subscription_id, bulk)
        else:
            self._counts.attempts_failed.add(subscription_id, outcome.reason)
            self._tell(shard, subscription_id, bulk, attempt, outcome, retry_in_s)

    def _count(self, subscription_id: int, bulk: Bulk) -> None:
        counts, now_us = self._counts, self._clock.now_us()
        counts.bulks_delivered.add(subscription_id)
        counts.events_delivered.add(subscription_id, by=bulk.events)
        counts.last_success_us[subscription_id] = now_us
        waited_s = [(now_us - item.stored_us) / 1e6 for item in bulk.items]
        counts.stored_to_delivered.of(subscription_id).observe_all(waited_s)

    def _tell(
        self, shard: int, subscription_id: int, bulk: Bulk, attempt: int, failed: Failed, retry_in_s: float | None
    ) -> None:
        """What the destination answered (``detail``) stays out: it may repeat what it was sent. The registry has it."""
        view = self._view()
        subscription = view.subscriptions.get(subscription_id)
        destination = view.destinations.get(subscription.destination_id) if subscription else None
        _log.warning(
            "Bulk not delivered",
            extra=wide(
                subscription=subscription.name if subscription else None,
                subscription_id=subscription_id,
                destination=destination.name if destination else None,
                shard=shard,
                first_position=bulk.items[0].position,
                last_position=bulk.items[-1].position,
                events=bulk.events,
                attempt=attempt,
                reason=failed.reason,
                status=failed.status,
                elapsed_ms=round(failed.elapsed_s * 1000),
                request_id=bulk.request_id,
                next_attempt_in_s=retry_in_s and round(retry_in_s, 3),
            ),
        )

"""How many events wait beside the log or were given up, and how many were skipped: for figures, as of the last look."""

from collections import Counter
from collections.abc import Mapping

from postroad.log.delivery import DeliveryStore, LetterCounts


class LetterFigures:
    """Knows the letters of every subscription, over all shards. ``look`` now and then."""

    def __init__(self, stores: Mapping[int, DeliveryStore]) -> None:
        """Nothing is known before the first look."""
        self.skipped: Mapping[tuple[int, str], int] = {}
        """Events that were settled without being delivered, by subscription id and reason."""
        self._stores = stores
        self._counts: Mapping[int, list[LetterCounts]] = {}

    def parked(self, subscription_id: int) -> int:
        """Events that wait for their next attempt."""
        return sum(counts.parked for counts in self._of(subscription_id))

    def dead(self, subscription_id: int) -> int:
        """Events that were given up."""
        return sum(counts.dead for counts in self._of(subscription_id))

    def oldest_parked_us(self, subscription_id: int) -> int | None:
        """When the first of those that wait had arrived; ``None``: none waits."""
        known = (counts.oldest_parked_us for counts in self._of(subscription_id))
        return min((us for us in known if us is not None), default=None)

    async def look(self) -> None:
        """Count anew. Raises ``StoreUnavailable``."""
        found: dict[int, list[LetterCounts]] = {}
        skipped: Counter[tuple[int, str]] = Counter()
        for store in self._stores.values():
            for subscription_id, counts in (await store.letter_counts()).items():
                found.setdefault(subscription_id, []).append(counts)
            for subscription_id, by_reason in (await store.skipped()).items():
                skipped.update({(subscription_id, reason): events for reason, events in by_reason.items()})
        self._counts, self.skipped = found, skipped

    def _of(self, subscription_id: int) -> list[LetterCounts]:
        return self._counts.get(subscription_id, [])

"""Alerts that nobody takes back by himself, because whoever raised them does not see that they are over."""

from collections.abc import Mapping

from postroad.alerts.book import AlertBook
from postroad.clock import DAY_US, Clock
from postroad.log.delivery import DeliveryStore

EXPIRED_STANDS_US = DAY_US
"""So long after the last event that expired, a person has had time to see it."""
DEAD_STANDS_US = 60 * 1_000_000
"""So long after an event was given up its letter is surely in the store."""


async def clear_what_is_over(book: AlertBook, stores: Mapping[int, DeliveryStore], clock: Clock) -> None:
    """Clear ``dead_letters`` once there are none, and ``events_expired`` a day after the last. By shard: ``stores``.

    Raises:
        StoreUnavailable: A shard cannot be read now.
    """
    with_dead: set[int] = set()
    for store in stores.values():
        with_dead.update(id_ for id_, counts in (await store.letter_counts()).items() if counts.dead)
    stands_us = {"dead_letters": DEAD_STANDS_US, "events_expired": EXPIRED_STANDS_US}
    for kind, number in book.open:
        said_us = book.said_us(kind, number)
        if kind not in stands_us or said_us is None or (kind == "dead_letters" and number in with_dead):
            continue
        if clock.now_us() - said_us > stands_us[kind]:
            book.clear_alert(kind, number)

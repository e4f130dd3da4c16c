"""How subscriptions stand: what waits for each, since when, and how the last attempts ended."""

import msgspec

from postroad.administration.shards import Shards
from postroad.log.delivery import LetterCounts
from postroad.log.reader import ShardReader
from postroad.protocols import READABLE, TARGETS
from postroad.registry.attempts import Attempt
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.store import RegistryStore
from postroad.routing.backlog import oldest_undelivered
from postroad.routing.translation import Decoder

_RECENT_ATTEMPTS = 50
"""Looked through for the last delivery."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one subscription stands."""

    subscription: Subscription
    oldest_undelivered_us: int | None
    """When the oldest item that it may have and has not got was received; None: it has everything."""
    parked: int
    dead: int
    last_delivered_us: int | None
    last_failure: Attempt | None
    """The newest attempt, if it failed."""


def standing(registry: RegistryStore, view: RegistryView, shards: Shards, subscription: Subscription) -> Standing:
    """Raises ``StoreUnavailable`` and ``StoreCorrupt``."""
    oldest: list[int] = []
    parked = dead = 0
    for reader in shards.values():
        received_us = _oldest_us(reader, subscription, view)
        letters = reader.letter_counts().get(subscription.id, LetterCounts(0, 0))
        parked, dead = parked + letters.parked, dead + letters.dead
        oldest += [] if received_us is None else [received_us]
    attempts = registry.attempts(subscription.id, limit=_RECENT_ATTEMPTS)
    delivered = next((one for one in attempts if one.succeeded), None)
    newest = attempts[0] if attempts else None
    return Standing(
        subscription=subscription,
        oldest_undelivered_us=min(oldest, default=None),
        parked=parked,
        dead=dead,
        last_delivered_us=None if delivered is None else delivered.last_at_us,
        last_failure=None if newest is None or newest.succeeded else newest,
    )


def _oldest_us(reader: ShardReader, subscription: Subscription, view: RegistryView) -> int | None:
    cursor = reader.cursors().get(subscription.id)
    if cursor is None or subscription.protocol not in TARGETS:
        return None
    decoder = Decoder(READABLE)
    decoder.use(view)
    oldest = oldest_undelivered(reader.read, cursor.position, subscription, view=view, decoder=decoder, targets=TARGETS)
    return None if oldest is None else oldest.received_us

"""Which letters a store holds at or above a position: events that the log gives again to whoever begins there."""

from postroad.log.delivery import DeliveryStore, LetterFilter, LetterId

_PAGE = 1_000
"""Dead letters read at once."""


async def dead_from(store: DeliveryStore, subscription_id: int, position: int) -> list[LetterId]:
    """The dead ones. Raises ``StoreUnavailable``."""
    found: list[LetterId] = []
    which, after = LetterFilter(subscription_id=subscription_id), (subscription_id, LetterId(position, -1))
    while page := await store.dead(which, after=after, limit=_PAGE):
        found += [dead.letter.id for dead in page]
        after = subscription_id, page[-1].letter.id
    return found


async def letters_from(store: DeliveryStore, subscription_id: int, position: int) -> list[LetterId]:
    """Parked and dead ones. Raises ``StoreUnavailable``."""
    parked = [letter.id for letter in await store.parked(subscription_id) if letter.position >= position]
    return parked + await dead_from(store, subscription_id, position)

"""What there is beside the log of somebody who is to be forgotten, counted before it goes.

A hub that is ended half-way through removing it finds no more than what is left, so the receipt is written first.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from postroad.log.delivery import Letter, LetterFilter, LetterId
from postroad.log.interface import Erasing, ShardLog
from postroad.registry.erasures import Receipt

MOST_REFUSALS = 1_000_000
"""More than any shard keeps."""
_PAGE = 1_000


class Rememberer(Protocol):
    """Somebody who remembers something of subjects or of what stands at positions."""

    async def remembered(self, subject_id: int | None, positions: Sequence[int]) -> Receipt:
        """How much ``forget`` would forget. Raises ``StoreUnavailable``."""

    async def forget(self, subject_id: int | None, positions: Sequence[int]) -> Receipt:
        """Forget it, in memory and on the disk; how much that was. Raises ``StoreUnavailable``."""


async def beside_the_log(log: ShardLog, erasing: Erasing, rememberers: Sequence[Rememberer]) -> Receipt:
    """Letters, refused requests, and what is remembered. Raises ``StoreUnavailable``."""
    positions, besides = {*erasing.positions}, {*erasing.besides}
    letters = 0
    async for letter in _letters(log):
        of_subject = letter.subject_id == erasing.subject_id and letter.position not in besides
        letters += letter.position in positions or of_subject
    refusals = sum(map(erasing.refused, await log.refusals(limit=MOST_REFUSALS)))
    counted = Receipt(letters=letters, refusals=refusals)
    for rememberer in rememberers:
        counted = counted.more(await rememberer.remembered(erasing.subject_id, erasing.positions))
    return counted


async def _letters(log: ShardLog) -> AsyncIterator[Letter]:
    for subscription_id in await log.delivery.letter_counts():
        for letter in await log.delivery.parked(subscription_id):
            yield letter
    after: tuple[int, LetterId] | None = None
    while page := await log.delivery.dead(LetterFilter(), after=after, limit=_PAGE):
        for dead in page:
            yield dead.letter
        after = page[-1].subscription_id, page[-1].letter.id

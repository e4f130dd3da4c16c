"""Delivery state in the shard's own file: one disk sync serves it and the appends beside it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from postroad.log import letters
from postroad.log.changes import check_changes, check_due
from postroad.log.delivery import (
    NO_CHANGES,
    Changes,
    Cursor,
    DeadLetter,
    Letter,
    LetterCounts,
    LetterFilter,
    LetterId,
    Skip,
)
from postroad.log.reader import ShardReader
from postroad.log.transaction import Transaction

_T = TypeVar("_T")


class _Change(Protocol):
    def __call__(self, apply: Callable[[Transaction], _T], /) -> Awaitable[_T]: ...


class _Look(Protocol):
    def __call__(self, read: Callable[[ShardReader], _T], /) -> Awaitable[_T]: ...


class SqliteDeliveryStore:
    """A ``DeliveryStore`` that changes through the shard's writer and reads through its readers."""

    def __init__(self, change: _Change, look: _Look) -> None:
        self._change = change
        self._look = look

    async def cursors(self) -> dict[int, Cursor]:
        """See ``DeliveryStore``."""
        return await self._look(ShardReader.cursors)

    async def settle(self, subscription_id: int, position: int, changes: Changes = NO_CHANGES) -> None:
        """See ``DeliveryStore``."""
        check_changes(position, changes)
        if changes is NO_CHANGES:  # nearly always; a cursor alone costs no more than it did without letters
            await self._change(lambda tx: tx.settle(subscription_id, position))
        else:
            await self._change(lambda tx: letters.settle(tx, subscription_id, position, changes))

    async def parked(self, subscription_id: int) -> list[Letter]:
        """See ``DeliveryStore``."""
        return await self._look(lambda reader: reader.parked(subscription_id))

    async def body(self, subscription_id: int, letter_id: LetterId) -> bytes | None:
        """See ``DeliveryStore``."""
        return await self._look(lambda reader: reader.body(subscription_id, letter_id))

    async def dead(
        self, which: LetterFilter, *, after: tuple[int, LetterId] | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """See ``DeliveryStore``."""
        return await self._look(lambda reader: reader.dead(which, after=after, limit=limit))

    async def count_dead(self, which: LetterFilter) -> int:
        """See ``DeliveryStore``."""
        return await self._look(lambda reader: reader.count_dead(which))

    async def revive(self, dead: Sequence[DeadLetter], due_us: Sequence[int]) -> list[DeadLetter]:
        """See ``DeliveryStore``."""
        check_due(dead, due_us)
        return await self._change(lambda tx: letters.revive(tx, dead, due_us))

    async def drop(self, dead: Sequence[DeadLetter]) -> int:
        """See ``DeliveryStore``."""
        return await self._change(lambda tx: letters.drop(tx, dead))

    async def letter_counts(self) -> dict[int, LetterCounts]:
        """See ``DeliveryStore``."""
        return await self._look(ShardReader.letter_counts)

    async def skips(self, subscription_id: int) -> list[Skip]:
        """See ``DeliveryStore``."""
        return await self._look(lambda reader: reader.skips(subscription_id))

    async def skipped(self) -> dict[int, dict[str, int]]:
        """See ``DeliveryStore``."""
        return await self._look(ShardReader.skipped)

    async def forget(self, subscription_id: int) -> None:
        """See ``DeliveryStore``. The cursor goes last, so that one that was interrupted can be seen and done again."""
        while await self._change(lambda tx: letters.forget(tx, subscription_id)):
            pass

"""Delivery state in the shard's own file: one disk sync serves it and the appends beside it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from postroad.log import accounts, letters
from postroad.log.changes import check_changes, check_due, check_terms
from postroad.log.delivery import (
    NO_CHANGES,
    Account,
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

    async def begin(self, subscription_id: int, position: int, terms: str) -> None:
        """See ``DeliveryStore``."""
        check_terms(position, terms)
        await self._change(lambda tx: accounts.begin(tx, subscription_id, position, terms))

    async def turn(self, *, first_position: int, began_before_us: int, max_positions: int) -> None:
        """See ``DeliveryStore``."""
        bounds = {
            "first_position": first_position,
            "began_before_us": began_before_us,
            "max_positions": max_positions,
        }
        await self._change(lambda tx: accounts.turn(tx, **bounds))

    async def account(self, subscription_id: int) -> Account | None:
        """See ``DeliveryStore``."""
        return await self._look(lambda reader: reader.account(subscription_id))

    async def settle(self, subscription_id: int, position: int, changes: Changes = NO_CHANGES) -> None:
        """See ``DeliveryStore``."""
        check_changes(position, changes)
        if changes.only_delivered:  # nearly always; it costs no more than it did without letters
            await self._change(lambda tx: tx.settle(subscription_id, position, changes.delivered))
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

"""Delivery state in the shard's own file: one disk sync serves it and the appends beside it."""

from collections.abc import Awaitable, Callable
from typing import Any

from postroad.log.delivery import Cursor
from postroad.log.format import check_position
from postroad.log.reader import ShardReader
from postroad.log.transaction import Transaction


class SqliteDeliveryStore:
    """A ``DeliveryStore`` that changes through the shard's writer and reads through its readers."""

    def __init__(
        self,
        change: Callable[[Callable[[Transaction], Any]], Awaitable[Any]],
        look: Callable[[Callable[[ShardReader], Any]], Awaitable[Any]],
    ) -> None:
        self._change = change
        self._look = look

    async def cursors(self) -> dict[int, Cursor]:
        """See ``DeliveryStore``."""
        cursors: dict[int, Cursor] = await self._look(ShardReader.cursors)
        return cursors

    async def settle(self, subscription_id: int, position: int) -> None:
        """See ``DeliveryStore``. Raises ``ValueError`` for what is not a position."""
        check_position(position)
        await self._change(lambda tx: tx.settle(subscription_id, position))

    async def forget(self, subscription_id: int) -> None:
        """See ``DeliveryStore``."""
        await self._change(lambda tx: tx.forget(subscription_id))

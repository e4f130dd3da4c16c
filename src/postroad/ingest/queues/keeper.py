"""Keeps exactly the receivers running that the registry asks for: one for each provider that declares one."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Literal

from postroad.clock import Clock
from postroad.errors import PostroadError
from postroad.logs import wide
from postroad.registry.records import Provider, RegistryView
from postroad.registry.records import Receiver as Declared
from postroad.transports.backoff import Backoff
from postroad.transports.receiving import Receiver, Take, Tell

ReceiverAlertKind = Literal["receiver_failing"]  # a provider's messages cannot be received
"""What a person should look at about a provider's receiver."""

AGAIN = Backoff(first_s=5.0, cap_s=300.0)
"""When a receiver begins again that gave up: its service refuses what is declared, or it broke down."""
A_DEFECT = "a defect of the hub: see its log"

_log = logging.getLogger(__name__)

OpenReceiver = Callable[[Provider, Tell], Receiver]
"""Open what a provider declares, its secrets unsealed. Raises ``PostroadError`` if it cannot be opened now."""


class ReceiverKeeper:
    """``use`` views; run ``run`` as a task. Used on one event loop only."""

    def __init__(
        self,
        *,
        open_receiver: OpenReceiver,
        received_by: Callable[[str], bool],
        take_for: Callable[[int], Take],
        tell: Callable[[int, str | None], None],
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        """Nothing runs yet.

        ``received_by``: whether messages of a transport are fetched; others are pushed. ``take_for`` a provider's id;
        ``tell`` it what is wrong with its receiver, or ``None``: nothing any more.
        """
        self._open = open_receiver
        self._received_by = received_by
        self._take_for = take_for
        self._tell = tell
        self._clock = clock
        self._random = random
        self._wanted: Mapping[int, Provider] = {}
        self._running: dict[int, tuple[Declared | None, asyncio.Task[None]]] = {}
        self._news = asyncio.Event()

    @property
    def running(self) -> frozenset[int]:
        """The providers whose receivers run."""
        return frozenset(self._running)

    def use(self, view: RegistryView) -> None:
        """Receive for whom this view declares, as it declares."""
        self._wanted = {
            id_: provider
            for id_, provider in view.providers.items()
            if provider.receiver is not None and self._received_by(provider.receiver.transport)
        }
        self._news.set()

    async def run(self) -> None:
        """Start, stop and restart, until cancelled; then all have stopped when this returns."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await self._reconcile()
        finally:
            await self._stop(*self._running)

    async def _reconcile(self) -> None:
        changed = [
            id_
            for id_, (declared, _) in self._running.items()
            if id_ not in self._wanted or self._wanted[id_].receiver != declared
        ]
        await self._stop(*changed)
        for id_, provider in self._wanted.items():
            if id_ not in self._running:
                task = asyncio.create_task(self._keep(provider), name=f"receiver {id_}")
                self._running[id_] = (provider.receiver, task)
        for id_ in changed:
            if id_ not in self._wanted:
                self._tell(id_, None)

    async def _stop(self, *ids: int) -> None:
        tasks = [self._running.pop(id_)[1] for id_ in ids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, provider: Provider) -> None:
        """Run one receiver; if it gives up or breaks down, say so and begin again later."""
        failures = 0

        def tell(wrong: str | None) -> None:
            nonlocal failures
            failures = failures if wrong is not None else 0
            self._tell(provider.id, wrong)

        while True:
            try:
                await self._open(provider, tell).run(self._take_for(provider.id))
                _log.error("A receiver ended by itself", extra=wide(provider=provider.name))
                tell(A_DEFECT)
            except PostroadError as exc:
                tell(str(exc))
            except Exception:  # noqa: BLE001 - a defect that one provider brings to light must not stop the others
                _log.exception("The receiver of a provider broke down", extra=wide(provider=provider.name))
                tell(A_DEFECT)
            failures += 1
            await self._clock.sleep(AGAIN.wait_s(failures, self._random))

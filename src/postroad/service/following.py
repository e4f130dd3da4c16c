"""Following the registry: what runs agrees with one version of it, and soon with the newest."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack

import msgspec

from postroad.access.confirmed import Confirmation
from postroad.access.streams import StreamIndex
from postroad.clock import Clock
from postroad.errors import StoreUnavailable
from postroad.log.interface import ShardLog
from postroad.registry.outbox import told_at
from postroad.registry.records import RegistryView, Stream, ToldAt
from postroad.registry.store import RegistryStore
from postroad.routing.router import Router
from postroad.service import relay
from postroad.service.tasks import going_on

REGISTRY_WITHIN_S = 5.0
"""How long a version counts as the newest once it was known to be."""
LOOKS = 4
"""So often the registry is asked within that time at least, so that one late answer stops nothing."""

Use = Callable[[RegistryView], None]
"""Go by this view from now on."""

UseForDelivery = Callable[[RegistryView, StreamIndex], Awaitable[None]]
"""Make what is delivered agree with the view. Raises ``StoreUnavailable``; it is called again then."""


class RegistryFollower:
    """Holds the view by which the hub works, and brings it up to date."""

    def __init__(
        self,
        registry: RegistryStore,
        routers: Mapping[int, Router],
        *,
        logs: Mapping[int, ShardLog],
        clock: Clock,
        poll_s: float,
        within_s: float = REGISTRY_WITHIN_S,
    ) -> None:
        """Look for changes every ``poll_s`` or sooner, once ``start`` has been called and ``run`` is a task.

        ``within_s``: how long one answer of the registry allows to send.
        """
        self.view: RegistryView
        """What everybody goes by. There is one from ``start`` on."""
        self.confirmed = Confirmation(clock, within_s=within_s)
        """Whether the view is certain to be the newest."""
        self._read: RegistryView
        """``view`` without what the registry has not noted yet."""
        self._registry = registry
        self._routers = routers
        self._logs = logs
        self._farewells: dict[int, int] = {}
        self._told = frozenset[ToldAt]()
        self._owing = False
        self._clock = clock
        self._poll_s = min(poll_s, within_s / LOOKS)
        self._streams: StreamIndex
        self._use: Sequence[Use] = ()
        self._cover: Callable[[StreamIndex], None]
        self._deliver: UseForDelivery
        self._refreshing = asyncio.Lock()
        self._stopping = False

    async def start(self, *, use: Sequence[Use], cover: Callable[[StreamIndex], None], deliver: UseForDelivery) -> None:
        """Have the first view used: by those in ``use``, in this order, then by the routers, then for delivery.

        ``cover`` tells delivery what may be sent, at the very moment at which the routers go by it.

        Raises ``ConfigError`` or ``StoreUnavailable``.
        """
        self._use, self._cover, self._deliver = use, cover, deliver
        async with self._refreshing:
            await self._use_newest()

    async def run(self) -> None:
        """Look for changes made by other processes, for ever: the command line, another node."""
        while True:
            await self._clock.sleep(self._poll_s)
            with going_on("The registry's changes cannot be followed now; what is known soon counts no longer"):
                await self.refresh()

    async def refresh(self) -> None:
        """Bring what runs up to the registry's version. Raises ``StoreUnavailable``, also after ``stop``."""
        async with self._refreshing:
            if self._stopping:
                raise StoreUnavailable("closed", "the hub is stopping")
            asked_s = self._clock.monotonic_s()
            if await asyncio.to_thread(self._registry.version) == self.view.version:
                self.confirmed.confirm(asked_s)
                if self._owing:
                    await self._relay()
                await self._deliver(self.view, self._streams)  # what could not be opened before may be now
            else:
                await self._use_newest()

    async def stop(self) -> None:
        """Change nothing any more: a vehicle that is just being made known must not start deliveries again."""
        async with self._refreshing:
            self._stopping = True

    async def _use_newest(self) -> None:
        await self._take_over()
        await self._relay()
        await self._deliver(self.view, self._streams)

    async def _take_over(self) -> None:
        """Go by the newest view, in which no open stream is without a beginning."""
        asked_s = self._clock.monotonic_s()
        view = await asyncio.to_thread(self._registry.view)
        if self._lacks_positions(view):
            await self._settle_streams()
        else:
            self._apply(view)
            self.confirmed.confirm(asked_s)

    def _lacks_positions(self, view: RegistryView) -> bool:
        """Whether a stream has begun or ended, and it is not noted where. Of one with a farewell the relay notes it."""
        return self._has_new_streams(view) or any(
            s.ended and s.until_position is None and s.shard in self._routers for s in view.streams.values()
        )

    def _has_new_streams(self, view: RegistryView) -> bool:
        return any(s.from_position is None and not s.ended and s.shard in self._routers for s in view.streams.values())

    async def _relay(self) -> None:
        """Have what the registry tells of its changes in the log. What cannot be now is when this is called again."""
        self._owing = True
        with going_on("What is to be told of the registry's changes cannot be recorded now"):
            for number, router in self._routers.items():
                while rows := await asyncio.to_thread(
                    self._registry.pending, number, limit=relay.ROWS_AT_ONCE, below=self.view.outbox_end
                ):
                    async with router.gate:  # who may have an item must be known before routing comes to it
                        positions = await relay.append(self._logs[number], rows)
                        self._farewells |= {id_: positions[row.id] for row in rows for id_ in row.farewell_of}
                        self._told |= {told_at(row, positions[row.id]) for row in rows if row.told_to is not None}
                        self._apply(self._read)
                    await asyncio.to_thread(self._registry.relayed, rows, positions)
                    if self.confirmed.age_s > self.confirmed.within_s / 2:  # there is much to tell
                        await self._take_over()
            self._owing = False

    async def _settle_streams(self) -> None:
        """Routing stands still meanwhile: each stream begins and ends exactly at the position routing goes on from."""
        async with AsyncExitStack() as stack:
            for router in self._routers.values():
                await stack.enter_async_context(router.gate)
            while True:
                for number, router in self._routers.items():
                    await asyncio.to_thread(self._registry.activate_streams, number, router.routed_to)
                asked_s = self._clock.monotonic_s()
                view = await asyncio.to_thread(self._registry.view)
                if not self._has_new_streams(view):  # another process may have opened some in between
                    break
            self._apply(view)
            self.confirmed.confirm(asked_s)

    def _apply(self, view: RegistryView) -> None:
        """Without an await: between two items everybody changes to the new view at once."""
        self._read = view
        self.view = view = self._with_relayed(view)
        self._streams = StreamIndex(view.streams, view.told)
        for use in self._use:
            use(view)
        self._cover(self._streams)
        for router in self._routers.values():
            router.use(view, self._streams)

    def _with_relayed(self, view: RegistryView) -> RegistryView:
        """The view with what was relayed to the log and the registry has not noted yet: farewells, who was told."""
        self._told -= view.told
        if self._told:
            view = msgspec.structs.replace(view, told=view.told | self._told)
        known = {
            id_ for id_ in self._farewells if (s := view.streams.get(id_)) is None or s.farewell_position is not None
        }
        self._farewells = {id_: at for id_, at in self._farewells.items() if id_ not in known}
        if not self._farewells:
            return view
        noted = {id_: _with_farewell(view.streams[id_], at) for id_, at in self._farewells.items()}
        return msgspec.structs.replace(view, streams={**view.streams, **noted})


def _with_farewell(stream: Stream, at: int) -> Stream:
    """A stream as the registry will note it: what is after its farewell is none of its business any more."""
    until = at + 1 if stream.until_position is None else stream.until_position
    return msgspec.structs.replace(stream, farewell_position=at, until_position=until)

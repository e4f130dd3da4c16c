"""Erasure in the hub: the parts that remember something of subjects beside the log, made to forget."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from postroad.clock import Clock
from postroad.datasets.follower import DatasetFollower
from postroad.delivery.manager import DeliveryManager
from postroad.erasure.counting import Rememberer
from postroad.erasure.eraser import Eraser, Surroundings
from postroad.errors import StoreUnavailable
from postroad.fetch.keeper import Fetchers
from postroad.log.sqlite import SqliteLog
from postroad.protocols import TARGETS
from postroad.registry.erasures import Receipt
from postroad.routing.router import Router
from postroad.routing.translation import Decoder
from postroad.service.folder import OpenFolder
from postroad.service.following import RegistryFollower
from postroad.state.keeper import StateKeeper
from postroad.trips.follower import TripFollower


class _State:
    """Last known values. See ``Rememberer``."""

    def __init__(self, keeper: StateKeeper, log: SqliteLog) -> None:
        self._keeper = keeper
        self._log = log

    async def remembered(self, subject_id: int | None, positions: Sequence[int]) -> Receipt:  # noqa: ARG002 - the seam's
        """See ``Rememberer``."""
        return Receipt(state=int(subject_id in self._keeper.known.vehicles))

    async def forget(self, subject_id: int | None, positions: Sequence[int]) -> Receipt:  # noqa: ARG002 - the seam's
        """See ``Rememberer``."""
        if subject_id is None:
            return Receipt()
        try:
            return Receipt(state=self._keeper.forget(subject_id, self._log.epoch))
        except OSError as exc:
            raise StoreUnavailable("io", f"the state could not be saved: {exc.strerror}") from exc


class _Trips:
    """Trips in the making. See ``Rememberer``."""

    def __init__(self, follower: TripFollower) -> None:
        self._follower = follower

    async def remembered(self, subject_id: int | None, positions: Sequence[int]) -> Receipt:  # noqa: ARG002 - the seam's
        """See ``Rememberer``."""
        return Receipt(trips=int(self._follower.remembers(subject_id)))

    async def forget(self, subject_id: int | None, positions: Sequence[int]) -> Receipt:  # noqa: ARG002 - the seam's
        """See ``Rememberer``."""
        if subject_id is None:
            return Receipt()
        try:
            return Receipt(trips=await self._follower.forget(subject_id))
        except OSError as exc:
            raise StoreUnavailable("io", f"the trips could not be saved: {exc.strerror}") from exc


class _Datasets:
    """Where datasets stand. See ``Rememberer``."""

    def __init__(self, follower: DatasetFollower) -> None:
        self._follower = follower

    async def remembered(self, subject_id: int | None, positions: Sequence[int]) -> Receipt:
        """See ``Rememberer``."""
        return Receipt(datasets=await self._follower.count(positions, subject_id))

    async def forget(self, subject_id: int | None, positions: Sequence[int]) -> Receipt:
        """See ``Rememberer``."""
        return Receipt(datasets=await self._follower.erase(positions, subject_id))


def eraser(
    opened: OpenFolder,
    *,
    routers: Mapping[int, Router],
    manager: DeliveryManager,
    fetching: Fetchers,
    states: Mapping[int, StateKeeper],
    trips: Mapping[int, TripFollower],
    datasets: Mapping[int, DatasetFollower],
    decoder: Decoder,
    following: RegistryFollower,
    record_attempts: Callable[[], Awaitable[None]],
    clock: Clock,
) -> Eraser:
    """The hub's. Mappings are by shard."""

    def rememberers(number: int, log: SqliteLog) -> Sequence[Rememberer]:
        return (_State(states[number], log), _Trips(trips[number]), _Datasets(datasets[number]))

    return Eraser(
        Surroundings(
            registry=opened.registry,
            keys=opened.keys,
            logs=opened.logs,
            routers=routers,
            manager=manager,
            fetching=fetching.standing_still,
            rememberers={number: rememberers(number, log) for number, log in opened.logs.items()},
            decoder=decoder,
            targets=TARGETS,
            view=lambda: following.view,
            refresh=following.refresh,
            record_attempts=record_attempts,
            clock=clock,
        )
    )

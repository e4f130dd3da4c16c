"""Datasets that instances fetch, in the hub: the index of each shard, who keeps it, and the calls that ask it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from postroad.api.damoov import FetchApi
from postroad.clock import Clock
from postroad.datasets.follower import DatasetFollower
from postroad.datasets.index import DatasetIndex
from postroad.datasets.shelf import Shelf
from postroad.ingest.http.limits import RateLimit, rate_limit
from postroad.layout import datasets_path
from postroad.log.sqlite import SqliteLog
from postroad.routing.router import Observe, Router
from postroad.routing.translation import BatchTranslation, Decoder
from postroad.service.following import RegistryFollower
from postroad.settings import LimitsSettings

FETCHES_PER_S = 20.0
"""Of one user's token: a phone makes a few trips a day."""


@contextmanager
def indexes(folder: Path, logs: Mapping[int, SqliteLog]) -> Iterator[Mapping[int, DatasetIndex]]:
    """One for each shard. Raises ``StoreUnavailable``."""
    opened: dict[int, DatasetIndex] = {}
    try:
        for number, log in logs.items():
            opened[number] = DatasetIndex(datasets_path(folder, number), epoch=log.epoch, end=log.next_position)
        yield opened
    finally:
        for index in opened.values():
            index.close()


def dataset_followers(
    opened: Mapping[int, DatasetIndex],
    logs: Mapping[int, SqliteLog],
    routers: Mapping[int, Router],
    *,
    decoder: Decoder,
    following: RegistryFollower,
    clock: Clock,
) -> Mapping[int, DatasetFollower]:
    """One for each shard, behind its router."""

    def follower(number: int, router: Router) -> DatasetFollower:
        return DatasetFollower(
            logs[number],
            opened[number],
            decoder=decoder,
            view=lambda: following.view,
            routed_to=lambda: router.routed_to,
            clock=clock,
        )

    return {number: follower(number, router) for number, router in routers.items()}


def noted_by(followers: Mapping[int, DatasetFollower], number: int, observe: Observe) -> Observe:
    """``observe``, and have the shard's follower look as well."""

    def both(translation: BatchTranslation, indexes: range) -> None:
        observe(translation, indexes)
        followers[number].observe(translation, indexes)

    return both


def fetch_api(
    followers: Mapping[int, DatasetFollower],
    logs: Mapping[int, SqliteLog],
    routers: Mapping[int, Router],
    *,
    decoder: Decoder,
    following: RegistryFollower,
    limits: LimitsSettings,
    clock: Clock,
) -> FetchApi:
    """The calls."""

    def shelf(number: int, router: Router) -> Shelf:
        return Shelf(
            logs[number],
            followers[number],
            decoder=decoder,
            view=lambda: following.view,
            routed_to=lambda: router.routed_to,
        )

    return FetchApi(
        {number: shelf(number, router) for number, router in routers.items()},
        confirmed=following.confirmed,
        token_rate=RateLimit(FETCHES_PER_S, burst_s=limits.burst_s, clock=clock),
        address_rate=rate_limit(limits.address_requests_per_s, limits.burst_s, clock),
    )


async def save_datasets(followers: Mapping[int, DatasetFollower]) -> None:
    """Write how far each has come, and forget what its log has forgotten. Raises ``StoreUnavailable``."""
    for follower in followers.values():
        await follower.save()

"""Trips from reports, in the hub: who follows each shard, and how the snapshots are kept."""

import logging
from collections.abc import Mapping
from pathlib import Path

from postroad.clock import Clock
from postroad.layout import trips_path
from postroad.log.sqlite import SqliteLog
from postroad.routing.router import Observe, Router
from postroad.routing.translation import BatchTranslation, Decoder
from postroad.service.following import RegistryFollower
from postroad.trips.follower import TripFollower

_log = logging.getLogger(__name__)


def trip_followers(
    folder: Path,
    logs: Mapping[int, SqliteLog],
    routers: Mapping[int, Router],
    *,
    decoder: Decoder,
    following: RegistryFollower,
    clock: Clock,
) -> Mapping[int, TripFollower]:
    """One for each shard, behind its router."""

    def follower(number: int, log: SqliteLog) -> TripFollower:
        return TripFollower(
            log,
            trips_path(folder, number),
            decoder=decoder,
            view=lambda: following.view,
            routed_to=lambda: routers[number].routed_to,
            clock=clock,
        )

    return {number: follower(number, log) for number, log in logs.items()}


def followed_by(followers: Mapping[int, TripFollower], number: int, observe: Observe) -> Observe:
    """``observe``, and tell the shard's follower that there is something new."""

    def both(translation: BatchTranslation, indexes: range) -> None:
        observe(translation, indexes)
        followers[number].routed()

    return both


async def save_trips(followers: Mapping[int, TripFollower]) -> None:
    """Write a snapshot for each shard. One that cannot be written costs time at the next start, no more."""
    for number, follower in followers.items():
        try:
            await follower.save()
        except OSError as exc:
            _log.warning("The trips of shard %d could not be saved: %s", number, exc)

"""Deliveries that are stopped when the test is over."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from fixtures.lane import Lane

MakeLane = Callable[..., Awaitable[Lane]]


@pytest.fixture
async def make_lane(clock: Any) -> AsyncIterator[MakeLane]:
    lanes = []

    async def make(*, start: bool = True, **options: Any) -> Lane:
        lane = Lane(clock, **options)
        lanes.append(lane)
        if start:
            await lane.start()
        return lane

    yield make
    for lane in lanes:
        await lane.close()


@pytest.fixture
async def lane(make_lane: MakeLane) -> Lane:
    return await make_lane()

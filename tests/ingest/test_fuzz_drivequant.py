"""Hostile bytes at DriveQuant's entrances: 200 and stored, or 400 and nothing of it; never a 500, never a hang."""

import json
import logging
import random

import pytest

from fixtures.drivequant_hub import SERVICES, DriveQuantHub, crash, driver_deleted, trip, trip_deleted
from fixtures.hurt import hurt

SEEDS_QUICK, SEEDS_LONG = range(120), range(1000, 6000)
SAMPLES = {
    "trip": trip("t1", itineraryData={"startDate": "2026-01-30T07:00:00.000+0000"}, route={"velocity": [1.5, 2, None]}),
    "trip_deleted": trip_deleted("t1"),
    "diagnosis": {"userInfo": {"userId": "ada"}, "permissions": {"location": False}, "comments": [{"code": 1}]},
    "crash": crash("c1"),
    "crash_report": {"crashId": "c1", "userId": "ada", "itinId": "t1"},
    "driver_deleted": driver_deleted("bob"),
}


async def fuzz(dq: DriveQuantHub, caplog: pytest.LogCaptureFixture, seeds: range) -> None:
    for seed in seeds:
        rng = random.Random(seed)
        service = rng.choice(SERVICES)
        body = hurt(json.dumps(SAMPLES[service]).encode(), rng)
        before = dq.hub.parts.logs[0].next_position
        status = await dq.say(service, body)
        assert status in (200, 400), seed
        if status == 400:
            assert dq.hub.parts.logs[0].next_position == before, seed
    unnamed = "does not say which"  # the one error that a body may cause
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record for record in errors if unnamed not in record.getMessage()] == []
    assert dq.hub.parts.intake.queued_bytes == 0


async def test_pushes_hurt_at_random_harm_nobody(dq: DriveQuantHub, caplog: pytest.LogCaptureFixture) -> None:
    await fuzz(dq, caplog, SEEDS_QUICK)
    assert await dq.say("trip", trip("after", driver="eve")) == 200
    assert (await dq.stored())[-1] == (trip("after", driver="eve"), dq.driver("eve"))


@pytest.mark.slow
async def test_many_pushes_hurt_at_random_harm_nobody(dq: DriveQuantHub, caplog: pytest.LogCaptureFixture) -> None:
    await fuzz(dq, caplog, SEEDS_LONG)

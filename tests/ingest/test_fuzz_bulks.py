"""Hostile bytes at the entrances of bulks: never a 500, never a hang, and what is refused leaves nothing behind."""

import json
import logging
import random

import pytest

from fixtures.bulks import ACCOUNT, CAR, STREAMS, Bulks, event
from fixtures.hurt import hurt

SEEDS_QUICK, SEEDS_LONG = range(120), range(1000, 6000)
SAMPLES = {
    STREAMS: [event(1), event(2, type="gps_position", latitude=1.5, longitude=2.5), event(3, type="unheard_of")],
    ACCOUNT: [{"type": "user_signup", "userId": "u", "cars": [{"carId": "c"}]}, {"type": "user_remove", "userId": "u"}],
    CAR: [{"type": "ignition_on", "carId": "c", "time": "2026-01-01T12:30:10Z"}],
}


async def fuzz(bulks: Bulks, caplog: pytest.LogCaptureFixture, seeds: range) -> None:
    for seed in seeds:
        rng = random.Random(seed)
        path = rng.choice(list(SAMPLES))
        body = hurt(json.dumps(SAMPLES[path] * rng.randrange(1, 4)).encode(), rng)
        before = bulks.hub.parts.logs[0].next_position
        status, _ = await bulks.post(body, path=path, provider="streams" if path == STREAMS else "older")
        assert status in (200, 400), seed
        if status == 400:
            assert bulks.hub.parts.logs[0].next_position == before, seed
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert bulks.hub.parts.intake.queued_bytes == 0


async def test_bulks_hurt_at_random_harm_nobody(bulks: Bulks, caplog: pytest.LogCaptureFixture) -> None:
    await fuzz(bulks, caplog, SEEDS_QUICK)
    good = event(123_456)
    assert (await bulks.post([good]))[0] == 200
    assert json.dumps(good).encode() in await bulks.stored()


@pytest.mark.slow
async def test_many_bulks_hurt_at_random_harm_nobody(bulks: Bulks, caplog: pytest.LogCaptureFixture) -> None:
    await fuzz(bulks, caplog, SEEDS_LONG)

"""What the tests of the simulation share: the traces, a clock that leaps, and shorthand for made-up drives."""

import asyncio
from collections.abc import Callable, Iterable

import pytest

from postroad.simulate.drive import Tick
from postroad.simulate.traces import Traces, load_traces

START_US = 1_700_000_000_000_000


class LeapingClock:
    """A clock on which every sleep is over at once: time stands still but for what is slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._monotonic_s = 0.0

    def now_us(self) -> int:
        return START_US + round(self._monotonic_s * 1e6)

    def monotonic_s(self) -> float:
        return self._monotonic_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        until = self._monotonic_s + seconds
        await asyncio.sleep(0)
        self._monotonic_s = max(self._monotonic_s, until)


@pytest.fixture
def clock() -> LeapingClock:
    return LeapingClock()


@pytest.fixture(scope="session")
def traces() -> Traces:
    return load_traces()


@pytest.fixture(scope="session")
def ticks_of() -> Callable[..., list[Tick]]:
    """Ticks of a drive told by its speeds in m/s; None is the ignition off."""

    def make(speeds_mps: Iterable[float | None], first: int = 0) -> list[Tick]:
        ticks, driven_m, engine_s = [], 0.0, 0
        for second, speed in enumerate(speeds_mps, first):
            driven_m += speed or 0.0
            engine_s += speed is not None
            ticks.append(
                Tick(
                    second=second,
                    latitude_deg=39.7 + driven_m * 1e-5,
                    longitude_deg=-104.9,
                    heading_deg=0.0,
                    speed_mps=speed or 0.0,
                    odometer_m=driven_m,
                    engine_s=engine_s,
                    ignition=speed is not None,
                    standing=speed == 0,
                )
            )
        return ticks

    return make

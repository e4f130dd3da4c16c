"""Cutting samples into drives: a fold over samples in the order of time, with a state of fixed size.

Ignition counts where a source tells it: turned, or on or off in a report. Where it does not, or where a turn was lost,
movement counts. A drive whose start was not seen (the first reports of a vehicle that is under way) is no trip.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter

import msgspec

from postroad.derive.sample import SECOND_US, Sample
from postroad.derive.settings import TripSettings
from postroad.model.geodesy import Point, distance_m

ROUNDING_US = 5 * SECOND_US
"""By so much a state's stated duration may miss the instants of its two ends: it is told in whole seconds."""
_recorded = attrgetter("recorded_us")


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A drive that has ended. Indexes are into the samples."""

    started_us: int
    ended_us: int
    first: int
    """The first sample within the drive."""
    last: int
    """The last one."""
    measured_from: int
    """``first``, or the sample before it, taken where the vehicle stood: what was driven unseen is measured too."""
    measured_to: int
    """``last``, or the sample after it, likewise."""
    ignition: bool
    """The ignition was told; else only movement shows the drive."""


class Running(msgspec.Struct, array_like=True):
    """A drive that goes on."""

    started_us: int | None
    """``None``: it was not seen."""
    exact: bool
    """The start was told, and is no estimate."""
    first: int
    measured_from: int


class Cutter(msgspec.Struct, array_like=True):
    """The state of the fold after a number of samples. *Stored format*, in snapshots, while no drive goes on."""

    applied: int = 0
    """Samples folded so far."""
    on: bool | None = None
    """The ignition, as last stated; ``None`` when that may have changed unseen."""
    off_us: int = 0
    """Up to here no drive goes on: when it was last stated to be off, or when the last drive ended."""
    last_us: int = 0
    """The last sample's time."""
    place: Point | None = None
    """Where the vehicle stands, or was last."""
    place_us: int = 0
    odometer_km: float | None = None
    standing_us: int | None = None
    """Since when it stands."""
    running: Running | None = None

    def copy(self) -> "Cutter":
        """This state, to go on from another time."""
        running = None if self.running is None else msgspec.structs.replace(self.running)
        return msgspec.structs.replace(self, running=running)

    def broken_off(self) -> Cut | None:
        """The drive that goes on, ended where it was last heard of; ``None`` if there is none to tell of."""
        running = self.running
        return None if running is None else _cut(running, self.last_us, self.applied - 1, None, self.on)

    def apply(self, samples: Sequence[Sample], settings: TripSettings) -> list[Cut]:
        """Take in the next of ``samples``, which are in the order of time; the drives that it shows to have ended."""
        return _Step(self, samples, settings).take()


def _cut(running: Running, ended_us: int, last: int, measured_to: int | None, on: bool | None) -> Cut | None:
    """The drive, ended; ``None`` if its start was not seen, or is its end."""
    if running.started_us is None or ended_us <= running.started_us:
        return None
    return Cut(
        started_us=running.started_us,
        ended_us=ended_us,
        first=running.first,
        last=last,
        measured_from=running.measured_from,
        measured_to=last if measured_to is None else measured_to,
        ignition=bool(on),
    )


class _Step:
    """One sample taken in."""

    def __init__(self, state: Cutter, samples: Sequence[Sample], settings: TripSettings) -> None:
        self.state = state
        self.samples = samples
        self.settings = settings
        self.index = state.applied
        self.sample = samples[self.index]
        self.now_us = self.sample.recorded_us
        self.since_us = self.now_us - state.last_us
        self.known = self.index > 0
        """There was a sample before."""
        self.cuts: list[Cut] = []
        self.fast = self.sample.speed_kmh is not None and self.sample.speed_kmh >= settings.moving_kmh
        self.driven_m = self._driven_m()
        self.moved = self.driven_m >= settings.least_displacement_m

    def take(self) -> list[Cut]:
        state, sample = self.state, self.sample
        self.silent = self.known and self._silent()
        if self.silent and state.on is not False:
            self._close(state.last_us, self.index - 1, measured_to=self._parked_at())
            state.on = None
        if self.now_us - self._running_since_us() > self.settings.longest_trip_s * SECOND_US:
            self._close(state.last_us, self.index - 1)
            state.on = None
        self._stood()
        if state.running is not None:
            self._ends()
        if state.running is None:
            self._begins()
        self._remember(sample)
        return self.cuts

    # What happened since the sample before.

    def _driven_m(self) -> float:
        """How far the vehicle has come from where it stood, by what is known."""
        state, sample = self.state, self.sample
        by_odometer = by_place = 0.0
        if sample.odometer_km is not None and state.odometer_km is not None:
            by_odometer = (sample.odometer_km - state.odometer_km) * 1000
        if (point := sample.point) is not None and state.place is not None:
            by_place = distance_m(state.place, point)
        return max(by_odometer, by_place)

    def _silent(self) -> bool:
        """Whether there was no report for so long that a stop is likely, or certain."""
        settings = self.settings
        limit_s = settings.silence_ends_s if self.moved else settings.stop_ends_s
        return self.since_us > limit_s * SECOND_US and not self._drove_on()

    def _parked_at(self) -> int:
        """The sample that shows where a drive ended whose last part was silent: this one, if it is near and parked."""
        near_m = self.settings.start_within_s * self.settings.fastest_kmh / 3.6 / 2
        parked = self.sample.on is False or (not self.moved and not self.fast)
        return self.index if parked and self.driven_m <= near_m else self.index - 1

    def _drove_on(self) -> bool:
        """Whether a silence hides no stop, as far as one can tell."""
        state, sample, settings = self.state, self.sample, self.settings
        if state.running is None or self.since_us > settings.bridged_silence_s * SECOND_US:
            return False
        if sample.turned is False:  # of what was on: all the time, unless it says that it was on for less
            said_us = self._said_since_us()
            return said_us is None or said_us <= state.last_us + ROUNDING_US
        away_us = self.now_us - (state.place_us or state.last_us)
        return sample.on is not False and self.driven_m / 1000 >= settings.bridged_kmh * away_us / SECOND_US / 3600

    def _said_since_us(self) -> int | None:
        """Since when the state lasted that was just ended, if that was told."""
        if self.sample.turned is None or self.sample.turned_after_s is None:
            return None
        return self.now_us - self.sample.turned_after_s * SECOND_US

    def _running_since_us(self) -> int:
        running = self.state.running
        if running is None:
            return self.now_us
        return self.samples[running.first].recorded_us if running.started_us is None else running.started_us

    # Ends.

    def _stood(self) -> None:
        """A long stand ends a drive where the stand began."""
        state, settings = self.state, self.settings
        if state.running is None or state.standing_us is None or self.moved:
            return
        limit_s = settings.idling_ends_s if state.on else settings.stop_ends_s
        if self.now_us - state.standing_us >= limit_s * SECOND_US:
            self._close(state.standing_us, self._last_until(state.standing_us))

    def _ends(self) -> None:
        state, sample = self.state, self.sample
        said_us = self._said_since_us()
        if sample.turned is False:
            if said_us is not None:
                self._correct_start(said_us)
            self._close(self.now_us, self.index)
        elif sample.on is False:  # nobody told when it was turned off: at the last report with it on, as far as known
            self._close(state.last_us, self.index - 1, measured_to=self.index)
        elif sample.turned and said_us is not None and self._turned_off_unseen(said_us):
            self._close(said_us, self._last_until(said_us))
            state.on = False

    def _turned_off_unseen(self, said_us: int) -> bool:
        """Turned on while it is on: the turn off in between was lost, unless reports since then say otherwise."""
        within = self._running_since_us() < said_us < self.now_us
        return within and bool(self.state.on) and self._last_on_us() <= said_us + ROUNDING_US

    def _correct_start(self, said_us: int) -> None:
        """The turn on was lost; the turn off tells when it was."""
        state = self.state
        if state.running is not None and not state.running.exact and said_us >= state.off_us - ROUNDING_US:
            first = bisect_left(self.samples, said_us, 0, self.index, key=_recorded)
            state.running = Running(max(said_us, state.off_us), True, first, max(0, first - 1))

    def _last_on_us(self) -> int:
        """The last time before now at which the ignition was stated to be on."""
        for index in range(self.index - 1, -1, -1):
            if self.samples[index].on is not None:
                return self.samples[index].recorded_us if self.samples[index].on else 0
        return 0

    def _last_until(self, us: int) -> int:
        return bisect_right(self.samples, us, 0, self.index, key=_recorded) - 1

    def _close(self, ended_us: int, last: int, *, measured_to: int | None = None) -> None:
        running, self.state.running = self.state.running, None
        self.state.off_us = max(self.state.off_us, ended_us)
        cut = None if running is None else _cut(running, ended_us, last, measured_to, self.state.on)
        if cut is not None:
            self.cuts.append(cut)

    # Begins.

    def _begins(self) -> None:
        state, sample = self.state, self.sample
        before = self.index if (self.silent and state.on is None) or not self.known else self.index - 1
        if sample.turned:
            self._start(self.now_us, True, self.index, before)
        elif sample.turned is False:
            self._begun_unseen()
        elif sample.on and not state.on:
            self._start(self.now_us if self.known else None, False, self.index, before)
        elif sample.on is not False and (self.fast or (self.moved and self.known)):
            near = self.known and self.since_us <= self.settings.start_within_s * SECOND_US
            started_us = state.last_us if near else self.now_us
            first = self.index - 1 if near else self.index
            self._start(started_us if self.known else None, False, first, min(first, before))
            if state.on is False:
                state.on = None  # a turn on was lost: what was stated does not hold any more

    def _begun_unseen(self) -> None:
        """The ignition was turned off, and nothing had shown that it was on: the turn tells since when."""
        state, said_us = self.state, self._said_since_us()
        if said_us is None or said_us < state.off_us - ROUNDING_US:
            return
        first = bisect_left(self.samples, said_us, 0, self.index, key=_recorded)
        self._start(max(said_us, state.off_us), True, first, max(0, first - 1))
        state.on = True
        self._close(self.now_us, self.index)

    def _start(self, started_us: int | None, exact: bool, first: int, measured_from: int) -> None:
        self.state.running = Running(started_us, exact, first, measured_from)
        self.state.standing_us = None  # before the start it stood, too, and that is no stand within the drive

    def _remember(self, sample: Sample) -> None:
        state = self.state
        if sample.on is not None:
            state.on = sample.on
            if not sample.on:
                state.off_us = self.now_us
        here = self.fast or self.moved or state.standing_us is None
        if sample.point is not None and (here or state.place is None):
            state.place, state.place_us = sample.point, self.now_us
        if sample.odometer_km is not None and (here or state.odometer_km is None):
            state.odometer_km = sample.odometer_km
        if self.fast or sample.idling is False:
            state.standing_us = None
        elif here:
            state.standing_us = self.now_us
        state.last_us = self.now_us
        state.applied = self.index + 1

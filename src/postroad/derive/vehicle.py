"""A vehicle's trips: reports in, in any order; editions of trips out.

Samples of the last hours are kept in the order of time, with states of the fold in between. A late sample goes to its
place, and the fold is taken again from a state before it; the drives that come out are held against what was told. So
what is told in the end depends on the set of samples, not on the order of their arrival.

A drive whose vehicle falls silent ends too: when nothing has arrived for ``bridged_silence_s``. That instant follows
from what has arrived, and so does the edition, whenever somebody looks: before the next report, if no clock did.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

import msgspec

from postroad.derive.cutter import Cutter
from postroad.derive.editions import Told, Withdrawn, editions
from postroad.derive.measure import Facts, measure
from postroad.derive.sample import SECOND_US, Sample, sample_of
from postroad.derive.settings import TripSettings
from postroad.model.documents import Trip, TripDeleted
from postroad.model.events import Report
from postroad.model.header import OF_THE_HUB, Header

MARK_EVERY = 64
"""Samples between two kept states of the fold, at most: about what a late sample costs beyond those after it."""

_recorded = attrgetter("recorded_us")


class Memory(msgspec.Struct, array_like=True):
    """Everything that is remembered of a vehicle. *Stored format*, in snapshots."""

    base: Cutter
    """The fold before these samples; or having applied one, then that is the first of them."""
    samples: list[Sample]
    told: list[Told]
    withdrawn: list[int]
    """Names that must not be given again."""
    heard_us: int = 0
    """When the last report arrived."""


class _Mark(msgspec.Struct, frozen=True):
    """A state of the fold to go on from, and how many drives had ended by then."""

    state: Cutter
    drives: int


class VehicleTrips:
    """The trips of one vehicle."""

    def __init__(self, subject_id: int, settings: TripSettings, memory: Memory | None = None) -> None:
        """Go on from ``memory``, or begin."""
        self._subject_id = subject_id
        self._settings = settings
        self._memory = memory or Memory(Cutter(), [], [], [])
        self._changed = False
        """Drives are not what they were when editions were made."""
        self._begin()

    @property
    def memory(self) -> Memory:
        """What to go on from. It changes with the next report."""
        return self._memory

    def feed(self, report: Report) -> list[Trip | TripDeleted]:
        """Take in a report; the editions that it makes, in order. Their header is the hub's, as of its arrival."""
        received_us = report.header.received_us
        made = self.silent_until(received_us)
        self._memory.heard_us = max(self._memory.heard_us, received_us)
        sample = sample_of(report)
        if sample is None or not self._insert(sample):
            return made
        self._fold()
        if self._changed:
            under_way_us = None if self._state.running is None else self._state.running.started_us
            made += self._editions(self._drives, under_way_us, received_us)
        if self._changed or self._state.applied % MARK_EVERY == 0:
            self._forget()
        self._changed = False
        return made

    def silent_until(self, now_us: int) -> list[Trip | TripDeleted]:
        """The editions that it makes that nothing arrived until now: none, or the end of the drive that went on.

        They are of the instant from which the silence was too long. The vehicle may be found to have driven on all the
        same; the trip is corrected then.
        """
        ended_us = self._memory.heard_us + self._settings.bridged_silence_s * SECOND_US
        if self._state.running is None or now_us < ended_us:
            return []
        cut = self._state.broken_off()
        if cut is None:
            return []
        last = measure(cut, self._memory.samples, self._settings)
        return list(self._editions([*self._drives, last], None, ended_us))

    # The fold.

    def _begin(self) -> None:
        """Fold all samples from the base on."""
        self._slots = {sample.slot: sample for sample in self._memory.samples}
        self._state = self._memory.base.copy()
        self._marks = [_Mark(self._memory.base.copy(), 0)]
        self._drives: list[Facts | None] = []
        """The drives that have ended; ``None``: too short for a trip."""
        self._fold()
        self._changed = False

    def _insert(self, sample: Sample) -> bool:
        """Put a sample in its place, with the fold before it; False: it changes nothing."""
        samples, base = self._memory.samples, self._memory.base
        if base.applied and sample.recorded_us <= base.last_us:
            return False  # what was then changes no more
        rival = self._slots.get(sample.slot)
        if rival is not None:
            if rival.order <= sample.order:
                return False
            place = samples.index(rival, bisect_left(samples, rival.recorded_us, key=_recorded))
            self._back_to(place)
            del samples[place]
        self._slots[sample.slot] = sample
        place = bisect_right(samples, sample.recorded_us, key=_recorded)
        while (
            place and samples[place - 1].recorded_us == sample.recorded_us and sample.order < samples[place - 1].order
        ):
            place -= 1
        self._back_to(place)
        samples.insert(place, sample)
        return True

    def _back_to(self, place: int) -> None:
        """Undo the fold until it has applied ``place`` samples or fewer."""
        if self._state.applied <= place:
            return
        while self._marks[-1].state.applied > place:
            self._marks.pop()
        mark = self._marks[-1]
        self._state = mark.state.copy()
        if len(self._drives) > mark.drives:
            del self._drives[mark.drives :]
            self._changed = True

    def _fold(self) -> None:
        samples, state, settings = self._memory.samples, self._state, self._settings
        while state.applied < len(samples):
            ended = state.apply(samples, settings)
            if ended:
                self._drives += [measure(cut, samples, settings) for cut in ended]
                self._changed = True
            if ended or state.applied - self._marks[-1].state.applied >= MARK_EVERY:
                self._marks.append(_Mark(state.copy(), len(self._drives)))

    # What is told.

    def _editions(
        self, drives: Sequence[Facts | None], under_way_us: int | None, at_us: int
    ) -> Iterator[Trip | TripDeleted]:
        header = Header(subject_id=self._subject_id, provider_id=OF_THE_HUB, recorded_us=at_us, received_us=at_us)
        memory = self._memory
        facts = [measured for measured in drives if measured is not None]
        memory.told, gone, new = editions(memory.told, memory.withdrawn, facts, under_way_us)
        for old in gone:
            memory.withdrawn.append(old.named_us)
            yield TripDeleted(header=header, key=self._key(old), revision=old.revision)
        for told, measured in new:
            fields = {name: getattr(measured, name) for name in Facts.__struct_fields__}
            yield Trip(header=header, key=self._key(told), revision=told.revision, derived=True, **fields)

    def _key(self, trip: Told | Withdrawn) -> str:
        return f"derived:{self._subject_id}:{trip.named_us}"

    def _forget(self) -> None:
        """Drop what lies beyond the horizon, up to where no drive went on. Not each time: the rest is folded again."""
        memory = self._memory
        before_us = memory.samples[-1].recorded_us - self._settings.revision_horizon_s * SECOND_US
        final = [mark.state for mark in self._marks if mark.state.running is None and mark.state.last_us < before_us]
        drop = final[-1].applied - 1 if final else 0
        if drop < max(MARK_EVERY, len(memory.samples) // 4):
            return
        base = final[-1].copy()
        base.applied = 1
        memory.base = base
        memory.samples = memory.samples[drop:]
        memory.told = [told for told in memory.told if told.ended_us > base.last_us]
        memory.withdrawn = [named_us for named_us in memory.withdrawn if named_us >= base.off_us]
        self._begin()

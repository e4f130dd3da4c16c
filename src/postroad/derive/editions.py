"""Which drives are which trips: the drives that the samples show now, held against the trips that were told."""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from postroad.derive.measure import Facts

_encode = msgspec.msgpack.Encoder().encode


class Told(msgspec.Struct, frozen=True, array_like=True):
    """The newest edition of a trip. *Stored format*, in snapshots."""

    named_us: int
    """Names the trip among its vehicle's: where it began when it was first told."""
    revision: int
    started_us: int
    ended_us: int
    digest: bytes
    """Of its facts."""


class Withdrawn(msgspec.Struct, frozen=True):
    """A trip that is none, or a part of another now."""

    named_us: int
    revision: int
    """Of its deletion."""


def editions(
    told: Sequence[Told], withdrawn: Iterable[int], facts: Sequence[Facts], under_way_us: int | None
) -> tuple[list[Told], list[Withdrawn], list[tuple[Told, Facts]]]:
    """What counts as told from now on, by time; what is withdrawn; and the editions to tell.

    A drive is the trip with which it has the most time in common. A trip that turns out not to have ended yet stays as
    it was told until it has: a withdrawn trip may not come back. ``under_way_us`` is since when a drive goes on.
    """
    known = _same(told, facts)
    names = {*withdrawn, *(trip.named_us for trip in told)}
    keep: list[Told] = []
    new: list[tuple[Told, Facts]] = []
    for number, measured in enumerate(facts):
        old, digest = known.get(number), hashlib.blake2b(_encode(measured), digest_size=16).digest()
        if old is not None and old.digest == digest:
            keep.append(old)
            continue
        named_us = _free(measured.started_us, names) if old is None else old.named_us
        revision = 1 if old is None else old.revision + 1
        keep.append(Told(named_us, revision, measured.started_us, measured.ended_us, digest))
        new.append((keep[-1], measured))
    taken = {old.named_us for old in known.values()}
    gone: list[Withdrawn] = []
    for old in told:
        if old.named_us in taken:
            continue
        if under_way_us is not None and old.ended_us > under_way_us:
            keep.append(old)
        else:
            gone.append(Withdrawn(old.named_us, old.revision + 1))
    return sorted(keep, key=lambda trip: (trip.started_us, trip.named_us)), gone, new


def _same(told: Sequence[Told], facts: Sequence[Facts]) -> dict[int, Told]:
    """Number of a drive -> the trip that it is; one drive a trip, the longest time in common first."""
    common = []
    for number, measured in enumerate(facts):
        for old in told:
            shared_us = min(old.ended_us, measured.ended_us) - max(old.started_us, measured.started_us)
            if shared_us > 0:
                common.append((-shared_us, old.named_us, number, old))
    same: dict[int, Told] = {}
    taken: set[int] = set()
    for _, named_us, number, old in sorted(common, key=lambda pair: pair[:3]):
        if number not in same and named_us not in taken:
            same[number] = old
            taken.add(named_us)
    return same


def _free(us: int, names: set[int]) -> int:
    """The first microsecond from a trip's start on that names no other; it names this one then."""
    while us in names:
        us += 1
    names.add(us)
    return us

"""How many events, and which: a count and a digest that can be added up in any order, whatever became of each.

Two sets of events that have the same tally are the same set, for all that chance can do: a lost event changes the
count, and a lost one whose place another one took twice changes the digest. So a stretch of millions of events needs
one row, and still proves that each of them was accounted for once.
"""

from collections.abc import Iterable

import msgspec

DIGEST_BITS = 48
"""Narrow enough for SQLite to add up tens of thousands of digests in its 64-bit integers."""
DIGEST_MASK = (1 << DIGEST_BITS) - 1
_WORD = (1 << 64) - 1
_ODD = 0x9E3779B97F4A7C15
_SHIFT = 128 - DIGEST_BITS
_SLOT_BITS = 6

ALL_SLOTS = -1
"""As a signed 64-bit mask: every slot."""


def fingerprint(position: int, slot: int) -> int:
    """What the event with this id adds to a digest; ``docs/formats/log.md`` spells it out."""
    mixed = (position << _SLOT_BITS | slot) * _ODD & _WORD
    return mixed * mixed >> _SHIFT


def mask_of(slots: Iterable[int]) -> int:
    """Slots (0 to 63) as a signed 64-bit mask."""
    mask = 0
    for slot in slots:
        mask |= 1 << slot
    return mask - (1 << 64) if mask >> 63 else mask


def slots_in(mask: int) -> list[int]:
    """The slots of a mask, in order."""
    return [slot for slot in range(64) if mask >> slot & 1]


class Tally(msgspec.Struct, frozen=True):
    """Of a set of events."""

    events: int = 0
    digest: int = 0
    """The sum of their fingerprints, modulo 2^48."""

    def __add__(self, other: "Tally") -> "Tally":
        """Of both sets together."""
        return Tally(self.events + other.events, self.digest + other.digest & DIGEST_MASK)


NOTHING = Tally()


def tally_of(events: Iterable[tuple[int, int]]) -> Tally:
    """Of events, each a position and a slot."""
    # ``fingerprint``, written out: every event that is delivered comes by here.
    fingerprints = [
        (mixed := (position << _SLOT_BITS | slot) * _ODD & _WORD) * mixed >> _SHIFT for position, slot in events
    ]
    return Tally(len(fingerprints), sum(fingerprints) & DIGEST_MASK)

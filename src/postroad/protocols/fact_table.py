"""What each protocol's folder declares of the facts of the common language: the table of translation, as data.

A protocol's ``FACTS`` says of each fact of ``postroad.model.facts`` where it stands on the wire, what becomes of its
value, and how far that may be off; or why it cannot be said. ``docs/translation`` is made of it, and
``tests/translation`` holds every line to what the code does.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

REPORTED: Final = (
    "report",
    "position",
    "reading",
    "ignition",
    "idling",
    "overspeed",
    "door",
    "gnss_signal",
    "panic_button",
    "device_battery_low",
    "driver_identified",
    "harsh_manoeuvre",
    "malfunction_lamp",
    "external_power",
    "trouble_code",
    "refuelled",
    "service_booking",
)
"""What the facts of reports begin with, for protocols that tell of trips and phones only. Written out, so that who adds
a kind of occurrence considers what they could make of it."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How one protocol says a fact.

    A member of a body is written as ``kind.outer.inner``: below the kind of item or event, if only some have it, with
    the innermost names that tell it from others. A kind alone says the fact by being there.
    """

    read: tuple[str, ...] = ()
    """The members from which it is taken. None: this protocol never brings it."""
    write: tuple[str, ...] = ()
    """The members that say it to a receiver. None: ``note`` says why it is not sent."""
    conversion: str = ""
    """What is done to the value; empty: nothing, it is the same number in the same unit."""
    within: float = 0.0
    """How far what a receiver reads may be from what was known, in the fact's unit."""
    coarser: Mapping[str, str] = {}
    """Words that the protocol does not tell apart -> what a receiver reads."""
    options: Mapping[str, Any] = {}
    """What a subscription must choose for it to be sent."""
    made_from: tuple[str, ...] = ()
    """Facts of which any may decide what is written, where nobody has said this one or they count more."""
    becomes: str = ""
    """The fact that a receiver reads, if it is another one."""
    note: str = ""


class FactTable(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one protocol."""

    ways: Mapping[str, Way]
    unsaid: Mapping[str, str]
    """Fact, or what a group of facts begins with -> why the protocol cannot say it. A longer name counts more."""
    needs: Mapping[str, tuple[str, ...]] = {}
    """Fact, or kind of event or group -> the facts without which nothing is sent of it."""

    def way(self, fact: str) -> Way | None:
        """How the protocol says the fact; None if it cannot."""
        return self.ways.get(fact)

    def why(self, fact: str) -> str:
        """Why the protocol cannot say the fact. Raises ``KeyError`` if that was never considered."""
        for prefix in prefixes(fact):
            if prefix in self.unsaid:
                return self.unsaid[prefix]
        raise KeyError(fact)

    def needed(self, fact: str, kind: str) -> tuple[str, ...]:
        """What must be known besides, for a fact of an event of this kind to be sent."""
        found = [one for name in (*prefixes(fact), kind) for one in self.needs.get(name, ())]
        return tuple(dict.fromkeys(one for one in found if one != fact))


def prefixes(fact: str) -> Iterable[str]:
    """``a.b.c``, ``a.b``, ``a``."""
    while fact:
        yield fact
        fact = fact.rpartition(".")[0]


def both(*members: str, **how: Any) -> Way:
    """Read and written alike."""
    return Way(read=members, write=members, **how)


def because(why: str, *facts: str) -> dict[str, str]:
    """The same reason for several facts."""
    return dict.fromkeys(facts, why)


def below(prefix: str, ways: Mapping[str, Way]) -> dict[str, Way]:
    """The same ways, of facts below a name."""
    return {f"{prefix}.{name}": way for name, way in ways.items()}

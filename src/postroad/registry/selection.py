"""Which vehicles and drivers a subscription covers."""

from collections.abc import Collection
from typing import Any, Literal

import msgspec


class _Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    def stored(self) -> dict[str, Any]:
        """As it stands in the database; ``load`` and ``load_drivers`` are the inverse."""
        # By way of JSON, so that it equals what comes back: lists, not tuples.
        stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return stored


class Selector(_Stored, frozen=True, kw_only=True, omit_defaults=True):
    """The vehicles that a subscription covers.

    Where they are ``selected``: those of its organization, all, or those of some fleets and some by plate. Else it is
    governed by the grants to its integration: it covers every vehicle that was ``granted``, or those among them that
    its customer has ``chosen``.
    """

    by: Literal["selected", "granted", "chosen"] = "selected"
    told: bool = False
    """Whether a governed one is told of grants: its protocol has words for that, and its options want them."""
    scoped: bool = False
    """Whether its protocol keeps to scopes."""
    everything: bool = False
    fleets: tuple[str, ...] = ()
    """Names of fleets."""
    plates: tuple[str, ...] = ()
    """Normalised. A plate that no vehicle has yet counts as soon as one does."""

    def declared(self) -> str | dict[str, list[str]]:
        """As it is written in a document."""
        if self.by != "selected":
            return self.by
        if self.everything:
            return "all"
        if not self.fleets and not self.plates:
            return "none"
        return {"fleets": [*self.fleets], "plates": [*self.plates]}

    @property
    def covers_shared(self) -> bool:
        """Whether it covers what owners share: what was granted, and it keeps to scopes."""
        return self.scoped and self.by == "granted"

    def covers(self, *, plates: Collection[str], fleet: str | None) -> bool:
        """Whether a vehicle with these plates, at present in this fleet, is covered."""
        return self.everything or fleet in self.fleets or any(plate in self.plates for plate in plates)


class DriverSelector(_Stored, frozen=True, kw_only=True, omit_defaults=True):
    """The drivers of an organization that a subscription covers: all, or some by the id that a provider has of them."""

    everything: bool = False
    ids: tuple[str, ...] = ()
    """In any namespace of drivers. An id that no driver has yet counts as soon as one does."""

    def declared(self) -> str | dict[str, list[str]]:
        """As it is written in a document."""
        if self.everything:
            return "all"
        return {"ids": [*self.ids]} if self.ids else "none"

    def covers(self, ids: Collection[str]) -> bool:
        """Whether a driver with these ids is covered."""
        return self.everything or any(id_ in self.ids for id_ in ids)


def load(stored: Any) -> Selector:
    """A selector as it stands in the database."""
    return msgspec.convert(stored, Selector)


def load_drivers(stored: Any) -> DriverSelector:
    """A selector of drivers as it stands in the database."""
    return msgspec.convert(stored, DriverSelector)

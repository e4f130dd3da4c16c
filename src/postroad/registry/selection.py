"""Which vehicles a subscription covers."""

from collections.abc import Collection
from typing import Any

import msgspec


class Selector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The vehicles of an organization that a subscription covers: all, or those of some fleets and some by plate."""

    everything: bool = False
    fleets: tuple[str, ...] = ()
    """Names of fleets."""
    plates: tuple[str, ...] = ()
    """Normalised. A plate that no vehicle has yet counts as soon as one does."""

    def covers(self, *, plates: Collection[str], fleet: str | None) -> bool:
        """Whether a vehicle with these plates, at present in this fleet, is covered."""
        return self.everything or fleet in self.fleets or any(plate in self.plates for plate in plates)

    def stored(self) -> dict[str, Any]:
        """As it stands in the database; ``load`` is the inverse."""
        # By way of JSON, so that it equals what comes back: lists, not tuples.
        stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return stored


def load(stored: Any) -> Selector:
    """A selector as it stands in the database."""
    return msgspec.convert(stored, Selector)

"""What is told when it changes what somebody has of fleets and vehicles: the rules, without a database.

What is taken away is told before what is given. A fleet that gives or takes access away is told as one, and none of its
vehicles: who has a fleet knows what is in it. A vehicle that joins or leaves such a fleet is told.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from typing import NamedTuple

from postroad.protocols import postroad as words


class Having(NamedTuple):
    """How somebody has a vehicle."""

    fleet_id: int | None
    """The fleet that is told of it: the one by which it is had, or else a provider's; None: none."""
    direct: bool
    """It is had by itself, not only by its fleet."""


class Holding(NamedTuple):
    """What somebody has."""

    fleets: Set[int] = frozenset()
    vehicles: Mapping[int, Having] = {}


class Said(NamedTuple):
    """A word, as far as it does not depend on whom it is told."""

    word: Callable[..., words.Word]
    subject_id: int
    fields: Mapping[str, int | None] = {}

    def to(self, subscription_id: int, at_us: int) -> words.Word:
        """The word to a subscription."""
        return self.word(at_us=at_us, subject_id=self.subject_id, subscription_id=subscription_id, **self.fields)


class Change:
    """From what somebody had to what he has."""

    def __init__(
        self, had: Holding, has: Holding, members: Mapping[int, int | None], *, leaving_takes_access: bool
    ) -> None:
        """``members``: vehicle -> the fleet that it is in now, whoever may know; those that changed are enough.

        ``leaving_takes_access``: leaving a fleet that gave access is told as a loss of it, whatever is had beside it.
        So it is with grants (each is one of its own, and told as such), not with an operator's selection.
        """
        self._had = had
        self._has = has
        self._members = members
        self._each_by_itself = leaving_takes_access
        self._new = has.fleets - had.fleets
        self._gone = had.fleets - has.fleets

    def words(self) -> list[Said]:
        """What is to be told, in this order."""
        had, has = self._had.vehicles, self._has.vehicles
        changed = [id_ for id_ in sorted(had.keys() | has.keys()) if had.get(id_) != has.get(id_)]
        told = [Said(words.AccessRemovedFromFleet, id_) for id_ in sorted(self._gone)]
        for id_ in changed:
            told += self._taken(id_, had.get(id_), has.get(id_))
        told += [Said(words.AccessGrantedToFleet, id_) for id_ in sorted(self._new)]
        for id_ in changed:
            told += self._given(id_, had.get(id_), has.get(id_))
        return told

    def _taken(self, id_: int, had: Having | None, has: Having | None) -> Iterator[Said]:
        if had is None:
            return
        left = self._left(id_, had)
        lost = has is None or (self._each_by_itself and (left or (had.direct and not has.direct)))
        if lost and (had.direct or had.fleet_id not in self._gone):  # else it went with its fleet
            yield Said(words.AccessRemovedFromVehicle, id_, {"left_fleet_id": had.fleet_id if left else None})
        elif has is not None and had.fleet_id not in {None, has.fleet_id, *self._gone}:
            yield Said(words.VehicleRemovedFromFleet, id_, {"fleet_id": had.fleet_id})

    def _given(self, id_: int, had: Having | None, has: Having | None) -> Iterator[Said]:
        if has is None:
            return
        told_as_lost = had is not None and self._each_by_itself and self._left(id_, had)
        if has.direct and (had is None or not had.direct or told_as_lost):
            yield Said(words.AccessGrantedToVehicle, id_)
        moved = had is None or had.fleet_id != has.fleet_id
        if moved and has.fleet_id is not None and has.fleet_id not in self._new:
            yield Said(words.VehicleAddedToFleet, id_, {"fleet_id": has.fleet_id})

    def _left(self, id_: int, had: Having) -> bool:
        """Whether the vehicle is no more in the fleet by which it was had, which gives access still."""
        return (
            had.fleet_id in self._had.fleets
            and had.fleet_id not in self._gone
            and self._members.get(id_) != had.fleet_id
        )

"""What lists are answered from: one view of the registry, put in the order of ids.

Made once for each view, when somebody first asks, and only as far as he asks: with 100,000 vehicles that costs some
hundred milliseconds, and a page next to nothing. It runs in the threads of the GraphQL server, never on the event loop.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from postroad.api.graphql.types import IntegrationTopic, IntegrationVehicle, VehicleDataStream
from postroad.errors import StoreUnavailable
from postroad.protocols.connected_cars import FLEET_NUMBER, VEHICLE_NUMBER
from postroad.registry.records import RegistryView, Stream, Subject

_KEPT: Final = 100
"""Lists of one view that are remembered: one for each integration that asks."""


class _Consented(NamedTuple):
    order: Sequence[int]
    """The numbers of vehicles, in order."""
    through: Mapping[int, int | None]
    """Each -> the number of the fleet that gave access; None: the vehicle did by itself."""


class ViewIndex:
    """One view's vehicles, streams and topics, by the numbers that clients know them by. For several threads."""

    def __init__(self, view: RegistryView) -> None:
        """Look at everything once."""
        self.view = view
        self.vehicles: dict[int, Subject] = {}
        """By issued number; those that are no more are left out."""
        self.fleets: dict[int, Subject] = {}
        """The same."""
        for subject in view.subjects.values():
            if not subject.removed:
                _by_number(self.vehicles, subject, VEHICLE_NUMBER)
                _by_number(self.fleets, subject, FLEET_NUMBER)
        self._streams_of: defaultdict[int, list[int]] = defaultdict(list)
        self._streams_by_vehicle: defaultdict[int, list[int]] = defaultdict(list)
        for stream in view.streams.values():
            if not stream.ended and self._number(stream.subject_id) is not None:
                self._streams_of[stream.subscription_id].append(stream.id)
                self._streams_by_vehicle[stream.subject_id].append(stream.id)
        self._lock = threading.Lock()
        self._lists: dict[frozenset[int], _Consented] = {}

    def consented(
        self, integrations: frozenset[int], *, fleets: Collection[int] | None, vehicles: Collection[int] | None
    ) -> Sequence[int]:
        """The numbers of the vehicles to which one of the integrations has access by a grant, in order.

        ``fleets``: only those that have it through one of these; ``vehicles``: only these.
        """
        everything = self._consented(integrations)
        if vehicles is not None:
            some = sorted(number for number in set(vehicles) if number in everything.through)
        elif fleets is not None:
            some = list(everything.order)
        else:
            return everything.order
        if fleets is None:
            return some
        through = set(fleets)
        return [number for number in some if everything.through[number] in through]

    def vehicle(self, number: int, integrations: frozenset[int]) -> IntegrationVehicle:
        """One of ``consented``."""
        subject = self.vehicles[number]
        return IntegrationVehicle(
            id=number,
            vin=subject.vin,
            fleet_id=self._consented(integrations).through[number],
            license_plate=subject.plate,
        )

    def streams(self, topics: Collection[int], *, vehicles: Collection[int] | None = None) -> Sequence[int]:
        """The ids of the open streams of vehicles into ``topics``, in order; only those of ``vehicles`` (numbers)."""
        if vehicles is None:
            return sorted(id_ for topic in topics for id_ in self._streams_of.get(topic, ()))
        subjects = {self.vehicles[number].id for number in vehicles if number in self.vehicles}
        found = (id_ for subject_id in subjects for id_ in self._streams_by_vehicle.get(subject_id, ()))
        return sorted(id_ for id_ in found if self.view.streams[id_].subscription_id in topics)

    def stream(self, id_: int) -> VehicleDataStream:
        """One of ``streams``."""
        return self.shown(self.view.streams[id_])

    def shown(self, stream: Stream) -> VehicleDataStream:
        """A stream as clients see it; it may be newer than the view, if its vehicle is not."""
        number = self._number(stream.subject_id)
        if number is None:
            raise StoreUnavailable("locked", "the registry's newest change is not known here yet")
        return VehicleDataStream(
            id=stream.id,
            vehicle_id=number,
            integration_topic_id=stream.subscription_id,
            reference_url=stream.reference_url,
        )

    def topic_ids(self, integrations: frozenset[int]) -> set[int]:
        """The ids of the integrations' subscriptions."""
        return {id_ for id_, one in self.view.subscriptions.items() if one.integration_id in integrations}

    def topics(self, integrations: frozenset[int]) -> Sequence[IntegrationTopic]:
        """The integrations' subscriptions, in the order of their ids."""
        view = self.view
        found = [view.subscriptions[id_] for id_ in sorted(self.topic_ids(integrations))]
        return [IntegrationTopic(one, view.destinations[one.destination_id]) for one in found]

    def _number(self, subject_id: int) -> int | None:
        """Of a vehicle."""
        return issued_number(self.view.subjects.get(subject_id), VEHICLE_NUMBER)

    def _consented(self, integrations: frozenset[int]) -> _Consented:
        with self._lock:
            found = self._lists.get(integrations)
            if found is None:
                if len(self._lists) >= _KEPT:
                    self._lists.clear()
                found = self._lists[integrations] = self._consenting(integrations)
            return found

    def _consenting(self, integrations: frozenset[int]) -> _Consented:
        view = self.view
        giving = {
            grant.subject_id
            for grant in view.grants.values()
            if grant.kind == "fleet" and grant.integration_id in integrations
        }
        through: dict[int, int | None] = {}
        for integration_id in integrations:
            for subject_id in view.accesses.get(integration_id, ()):
                number, fleet_id = self._number(subject_id), view.subjects[subject_id].fleet_id
                if number is not None:
                    through[number] = self._fleet_number(fleet_id) if fleet_id in giving else None
        return _Consented(sorted(through), through)

    def _fleet_number(self, subject_id: int) -> int | None:
        return issued_number(self.view.subjects[subject_id], FLEET_NUMBER)


def issued_number(subject: Subject | None, namespace: str) -> int | None:
    """The number by which clients know a vehicle or fleet; ``None``: it has none, or there is none."""
    number = None if subject is None else subject.issued.get(namespace)
    return number if isinstance(number, int) else None


def _by_number(known: dict[int, Subject], subject: Subject, namespace: str) -> None:
    number = issued_number(subject, namespace)
    if number is not None:
        known[number] = subject


class Indexes:
    """The index of the newest view that was asked for."""

    def __init__(self, view: Callable[[], RegistryView]) -> None:
        """``view`` gives the one by which the hub works."""
        self._view = view
        self._making = threading.Lock()
        self._newest: ViewIndex | None = None

    def now(self) -> ViewIndex:
        """Of the view by which the hub works now; it is made if nobody has asked since that is so. Blocks."""
        with self._making:
            view = self._view()
            if self._newest is None or self._newest.view is not view:
                self._newest = ViewIndex(view)
            return self._newest

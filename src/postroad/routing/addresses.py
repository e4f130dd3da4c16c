"""Whom an event speaks of, in the identifiers that receivers of one protocol know."""

from collections.abc import Mapping

from msgspec.structs import asdict, replace

from postroad.model.accounts import AccountChange, SharedVehicle, UserSignedUp, VehiclesShared, VehicleUnshared, reissue
from postroad.model.documents import Document
from postroad.model.events import AccessChanged, Event, Identifier, MembershipChanged
from postroad.protocols.base import Addressing, TargetProtocol
from postroad.protocols.postroad import SUBJECT
from postroad.registry.records import RegistryView, Subject


class Addresses:
    """Looks subjects of one view up for one protocol."""

    def __init__(self, view: RegistryView, target: TargetProtocol) -> None:
        """Nothing is looked up yet."""
        self._view = view
        self._namespace = {issue.of: issue.namespace for issue in target.issues}
        self._of_reports: dict[tuple[int, frozenset[str] | None], Addressing] = {}

    def of(self, event: Event, provider_id: int, scopes: frozenset[str] | None) -> Addressing:
        """Whom an event of a provider (0: the hub itself) speaks of."""
        subject_id = event.header.subject_id
        if isinstance(event, MembershipChanged):
            fleet = self._named(event.fleet, provider_id)
            return self._addressing(self._view.subjects.get(subject_id), fleet, scopes)
        if isinstance(event, AccessChanged) and event.of == "fleet":
            return self._addressing(None, self._view.subjects.get(subject_id), scopes)
        to = self._of_reports.get((subject_id, scopes))
        if to is None:
            subject = self._view.subjects.get(subject_id)
            fleet = self._view.subjects.get(subject.fleet_id) if subject and subject.fleet_id else None
            to = self._of_reports[subject_id, scopes] = self._addressing(subject, fleet, scopes)
        return self._with_others(event, provider_id, to) if isinstance(event, Document) else to

    def in_issued_identifiers(self, event: Event) -> Event | None:
        """An event that the hub itself tells, which names accounts and vehicles by its own ids; ``None``: says nothing.

        What was not issued for this protocol is left out.
        """
        if not isinstance(event, AccountChange):
            return event
        user = self._issued(self._view.subjects.get(event.header.subject_id), "account")
        if not isinstance(user, str):
            return None
        named: tuple[str, ...] = ()
        if isinstance(event, UserSignedUp):
            event = self._introduced(event)
        if isinstance(event, UserSignedUp | VehiclesShared):
            named = tuple(vehicle.identifier for vehicle in event.vehicles)
            event = replace(event, vehicles=tuple([self._described(one) for one in event.vehicles]))
        elif isinstance(event, VehicleUnshared):
            named = (event.vehicle_identifier,)
        return reissue(event, user, self._vehicles(named))

    def _with_others(self, event: Document, provider_id: int, to: Addressing) -> Addressing:
        """Also the vehicle of a trip that is a driver's, and the driver of what is a vehicle's."""
        vehicle, driver = getattr(event, "vehicle", None), getattr(event, "driver", None)
        if vehicle is not None and to.vehicle_id is None:
            to = replace(to, vehicle_id=self._issued(self._named(vehicle, provider_id), "vehicle"))
        if driver is not None and to.driver_id is None:
            driver_id = self._issued(self._named(driver, provider_id), "driver")
            to = replace(to, driver_id=driver_id if isinstance(driver_id, str) else None)
        return to

    def _vehicles(self, named: tuple[str, ...]) -> Mapping[str, str]:
        issued = {name: self._issued(self._view.subjects.get(int(name)), "vehicle") for name in named}
        return {name: id_ for name, id_ in issued.items() if isinstance(id_, str)}

    def _introduced(self, event: UserSignedUp) -> UserSignedUp:
        """With what is known of an owner of vehicles; the account of an organization is nobody in particular."""
        person = self._view.people.get(event.header.subject_id)
        if person is None:
            return event
        return replace(event, user=replace(event.user, **asdict(person)))

    def _described(self, vehicle: SharedVehicle) -> SharedVehicle:
        subject = self._view.subjects.get(int(vehicle.identifier))
        if subject is None:
            return vehicle
        return replace(vehicle, vin=subject.vin, licence_plate=subject.plate)

    def _named(self, named: Identifier, provider_id: int) -> Subject | None:
        if named.namespace == SUBJECT:
            return self._view.subjects.get(int(named.value))
        provider = self._view.providers.get(provider_id)
        if provider is None:
            return None
        subject_id = self._view.identifiers.get((provider.organization_id, named.namespace, named.value))
        return None if subject_id is None else self._view.subjects.get(subject_id)

    def _addressing(self, subject: Subject | None, fleet: Subject | None, scopes: frozenset[str] | None) -> Addressing:
        fleet_id, driver_id = self._issued(fleet, "fleet"), self._issued(subject, "driver")
        return Addressing(
            vehicle_id=self._issued(subject, "vehicle"),
            fleet_id=fleet_id if isinstance(fleet_id, int) else None,
            driver_id=driver_id if isinstance(driver_id, str) else None,
            vin=subject.vin if subject is not None else None,
            plate=subject.plate if subject is not None else None,
            scopes=scopes,
        )

    def _issued(self, subject: Subject | None, kind: str) -> int | str | None:
        namespace = self._namespace.get(kind)  # type: ignore[call-overload]  # a kind that has none is asked for too
        return subject.issued.get(namespace) if subject is not None and namespace is not None else None

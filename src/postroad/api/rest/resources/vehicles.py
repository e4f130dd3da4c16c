"""Vehicles, by their ids: what they are known by may change."""

import msgspec

from postroad.access.policy import Operation, Target
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.paging import Page
from postroad.api.rest.types.subject import Vehicle, VehicleBody, VehicleList
from postroad.clock import from_us
from postroad.errors import NotFound
from postroad.model.identifiers import PLATE, VIN
from postroad.registry import subject_list
from postroad.registry.apply import Part
from postroad.registry.subject_list import ListedSubject, Which

ALL = "/organizations/{organization}/vehicles"
ONE = ALL + "/{vehicle}"

vehicles = Resource("vehicles", "What organizations have, and events are about.")


@vehicles.get(ALL, Operation.READ_FLEETS)
def list_vehicles(call: Call, organization: str, query: VehicleList) -> Page[Vehicle]:
    """List an organization's vehicles: all, those of a fleet, or whatever is known by an identifier."""
    of = _organization(call, organization)
    which = Which(
        organization_id=of.id,
        kind="vehicle",
        namespace=query.namespace,
        value=query.identifier,
        fleet_id=None if query.fleet is None else call.declared.fleet(of.id, query.fleet).id,
    )
    after = key_of(query, int) or 0
    some = subject_list.listed(call.declared.connection, which, after=after, limit=query.limit + 1)
    return page_of(some, query, _shown, key=lambda one: one.id)


@vehicles.get(ONE, Operation.READ_FLEETS)
def get_vehicle(call: Call, organization: str, vehicle: int) -> Vehicle:
    """Get a vehicle."""
    return _shown(_found(call, _organization(call, organization), vehicle))


@vehicles.post(ALL, Operation.CHANGE_REGISTRY)
def create_vehicle(call: Call, organization: str, body: VehicleBody) -> Vehicle | Created:
    """Have a vehicle: a new one, unless one is known by what is said here; then that is changed, as in a file."""
    of = _organization(call, organization)
    id_, is_new = call.declaring.put_vehicle(of, msgspec.to_builtins(body))
    shown = _shown(_found(call, of, id_))
    return Created(shown, ALL.format(organization=of.id) + f"/{id_}") if is_new else shown


@vehicles.put(ONE, Operation.CHANGE_REGISTRY, current=get_vehicle)
def put_vehicle(call: Call, organization: str, vehicle: int, body: VehicleBody) -> Vehicle:
    """Replace what a vehicle is known by, and the fleet it is in."""
    of = _organization(call, organization)
    found = _found(call, of, vehicle)
    call.declaring.put_vehicle(of, msgspec.to_builtins(body), id_=found.id)
    return _shown(_found(call, of, vehicle))


@vehicles.delete(ONE, Operation.CHANGE_REGISTRY, current=get_vehicle)
def delete_vehicle(call: Call, organization: str, vehicle: int) -> None:
    """Retire a vehicle: its streams end, and it is known by nothing any more.

    What was stored of it stays: to remove that, erase it.
    """
    of = _organization(call, organization)
    call.declaring.remove_vehicle(of, _found(call, of, vehicle).id)


def _organization(call: Call, named: str) -> Part:
    found = call.declared.organization(named)
    call.require(Target(organization_id=found.id))
    return found


def _found(call: Call, organization: Part, id_: int) -> ListedSubject:
    found = subject_list.one(call.declared.connection, id_, kind="vehicle")
    if found.organization_id != organization.id:
        raise NotFound(f"there is no vehicle {id_}")
    return found


def _shown(one: ListedSubject) -> Vehicle:
    of_providers = {namespace: values for namespace, values in one.identifiers.items() if namespace not in (PLATE, VIN)}
    return Vehicle(
        id=one.id,
        plate=_last(one, PLATE),
        vin=_last(one, VIN),
        identifiers={namespace: values[0] for namespace, values in of_providers.items() if len(values) == 1},
        other_identifiers={namespace: values for namespace, values in of_providers.items() if len(values) > 1},
        fleet=one.fleet,
        fleet_id=one.fleet_id,
        issued=one.issued,
        declared=one.declared,
        created_at=from_us(one.created_us),
    )


def _last(one: ListedSubject, namespace: str) -> str | None:
    """Of several, the one by which the hub's view knows a vehicle: the first in order."""
    return min(one.identifiers.get(namespace, ()), default=None)

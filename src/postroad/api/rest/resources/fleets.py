"""Fleets: groups of vehicles."""

from postroad.access.policy import Operation, Target
from postroad.api.rest.call import Call
from postroad.api.rest.paging import page_of_parts
from postroad.api.rest.resources.putting import put
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.paging import Page, Paging
from postroad.api.rest.types.subject import Fleet, FleetBody
from postroad.errors import NotFound
from postroad.registry import grants, subject_list
from postroad.registry.apply import Part

ALL = "/organizations/{organization}/fleets"
ONE = ALL + "/{fleet}"
MEMBER = ONE + "/vehicles/{vehicle}"

fleets = Resource("fleets", "Groups of vehicles. Those that only a provider knows are among the subjects.")


@fleets.get(ALL, Operation.READ_FLEETS)
def list_fleets(call: Call, organization: str, query: Paging) -> Page[Fleet]:
    """List an organization's fleets."""
    of = _organization(call, organization)
    return page_of_parts(call.declared.fleets(of.id), query, _shown)


@fleets.get(ONE, Operation.READ_FLEETS)
def get_fleet(call: Call, organization: str, fleet: str) -> Fleet:
    """Get a fleet by its name or id."""
    of = _organization(call, organization)
    return _shown(call.declared.fleet(of.id, fleet))


@fleets.put(ONE, Operation.CHANGE_FLEETS, current=get_fleet)
def put_fleet(call: Call, organization: str, fleet: str, body: FleetBody) -> Fleet | Created:
    """Have a fleet of this name."""
    of = _organization(call, organization)
    return put(
        fleet,
        body,
        among=lambda: call.declared.fleets(of.id),
        write=lambda wanted: call.declaring.put_fleet(of, wanted),
        show=_shown,
        below=ALL.format(organization=of.id),
    )


@fleets.delete(ONE, Operation.CHANGE_FLEETS, current=get_fleet)
def delete_fleet(call: Call, organization: str, fleet: str) -> None:
    """Remove a fleet, and so the access that it gave. Its vehicles are in no fleet then."""
    of = _organization(call, organization)
    call.declaring.remove("fleet", call.declared.fleet(of.id, fleet), of)


@fleets.post(MEMBER, Operation.CHANGE_FLEETS)
def add_vehicle_to_fleet(call: Call, organization: str, fleet: str, vehicle: int) -> None:
    """Have a vehicle in this fleet from now on; it leaves the one that it is in."""
    of = _organization(call, organization)
    grants.move(call.under_way, _vehicle(call, of, vehicle), call.declared.fleet(of.id, fleet).id)


@fleets.delete(MEMBER, Operation.CHANGE_FLEETS)
def remove_vehicle_from_fleet(call: Call, organization: str, fleet: str, vehicle: int) -> None:
    """Have a vehicle in no fleet from now on."""
    of = _organization(call, organization)
    found = subject_list.one(call.declared.connection, _vehicle(call, of, vehicle))
    if found.fleet_id != call.declared.fleet(of.id, fleet).id:
        raise NotFound(f"vehicle {vehicle} is not in it")
    grants.move(call.under_way, vehicle, None)


def _organization(call: Call, named: str) -> Part:
    found = call.declared.organization(named)
    call.require(Target(organization_id=found.id))
    return found


def _vehicle(call: Call, organization: Part, id_: int) -> int:
    found = subject_list.one(call.declared.connection, id_, kind="vehicle")
    if found.organization_id != organization.id:
        raise NotFound(f"there is no vehicle {id_}")
    return id_


def _shown(part: Part) -> Fleet:
    return Fleet(id=part.id, name=part.name)

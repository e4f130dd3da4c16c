"""Organizations: companies, and everything that belongs to them."""

from postroad.access.policy import HUB, Operation, Target
from postroad.api.rest.call import Call
from postroad.api.rest.paging import page_of_parts
from postroad.api.rest.resources.putting import put
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.organization import Organization, OrganizationBody
from postroad.api.rest.types.paging import Page, Paging
from postroad.registry.apply import Part

organizations = Resource("organizations", "Companies, and everything that belongs to them.")


@organizations.get("/organizations", Operation.READ_REGISTRY)
def list_organizations(call: Call, query: Paging) -> Page[Organization]:
    """List the organizations that you may see, in the order of their ids."""
    seen = call.reached(call.declared.organizations(), lambda one: Target(organization_id=one.id))
    return page_of_parts(seen, query, _shown)


@organizations.get("/organizations/{organization}", Operation.READ_REGISTRY)
def get_organization(call: Call, organization: str) -> Organization:
    """Get an organization by its name or id."""
    found = call.declared.organization(organization)
    call.require(Target(organization_id=found.id))
    return _shown(found)


@organizations.put("/organizations/{organization}", Operation.CHANGE_REGISTRY, current=get_organization)
def put_organization(call: Call, organization: str, body: OrganizationBody) -> Organization | Created:
    """Have an organization of this name; what belongs to it is declared by itself."""
    call.require(HUB)
    return put(
        organization,
        body,
        among=call.declared.organizations,
        write=lambda wanted: call.declaring.put_organization(wanted["name"]),
        show=_shown,
        below="/organizations",
    )


@organizations.delete("/organizations/{organization}", Operation.CHANGE_REGISTRY, current=get_organization)
def delete_organization(call: Call, organization: str) -> None:
    """Remove an organization, with everything that belongs to it: its vehicles, streams and keys too.

    Ids are never used again, and what was delivered stays recorded. To remove what is known of people, erase.
    """
    found = call.declared.organization(organization)
    call.require(HUB)
    call.declaring.remove("organization", found)


def _shown(part: Part) -> Organization:
    return Organization(id=part.id, name=part.name)

"""Destinations: where to."""

import msgspec

from postroad.access.policy import Operation
from postroad.api.rest.call import Call
from postroad.api.rest.paging import page_of_parts
from postroad.api.rest.resources.integrations import ONE as INTEGRATION
from postroad.api.rest.resources.integrations import found_for
from postroad.api.rest.resources.putting import put
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.integration import Destination, DestinationBody
from postroad.api.rest.types.paging import Page, Paging
from postroad.registry.apply import Part

ALL = INTEGRATION + "/destinations"
ONE = ALL + "/{destination}"

destinations = Resource("destinations", "Where to: a URL, queue or topic of a customer, with its credentials.")


@destinations.get(ALL, Operation.READ_REGISTRY)
def list_destinations(call: Call, organization: str, integration: str, query: Paging) -> Page[Destination]:
    """List an integration's destinations."""
    _, of = found_for(call, organization, integration)
    return page_of_parts(call.declared.destinations(of.id), query, _shown)


@destinations.get(ONE, Operation.READ_REGISTRY)
def get_destination(call: Call, organization: str, integration: str, destination: str) -> Destination:
    """Get a destination by its name or id."""
    _, of = found_for(call, organization, integration)
    return _shown(call.declared.destination(of.id, destination))


@destinations.put(ONE, Operation.CHANGE_REGISTRY, current=get_destination)
def put_destination(
    call: Call, organization: str, integration: str, destination: str, body: DestinationBody
) -> Destination | Created:
    """Create a destination, or replace it; what is sent there must still fit.

    In `config`, a secret is written out, and null stands for one that is set; one that is left out goes.
    """
    company, of = found_for(call, organization, integration)
    return put(
        destination,
        body,
        among=lambda: call.declared.destinations(of.id),
        write=lambda wanted: call.declaring.put_destination(company, of, wanted),
        show=_shown,
        below=ALL.format(organization=company.id, integration=of.id),
    )


@destinations.delete(ONE, Operation.CHANGE_REGISTRY, current=get_destination)
def delete_destination(call: Call, organization: str, integration: str, destination: str) -> None:
    """Remove a destination to which nothing is sent, with its secrets."""
    company, of = found_for(call, organization, integration)
    call.declaring.remove("destination", call.declared.destination(of.id, destination), company, of)


def _shown(part: Part) -> Destination:
    return msgspec.convert({**part.data, "id": part.id, "secrets": part.secrets}, Destination)

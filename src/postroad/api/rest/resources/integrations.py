"""Integrations: who receives from us."""

import msgspec

from postroad.access.policy import Operation, Target
from postroad.api.rest.call import Call
from postroad.api.rest.paging import page_of_parts
from postroad.api.rest.resources.putting import put
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.integration import Integration, IntegrationBody
from postroad.api.rest.types.paging import Page, Paging
from postroad.registry.apply import Part

ALL = "/organizations/{organization}/integrations"
ONE = ALL + "/{integration}"

integrations = Resource("integrations", "Who receives from us.")


@integrations.get(ALL, Operation.READ_REGISTRY)
def list_integrations(call: Call, organization: str, query: Paging) -> Page[Integration]:
    """List an organization's integrations; an integration sees itself."""
    of = call.declared.organization(organization)
    seen = call.reached(call.declared.integrations(of.id), lambda one: target_of(of, one))
    if not seen:
        call.require(Target(organization_id=of.id))
    return page_of_parts(seen, query, _shown)


@integrations.get(ONE, Operation.READ_REGISTRY)
def get_integration(call: Call, organization: str, integration: str) -> Integration:
    """Get an integration by its name or id."""
    return _shown(found_for(call, organization, integration)[1])


@integrations.put(ONE, Operation.CHANGE_REGISTRY, current=get_integration)
def put_integration(call: Call, organization: str, integration: str, body: IntegrationBody) -> Integration | Created:
    """Create an integration, or replace what is declared of it.

    Its destinations and subscriptions are put by themselves. A `service` needs a subscription by which owners can
    share, so it is put once that is there.
    """
    of = call.declared.organization(organization)
    call.require(Target(organization_id=of.id))
    return put(
        integration,
        body,
        among=lambda: call.declared.integrations(of.id),
        write=lambda wanted: call.declaring.put_integration(of, wanted),
        show=_shown,
        below=ALL.format(organization=of.id),
    )


@integrations.delete(ONE, Operation.CHANGE_REGISTRY, current=get_integration)
def delete_integration(call: Call, organization: str, integration: str) -> None:
    """Remove an integration with its destinations and subscriptions: its streams, grants and tokens end."""
    of, found = found_for(call, organization, integration)
    call.declaring.remove("integration", found, of)


def found_for(call: Call, organization: str, integration: str) -> tuple[Part, Part]:
    """An organization and its integration, if who asks may do to it what he wants.

    Raises ``NotFound`` or ``Forbidden``.
    """
    of = call.declared.organization(organization)
    found = call.declared.integration(of.id, integration)
    call.require(target_of(of, found))
    return of, found


def target_of(organization: Part, integration: Part) -> Target:
    """The integration, as the policy knows it."""
    return Target(organization_id=organization.id, integration_id=integration.id)


def _shown(part: Part) -> Integration:
    return msgspec.convert({**part.data, "id": part.id}, Integration)

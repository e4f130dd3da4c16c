"""Providers: who sends to us."""

import msgspec

from postroad.access.policy import Operation, Target
from postroad.api.rest.call import Call
from postroad.api.rest.paging import page_of_parts
from postroad.api.rest.resources.putting import put
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.paging import Page, Paging
from postroad.api.rest.types.provider import Provider, ProviderBody
from postroad.registry.apply import Part

ALL = "/organizations/{organization}/providers"
ONE = ALL + "/{provider}"

providers = Resource("providers", "Who sends to us.")


@providers.get(ALL, Operation.READ_REGISTRY)
def list_providers(call: Call, organization: str, query: Paging) -> Page[Provider]:
    """List an organization's providers; a provider sees itself."""
    of = call.declared.organization(organization)
    seen = call.reached(call.declared.providers(of.id), lambda one: _target(of, one))
    if not seen:
        call.require(Target(organization_id=of.id))
    return page_of_parts(seen, query, _shown)


@providers.get(ONE, Operation.READ_REGISTRY)
def get_provider(call: Call, organization: str, provider: str) -> Provider:
    """Get a provider by its name or id."""
    of = call.declared.organization(organization)
    found = call.declared.provider(of.id, provider)
    call.require(_target(of, found))
    return _shown(found)


@providers.put(ONE, Operation.CHANGE_REGISTRY, current=get_provider)
def put_provider(call: Call, organization: str, provider: str, body: ProviderBody) -> Provider | Created:
    """Create a provider, or replace what is declared of it.

    Settings that differ are a new revision: what was received before is still read by those of its time. In `upstream`
    and in the config of `receive`, null stands for a secret that is set.
    """
    of = call.declared.organization(organization)
    call.require(Target(organization_id=of.id))
    return put(
        provider,
        body,
        among=lambda: call.declared.providers(of.id),
        write=lambda wanted: call.declaring.put_provider(of, wanted),
        show=_shown,
        below=ALL.format(organization=of.id),
    )


@providers.delete(ONE, Operation.CHANGE_REGISTRY, current=get_provider)
def delete_provider(call: Call, organization: str, provider: str) -> None:
    """Remove a provider: its tokens end, and nothing is taken in from it any more."""
    of = call.declared.organization(organization)
    found = call.declared.provider(of.id, provider)
    call.require(_target(of, found))
    call.declaring.remove("provider", found, of)


def _target(organization: Part, provider: Part) -> Target:
    return Target(organization_id=organization.id, provider_id=provider.id)


def _shown(part: Part) -> Provider:
    return msgspec.convert({**part.data, **part.more, "id": part.id, "secrets": part.secrets}, Provider)

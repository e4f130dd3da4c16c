"""Subjects of every kind: vehicles, fleets that only providers know, drivers, accounts. To read only."""

from postroad.access.policy import HUB, Operation, Target
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.routes import Resource
from postroad.api.rest.types.paging import Page, Paging
from postroad.api.rest.types.subject import DriverList, Subject, SubjectList
from postroad.clock import from_us
from postroad.registry import subject_list
from postroad.registry.subject_list import ListedSubject, Which

subjects = Resource("subjects", "Whom or what events are about: vehicles, fleets, drivers, accounts.")


@subjects.get("/subjects", Operation.READ_REGISTRY)
def list_subjects(call: Call, query: SubjectList) -> Page[Subject]:
    """List subjects; whoever does not see all organizations names the one."""
    organization_id = None if query.organization is None else call.declared.organization(query.organization).id
    call.require(HUB if organization_id is None else Target(organization_id=organization_id))
    which = Which(organization_id=organization_id, kind=query.kind, namespace=query.namespace, value=query.identifier)
    return _page(call, query, which)


@subjects.get("/subjects/{subject}", Operation.READ_REGISTRY)
def get_subject(call: Call, subject: int) -> Subject:
    """Get a subject."""
    found = subject_list.one(call.declared.connection, subject)
    call.require(Target(organization_id=found.organization_id))
    return _shown(found)


@subjects.get("/organizations/{organization}/drivers", Operation.READ_REGISTRY)
def list_drivers(call: Call, organization: str, query: DriverList) -> Page[Subject]:
    """List an organization's drivers, as providers know them."""
    of = call.declared.organization(organization)
    call.require(Target(organization_id=of.id))
    which = Which(organization_id=of.id, kind="driver", namespace=query.namespace, value=query.identifier)
    return _page(call, query, which)


def _page(call: Call, query: Paging, which: Which) -> Page[Subject]:
    after = key_of(query, int) or 0
    some = subject_list.listed(call.declared.connection, which, after=after, limit=query.limit + 1)
    return page_of(some, query, _shown, key=lambda one: one.id)


def _shown(one: ListedSubject) -> Subject:
    return Subject(
        id=one.id,
        organization_id=one.organization_id,
        kind=one.kind,
        name=one.name,
        identifiers=one.identifiers,
        issued=one.issued,
        fleet_id=one.fleet_id,
        declared=one.declared,
        created_at=from_us(one.created_us),
    )

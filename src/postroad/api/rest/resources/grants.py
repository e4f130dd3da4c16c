"""Grants: an integration may have a vehicle, or every vehicle that is in a fleet, of whichever organization."""

from postroad.access.policy import Operation, Target
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.access import Grant, GrantBody, GrantList
from postroad.api.rest.types.paging import Page
from postroad.clock import from_us
from postroad.errors import ConfigError, NotFound
from postroad.registry import grants as given
from postroad.registry import subject_list
from postroad.registry.grants import Listed

ALL = "/grants"
ONE = ALL + "/{grant}"

grants = Resource("grants", "Who has access to which vehicles and fleets.")


@grants.get(ALL, Operation.READ_GRANTS)
def list_grants(call: Call, query: GrantList) -> Page[Grant]:
    """List the grants that stand and that you may see, at either end, the oldest first."""
    standing, after = given.listed(call.declared.connection), key_of(query, int) or 0
    of_subject = call.reached(standing, lambda one: _ends(one)[0])
    of_integration = call.reached(standing, lambda one: _ends(one)[1])
    mine = [
        one
        for one in standing
        if (one in of_subject or one in of_integration)
        and query.integration_id in (None, one.integration_id)
        and query.subject_id in (None, one.subject_id)
        and one.id > after
    ]
    return page_of(mine, query, _shown, key=lambda one: one.id)


@grants.get(ONE, Operation.READ_GRANTS)
def get_grant(call: Call, grant: int) -> Grant:
    """Get a grant that stands."""
    found = given.get(call.declared.connection, grant)
    call.require(*_ends(found))
    return _shown(found)


@grants.post(ALL, Operation.GIVE_GRANT)
def give_grant(call: Call, body: GrantBody) -> Grant | Created:
    """Give an integration access to a vehicle, or to a fleet; what stands already is answered as it is."""
    subject = subject_list.one(call.declared.connection, body.subject_id)
    call.require(Target(organization_id=subject.organization_id))
    try:
        is_news = given.give(call.under_way, body.integration_id, body.subject_id)
    except NotFound as exc:
        raise ConfigError(str(exc), field="integration_id" if "integration" in str(exc) else "subject_id") from exc
    shown = _shown(given.between(call.under_way.connection, body.integration_id, body.subject_id))
    return Created(shown, ONE.format(grant=shown.id)) if is_news else shown


@grants.delete(ONE, Operation.WITHDRAW_GRANT, current=get_grant)
def revoke_grant(call: Call, grant: int) -> None:
    """Withdraw a grant: streams of the vehicle, or of the fleet's vehicles, end.

    What waits to be sent of them is not sent any more.
    """
    found = given.get(call.under_way.connection, grant)
    call.require(*_ends(found))
    given.revoke(call.under_way, found.integration_id, found.subject_id)


def _ends(one: Listed) -> tuple[Target, Target]:
    return (
        Target(organization_id=one.subjects_organization_id),
        Target(organization_id=one.integrations_organization_id, integration_id=one.integration_id),
    )


def _shown(one: Listed) -> Grant:
    return Grant(
        id=one.id,
        integration_id=one.integration_id,
        integration=one.integration,
        subject_id=one.subject_id,
        kind="fleet" if one.kind == "fleet" else "vehicle",
        subject=one.subject,
        since=from_us(one.since_us),
    )

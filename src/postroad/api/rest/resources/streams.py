"""Streams: one vehicle or driver into one subscription, over an interval of positions."""

from postroad.access.policy import Operation, Target
from postroad.access.principals import Role
from postroad.api.rest import problems
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.problems import Refused
from postroad.api.rest.resources.credentials import instant
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.access import Stream, StreamBody, StreamChange, StreamList
from postroad.api.rest.types.paging import Page
from postroad.clock import from_us
from postroad.errors import Forbidden
from postroad.registry import chosen, stream_list
from postroad.registry.chosen import NewStream
from postroad.registry.stream_list import ListedStream, Which

ALL = "/streams"
ONE = ALL + "/{stream}"

streams = Resource("streams", "Who has which vehicle, and who had it.")


@streams.get(ALL, Operation.LIST_STREAMS)
def list_streams(call: Call, query: StreamList) -> Page[Stream]:
    """List the streams of integrations that you may see, in the order of their ids, those that have ended too."""
    which = Which(
        integration_ids=_integrations(call),
        subscription_id=query.subscription_id,
        subject_id=query.subject_id,
        ended=query.ended,
    )
    after = key_of(query, int) or 0
    some = stream_list.listed(call.declared.connection, which, after=after, limit=query.limit + 1)
    return page_of(some, query, _shown, key=lambda one: one.stream.id)


@streams.get(ONE, Operation.LIST_STREAMS)
def get_stream(call: Call, stream: int) -> Stream:
    """Get a stream."""
    found = stream_list.one(call.declared.connection, stream)
    call.require(_target(found))
    return _shown(found)


@streams.post(ALL, Operation.ADD_STREAMS)
def add_stream(call: Call, body: StreamBody) -> Stream | Created:
    """Choose a vehicle for a subscription that leaves that to its customer; one that is open is answered as it is."""
    subscription = call.view.subscriptions.get(body.subscription_id)
    if subscription is None:
        raise Forbidden("no such subscription")
    call.require(Target(organization_id=subscription.organization_id, integration_id=subscription.integration_id))
    wanted = NewStream(body.vehicle_id, body.subscription_id, body.reference_url)
    before = call.under_way.notes.all()
    [made] = chosen.add(call.under_way, [subscription.integration_id], [wanted])
    shown = _shown(stream_list.one(call.under_way.connection, made.id))
    return Created(shown, ONE.format(stream=made.id)) if call.under_way.notes.all() != before else shown


@streams.patch(ONE, Operation.UPDATE_STREAM, current=get_stream)
def update_stream(call: Call, stream: int, body: StreamChange) -> Stream:
    """Change what is noted with a chosen stream that is open."""
    found = _chosen(call, stream)
    chosen.update(call.under_way, [found.integration_id], stream, body.reference_url)
    return _shown(stream_list.one(call.under_way.connection, stream))


@streams.delete(ONE, Operation.DELETE_STREAMS, current=get_stream)
def delete_stream(call: Call, stream: int) -> None:
    """End a chosen stream. Of others the subscription, or a grant, decides: change that."""
    found = _chosen(call, stream)
    chosen.delete(call.under_way, [found.integration_id], [stream])


def _chosen(call: Call, stream_id: int) -> ListedStream:
    """An open stream that may be changed. Raises ``Refused`` of one that something else decides on."""
    found = stream_list.one(call.under_way.connection, stream_id)
    call.require(_target(found))
    if found.stream.ended:
        raise Refused(problems.CONFLICT, "the stream has ended")
    if found.by != "chosen":
        raise Refused(problems.CONFLICT, "what the subscription covers decides on this stream, not its customer")
    return found


def _integrations(call: Call) -> frozenset[int] | None:
    """Those whose streams may be seen; ``None``: all, those that are removed too."""
    if call.principal.role in (Role.OPERATOR, Role.AUDITOR) and call.principal.organization_id is None:
        call.require(Target())
        return None
    return frozenset(
        one.id
        for one in call.reached(
            call.view.integrations.values(),
            lambda one: Target(organization_id=one.organization_id, integration_id=one.id),
        )
    )


def _target(found: ListedStream) -> Target:
    return Target(organization_id=found.organization_id, integration_id=found.integration_id)


def _shown(one: ListedStream) -> Stream:
    stream = one.stream
    return Stream(
        id=stream.id,
        subscription_id=stream.subscription_id,
        integration_id=one.integration_id,
        subject_id=stream.subject_id,
        shard=stream.shard,
        from_position=stream.from_position,
        until_position=stream.until_position,
        ended=stream.ended,
        created_at=from_us(one.created_us),
        ended_at=instant(one.ended_us),
        scopes=None if stream.scopes is None else sorted(stream.scopes),
        reference_url=stream.reference_url,
    )

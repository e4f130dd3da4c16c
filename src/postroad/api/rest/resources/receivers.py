"""What is received from queues and topics, and whether it is."""

from postroad.access.policy import Operation
from postroad.administration.receivers import Standing, standings
from postroad.api.rest import reach
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.resources.showing import instant
from postroad.api.rest.routes import Resource
from postroad.api.rest.types.paging import Page, Paging
from postroad.api.rest.types.receiver import Receiver

receivers = Resource("receivers", "What is received from queues and topics.")


@receivers.get("/receivers", Operation.READ_INTAKE)
def list_receivers(call: Call, query: Paging) -> Page[Receiver]:
    """List how the receivers of providers stand; a provider sees its own."""
    after = key_of(query, int) or 0
    providers = sorted(call.view.providers.values(), key=lambda one: one.id)
    seen = call.reached((one for one in providers if one.receiver is not None and one.id > after), reach.of_provider)
    found = standings(call.registry, seen[: query.limit + 1])
    return page_of(found, query, lambda one: _shown(call, one), key=lambda one: one.provider.id)


def _shown(call: Call, one: Standing) -> Receiver:
    return Receiver(
        provider_id=one.provider.id,
        provider=one.provider.name,
        transport=one.receiver.transport,
        state=one.state,
        since=instant(one.since_us),
        detail=one.detail,
        last_message=instant(call.services.last_message_us(one.provider.id)),
        read=instant(one.read_us),
    )

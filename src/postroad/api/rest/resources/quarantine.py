"""Items that could not be read."""

import msgspec

from postroad.access.policy import HUB, Operation
from postroad.administration import quarantine as kept
from postroad.administration import tasks as asked
from postroad.administration.items import Place
from postroad.api.rest import reach
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.problems import MALFORMED, Refused
from postroad.api.rest.resources import showing
from postroad.api.rest.resources.tasks import shown as shown_task
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.paging import Page
from postroad.api.rest.types.quarantine import (
    QuarantineChoice,
    QuarantinedItem,
    QuarantinedItemWithBody,
    QuarantineDrop,
    QuarantineQuery,
)
from postroad.api.rest.types.task import Task
from postroad.clock import from_us
from postroad.errors import ConfigError, NotFound

quarantine = Resource("quarantine", "Items that were taken in, but could not be read.")


@quarantine.get("/quarantine", Operation.READ_INTAKE)
def list_quarantined_items(call: Call, query: QuarantineQuery) -> Page[QuarantinedItem]:
    """List the items that could not be read, the oldest first."""
    provider_ids = None if call.may(HUB) else reach.provider_ids(call, Operation.READ_INTAKE)
    if query.provider_id is not None:
        mine = provider_ids is None or query.provider_id in provider_ids
        provider_ids = frozenset({query.provider_id} if mine else ())
    after = key_of(query, str)
    with call.services.readers.lend() as shards:
        found = kept.listed(
            shards,
            provider_ids=provider_ids,
            unresolved_only=not query.resolved,
            after=None if after is None else _place(after, Refused(MALFORMED, "cursor: not one of ours")),
            limit=query.limit + 1,
        )
    return page_of(found, query, lambda one: _shown(call, one), key=lambda one: str(one.place))


@quarantine.get("/quarantine/{item}", Operation.READ_INTAKE)
def get_quarantined_item(call: Call, item: str) -> QuarantinedItemWithBody:
    """Get an item, with what was sent."""
    place = _place(item, NotFound("there is no such item"))
    with call.services.readers.lend() as shards:
        call.require(reach.of_provider(call.view.providers.get(kept.get(shards, place).item.provider_id)))
        found = kept.shown(shards, place)
    return QuarantinedItemWithBody(
        **msgspec.structs.asdict(_shown(call, found.unread)),
        request_id=found.request_id,
        body=showing.body(found.body),
    )


@quarantine.post("/quarantine/redrive", Operation.REDRIVE_INTAKE)
def redrive_quarantined_items(call: Call, body: QuarantineChoice) -> Task | Created:
    """Have items read again, by today's decoder and settings.

    What can be read now is taken in as if it had just arrived. The rest stays where it is.
    """
    return _asked(call, "REDRIVE_QUARANTINE", body)


@quarantine.post("/quarantine/drop", Operation.DROP_INTAKE)
def drop_quarantined_items(call: Call, body: QuarantineDrop) -> Task | Created:
    """Take items out of quarantine for good, unread. They stay in the log until retention removes them."""
    if body == QuarantineDrop():
        call.require(HUB)
        raise ConfigError("say which items to drop, or all", field="all")
    return _asked(call, "DROP_QUARANTINE", body)


def _asked(call: Call, fate: kept.Fate, body: QuarantineChoice) -> Created:
    call.require(HUB)
    if body.provider_id is not None and body.provider_id not in call.view.providers:
        raise ConfigError("there is no such provider", field="provider_id")
    places = [
        _place(item, ConfigError("no item: write SHARD:POSITION", field=f"items[{n}]"))
        for n, item in enumerate(body.items)
    ]
    task = kept.ask(call.registry, fate, items=places, provider_id=body.provider_id)
    return Created(shown_task(asked.described(task, call.view)), f"/tasks/{task.id}")


def _place(text: str, otherwise: Exception) -> Place:
    try:
        return Place.read(text)
    except ValueError:
        raise otherwise from None


def _shown(call: Call, one: kept.Unread) -> QuarantinedItem:
    item, shard = one.item, one.place.shard
    provider = call.view.providers.get(item.provider_id)
    return QuarantinedItem(
        id=str(one.place),
        received=from_us(item.received_us),
        provider_id=item.provider_id,
        provider=None if provider is None else provider.name,
        protocol=item.protocol,
        reason=item.reason,
        resolved_by=None if item.resolved_by is None else str(Place(shard, item.resolved_by)),
    )

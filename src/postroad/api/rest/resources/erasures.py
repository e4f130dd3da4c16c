"""Having a driver, a vehicle or a trip forgotten."""

from postroad.access.policy import HUB, Operation, Target
from postroad.administration import erasures as asking
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.resources.showing import in_time, instant
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.erasure import Erasure, ErasureBackup, ErasureBody, ErasurePreview, ErasureReceiver
from postroad.api.rest.types.paging import Page, Paging
from postroad.clock import from_us
from postroad.errors import ConfigError, NotFound
from postroad.registry import erasures as kept

erasures = Resource("erasures", "Having a driver, a vehicle or a trip forgotten, and the receipts of that.")


@erasures.get("/erasures", Operation.READ_AUDIT)
def list_erasures(call: Call, query: Paging) -> Page[Erasure]:
    """List erasures, the newest first. They name nobody."""
    mine = call.principal.organization_id  # none: of all
    before = key_of(query, int)
    if not call.may(Target(organization_id=mine)):
        return Page(items=[], next_cursor=None)
    found = call.registry.erasures(limit=query.limit + 1, organization_id=mine, before=before)
    return page_of(found, query, _shown, key=lambda one: one.id)


@erasures.get("/erasures/{erasure}", Operation.READ_AUDIT)
def get_erasure(call: Call, erasure: int) -> Erasure:
    """Get the receipt of an erasure: what was removed where, who had it and was told, which backups hold it."""
    found = call.registry.erasure(erasure)
    call.require(Target(organization_id=found.organization_id))
    return _shown(found)


@erasures.post("/erasures", Operation.ERASE)
def create_erasure(call: Call, body: ErasureBody) -> Erasure | Created:
    """Have a driver, a vehicle or a trip forgotten, for good. The hub begins within a second.

    Get it again to see how far that is. What was erased already, or is being erased, is not found.
    """
    meant = _meant(call, body)
    made = asking.ask(call.registry, call.services.keys, call.view, meant)
    return Created(_shown(made), f"/erasures/{made.id}")


@erasures.post("/erasures/preview", Operation.ERASE, manner="act")
def preview_erasure(call: Call, body: ErasureBody) -> ErasurePreview:
    """Say what would be erased, and who had it; change nothing."""
    meant = _meant(call, body)
    with call.services.readers.lend() as shards:
        found = asking.preview(call.registry, call.view, shards, meant, in_time=in_time(call))
    return ErasurePreview(
        kind=found.kind,
        items=found.items,
        refusals=found.refusals,
        subscriptions=list(found.subscriptions),
        backups=list(found.backups),
        complete=found.complete,
    )


def _meant(call: Call, body: ErasureBody) -> asking.Meant:
    call.require(HUB)
    if body.kind != "trip":
        if body.provider_id is not None:
            raise ConfigError("this is for a trip", field="provider_id")
        return asking.subject(call.view, body.kind, body.name, organization=body.organization)
    if body.provider_id is None:
        raise ConfigError("say who sent the trip", field="provider_id")
    if body.organization is not None:
        raise ConfigError("a trip is its provider's", field="organization")
    provider = call.view.providers.get(body.provider_id)
    if provider is None:
        raise NotFound("there is no such provider")
    return asking.trip(provider, body.name)


def _shown(one: kept.Erasure) -> Erasure:
    receipt = one.receipt
    return Erasure(
        id=one.id,
        organization_id=one.organization_id,
        kind=one.kind,
        hash=one.digest.hex(),
        state=one.state,
        asked=from_us(one.asked_us),
        asked_by=one.asked_by,
        erased=instant(one.erased_us),
        done=instant(one.done_us),
        allowed_again=instant(receipt.allowed_us),
        items=receipt.items,
        letters=receipt.letters,
        refusals=receipt.refusals,
        state_removed=receipt.state,
        trips=receipt.trips,
        datasets=receipt.datasets,
        registry=receipt.registry,
        receivers=[
            ErasureReceiver(
                subscription=had.subscription,
                removed=had.removed,
                events=had.events,
                since=instant(had.since_us),
                notice=had.notice,
            )
            for had in receipt.receivers
        ],
        backups=[
            ErasureBackup(place=kept_.place, made=from_us(kept_.made_us), until=instant(kept_.until_us))
            for kept_ in receipt.backups
        ],
        declared_in=list(receipt.declared_in),
    )

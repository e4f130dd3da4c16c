"""What a person should look at."""

from postroad.access.policy import HUB, Operation
from postroad.administration import alerts as kept
from postroad.api.rest import reach
from postroad.api.rest.call import Call
from postroad.api.rest.paging import key_of, page_of
from postroad.api.rest.resources.showing import instant
from postroad.api.rest.routes import Resource
from postroad.api.rest.types.alert import Alert, AlertsQuery
from postroad.api.rest.types.paging import Page
from postroad.clock import from_us
from postroad.registry.alerts import about_provider

alerts = Resource("alerts", "What a person should look at.")


@alerts.get("/alerts", Operation.READ_DELIVERIES)
def list_alerts(call: Call, query: AlertsQuery) -> Page[Alert]:
    """List what is wrong, the newest first: with your subscriptions and providers, or with all of the hub."""
    found = kept.listed(
        call.registry,
        call.view,
        open_only=not query.cleared,
        about=_about(call),
        before=key_of(query, int),
        limit=query.limit + 1,
    )
    return page_of(found, query, _shown, key=lambda one: one.alert.id)


def _about(call: Call) -> frozenset[str] | None:
    """What alerts within reach are about; None: whatever there is."""
    if call.may(HUB):
        return None
    providers = reach.provider_ids(call, Operation.READ_INTAKE) or frozenset()
    return frozenset({*map(str, reach.subscriptions(call)), *map(about_provider, providers)})


def _shown(one: kept.Described) -> Alert:
    alert = one.alert
    return Alert(
        id=alert.id,
        kind=alert.kind,
        subscription_id=one.subscription_id,
        subscription=None if one.subscription is None else one.subscription.name,
        provider_id=one.provider_id,
        provider=None if one.provider is None else one.provider.name,
        shard=one.shard,
        raised=from_us(alert.raised_us),
        last=from_us(alert.last_us),
        cleared=instant(alert.cleared_us),
        detail=alert.detail,
    )

"""What a person should look at, and about what."""

from collections.abc import Collection

import msgspec

from postroad.registry.alerts import Alert, number_of, provider_of
from postroad.registry.records import Provider, RegistryView, Subscription
from postroad.registry.store import RegistryStore


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """An alert, and what it is about: at most one of the following, none if that is the whole hub."""

    alert: Alert
    subscription_id: int | None
    subscription: Subscription | None
    """None also if it is no more."""
    provider_id: int | None
    provider: Provider | None
    shard: int | None


def listed(
    registry: RegistryStore,
    view: RegistryView,
    *,
    open_only: bool = True,
    about: Collection[str] | None = None,
    before: int | None = None,
    limit: int,
) -> list[Described]:
    """The newest first, from behind the id ``before`` on; with ``about``, only those about any of these things.

    What things are called there: see ``Alert.about``.
    """
    found = registry.alerts(open_only=open_only, about=about, before=before, limit=limit)
    return [_described(alert, view) for alert in found]


def _described(alert: Alert, view: RegistryView) -> Described:
    subscription_id, provider_id = number_of(alert.about, shard=False), provider_of(alert.about)
    return Described(
        alert=alert,
        subscription_id=subscription_id,
        subscription=None if subscription_id is None else view.subscriptions.get(subscription_id),
        provider_id=provider_id,
        provider=None if provider_id is None else view.providers.get(provider_id),
        shard=number_of(alert.about, shard=True),
    )

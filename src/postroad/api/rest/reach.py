"""Which records of what the hub does somebody may see: those of whatever is within his reach, for lists.

``None`` stands for all: also of what is no more, which only those see who see everything.
"""

from collections.abc import Mapping

from postroad.access.policy import HUB, Operation, Target, allowed
from postroad.api.rest.call import Call
from postroad.registry.records import Provider, Subscription


def of_provider(provider: Provider | None) -> Target:
    """Whose what a provider sent is; of one that is no more, the hub's."""
    return HUB if provider is None else Target(organization_id=provider.organization_id, provider_id=provider.id)


def of_subscription(subscription: Subscription | None) -> Target:
    """Whose what became of a subscription's events is; of one that is no more, the hub's."""
    if subscription is None:
        return HUB
    return Target(organization_id=subscription.organization_id, integration_id=subscription.integration_id)


def of_integration(call: Call, integration_id: int | None) -> Target:
    """Whose a record of an integration is; of none, or of one that is no more, the hub's."""
    integration = None if integration_id is None else call.view.integrations.get(integration_id)
    if integration is None:
        return HUB
    return Target(organization_id=integration.organization_id, integration_id=integration.id)


def subscriptions(call: Call) -> Mapping[int, Subscription]:
    """The subscriptions to which the call's operation may be done."""
    all_ = call.may(HUB)
    return {id_: one for id_, one in call.view.subscriptions.items() if all_ or call.may(of_subscription(one))}


def subscription_ids(call: Call) -> frozenset[int] | None:
    """The ids of those."""
    return None if call.may(HUB) else frozenset(subscriptions(call))


def integration_ids(call: Call) -> frozenset[int] | None:
    """The ids of the integrations to which the call's operation may be done."""
    if call.may(HUB):
        return None
    return frozenset(id_ for id_ in call.view.integrations if call.may(of_integration(call, id_)))


def provider_ids(call: Call, operation: Operation) -> frozenset[int] | None:
    """The ids of the providers to which ``operation`` may be done; the call's own is to be asked for beside it."""
    if allowed(call.principal, operation, HUB):
        return None
    return frozenset(
        id_ for id_, one in call.view.providers.items() if allowed(call.principal, operation, of_provider(one))
    )

"""Subscriptions: which events go to which destination, by which protocol."""

import msgspec

from postroad.access.policy import Operation
from postroad.api.rest import problems
from postroad.api.rest.call import Call
from postroad.api.rest.paging import page_of_parts
from postroad.api.rest.problems import Refused
from postroad.api.rest.resources.integrations import ONE as INTEGRATION
from postroad.api.rest.resources.integrations import found_for
from postroad.api.rest.resources.putting import put
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.integration import Rotated, RotationBody, Subscription, SubscriptionBody
from postroad.api.rest.types.paging import Page, Paging
from postroad.errors import ConfigError
from postroad.registry.apply import Part
from postroad.registry.subscriptions import State

ALL = INTEGRATION + "/subscriptions"
ONE = ALL + "/{subscription}"

subscriptions = Resource("subscriptions", "Which events go to which destination, by which protocol.")


@subscriptions.get(ALL, Operation.READ_REGISTRY)
def list_subscriptions(call: Call, organization: str, integration: str, query: Paging) -> Page[Subscription]:
    """List an integration's subscriptions."""
    _, of = found_for(call, organization, integration)
    return page_of_parts(call.declared.subscriptions(of.id), query, _shown)


@subscriptions.get(ONE, Operation.READ_REGISTRY)
def get_subscription(call: Call, organization: str, integration: str, subscription: str) -> Subscription:
    """Get a subscription by its name or id."""
    _, of = found_for(call, organization, integration)
    return _shown(call.declared.subscription(of.id, subscription))


@subscriptions.put(ONE, Operation.CHANGE_REGISTRY, current=get_subscription)
def put_subscription(
    call: Call, organization: str, integration: str, subscription: str, body: SubscriptionBody
) -> Subscription | Created:
    """Create a subscription, or replace what is declared of it. It goes on where it is.

    `signing` and `state` stay as they are if they are left out.
    """
    company, of = found_for(call, organization, integration)
    return put(
        subscription,
        body,
        among=lambda: call.declared.subscriptions(of.id),
        write=lambda wanted: call.declaring.put_subscription(company, of, wanted),
        show=_shown,
        below=ALL.format(organization=company.id, integration=of.id),
    )


@subscriptions.delete(ONE, Operation.CHANGE_REGISTRY, current=get_subscription)
def delete_subscription(call: Call, organization: str, integration: str, subscription: str) -> None:
    """Remove a subscription: its streams end, and what was not delivered yet is not any more."""
    company, of = found_for(call, organization, integration)
    call.declaring.remove("subscription", call.declared.subscription(of.id, subscription), company, of)


@subscriptions.post(ONE + "/pause", Operation.CHANGE_REGISTRY)
def pause_subscription(call: Call, organization: str, integration: str, subscription: str) -> Subscription:
    """Stop sending. Events are kept; resuming goes on where it stopped."""
    return _set(call, organization, integration, subscription, "paused")


@subscriptions.post(ONE + "/resume", Operation.CHANGE_REGISTRY)
def resume_subscription(call: Call, organization: str, integration: str, subscription: str) -> Subscription:
    """Go on sending, whoever stopped it."""
    return _set(call, organization, integration, subscription, "active")


@subscriptions.post(ONE + "/rotate-secret", Operation.CHANGE_REGISTRY)
def rotate_signing_secret(
    call: Call, organization: str, integration: str, subscription: str, body: RotationBody
) -> Rotated:
    """Make a new signing secret; requests are signed with those before it too until the overlap is over.

    It is shown this once: with an `Idempotency-Key`, the same request is answered with it again for a day.
    """
    _, of = found_for(call, organization, integration)
    found = call.declared.subscription(of.id, subscription)
    try:
        secret = call.registry.rotate_signing_secret(
            found.id, call.services.keys, overlap_us=body.overlap_s * 1_000_000
        )
    except ConfigError as exc:
        raise Refused(problems.CONFLICT, exc.message) from exc
    return Rotated(secret=secret, overlap_s=body.overlap_s)


def _set(call: Call, organization: str, integration: str, subscription: str, state: State) -> Subscription:
    _, of = found_for(call, organization, integration)
    found = call.declared.subscription(of.id, subscription)
    call.registry.set_subscription_state(found.id, state)
    return _shown(call.declared.subscription(of.id, str(found.id)))


def _shown(part: Part) -> Subscription:
    return msgspec.convert({**part.data, **part.more, "id": part.id, "secrets": part.secrets}, Subscription)

"""Subscriptions: which events go to which destination, by which protocol."""

import msgspec

from postroad.access.policy import Operation
from postroad.api.rest import problems
from postroad.api.rest.call import Call
from postroad.api.rest.paging import page_of_parts
from postroad.api.rest.problems import Refused
from postroad.api.rest.resources.integrations import ONE as INTEGRATION
from postroad.api.rest.resources.integrations import found_for, target_of
from postroad.api.rest.resources.putting import put
from postroad.api.rest.routes import Created, Resource
from postroad.api.rest.types.integration import Rotated, RotationBody, Step, Subscription, SubscriptionBody, Tried
from postroad.api.rest.types.paging import Page, Paging
from postroad.errors import ConfigError, NotFound
from postroad.registry.apply import Declared, Part
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


@subscriptions.post(ONE + "/test", Operation.CHANGE_REGISTRY, manner="act")
def try_subscription(call: Call, organization: str, integration: str, subscription: str) -> Tried:
    """Try a subscription's destination, step by step. Nothing of the log is sent."""
    with call.registry.reading() as connection:
        declared = Declared(connection)
        of = declared.organization(organization)
        found = declared.integration(of.id, integration)
        call.require(target_of(of, found))
        id_ = declared.subscription(found.id, subscription).id
    view = call.registry.view()
    if id_ not in view.subscriptions:
        raise NotFound(f"there is no subscription {id_}")  # any more
    tried = view.subscriptions[id_]
    try:
        trial = call.services.try_out(tried, view.destinations[tried.destination_id])
    except ConfigError as exc:
        raise Refused(problems.CONFLICT, exc.message) from exc
    return Tried(
        ok=trial.ok,
        sent="empty_bulk" if trial.ok and trial.has_message else "nothing",
        steps=tuple(
            Step(step=step.name, ok=step.ok, detail=step.detail, warning=step.warning or None) for step in trial.steps
        ),
    )


def _set(call: Call, organization: str, integration: str, subscription: str, state: State) -> Subscription:
    _, of = found_for(call, organization, integration)
    found = call.declared.subscription(of.id, subscription)
    call.registry.set_subscription_state(found.id, state)
    return _shown(call.declared.subscription(of.id, str(found.id)))


def _shown(part: Part) -> Subscription:
    return msgspec.convert({**part.data, **part.more, "id": part.id, "secrets": part.secrets}, Subscription)

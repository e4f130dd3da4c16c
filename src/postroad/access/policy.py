"""The one policy: which role may do what, and to whom.

Two questions, and both must be answered yes. May the role do such a thing at all (``ALLOWED``)? And is the target
within the principal's reach: an operator reaches everything, an auditor everything or one organization, a fleet owner
its organization but none of its providers and integrations, a provider itself, an integration itself, an owner his own
vehicles? What is not in the table is not allowed.

The policy knows nothing of what exists. Who asks it looks up the target first, and answers what does not exist as
what is not allowed (``Forbidden``): nobody learns which of the two it was.

Data streams have conditions beside it: an integration may add one of a vehicle that it has been granted only
(``postroad.registry.chosen``).
"""

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from postroad.access.principals import Principal, Role
from postroad.errors import Forbidden
from postroad.registry.records import RegistryView


class Operation(enum.StrEnum):
    """What can be asked of the hub. A target is an organization unless the line says what else."""

    PUSH_EVENTS = "push_events"
    """Of a provider."""
    READ_INTAKE = "read_intake"
    """Of a provider: what it sent, what was refused or is in quarantine."""
    REDRIVE_INTAKE = "redrive_intake"
    """Of a provider: have what is in quarantine read again."""
    DROP_INTAKE = "drop_intake"
    """Of a provider: take what is in quarantine out of it, unread."""

    LIST_VEHICLES = "list_vehicles"
    """Of an integration: the vehicles that it was granted."""
    LIST_TOPICS = "list_topics"
    """Of an integration: its subscriptions."""
    LIST_STREAMS = "list_streams"
    """Of an integration."""
    ADD_STREAMS = "add_streams"
    """Of an integration."""
    UPDATE_STREAM = "update_stream"
    """Of an integration."""
    DELETE_STREAMS = "delete_streams"
    """Of an integration."""
    READ_DELIVERIES = "read_deliveries"
    """Of an integration: lag, attempts, dead letters, tasks."""
    REDRIVE_DELIVERIES = "redrive_deliveries"
    """Of an integration: have its dead letters sent again, cancel that."""
    DROP_DELIVERIES = "drop_deliveries"
    """Of an integration: give its dead letters up for good."""

    READ_GRANTS = "read_grants"
    """At either end of the grant, see ``Target``."""
    GIVE_GRANT = "give_grant"
    """At the end of the fleet or vehicle."""
    WITHDRAW_GRANT = "withdraw_grant"
    """At either end."""

    READ_FLEETS = "read_fleets"
    """Its fleets and vehicles, and which are in which."""
    CHANGE_FLEETS = "change_fleets"
    """Move vehicles between its fleets, delete a fleet."""
    READ_STATE = "read_state"
    """Its vehicles' last known values, and so where they are."""

    READ_REGISTRY = "read_registry"
    """What is declared, without secrets. Of a provider or an integration: of itself."""
    CHANGE_REGISTRY = "change_registry"
    """Also: pause and resume subscriptions, issue and revoke keys."""
    READ_AUDIT = "read_audit"
    """Who had what, and who changed it."""
    ERASE = "erase"
    """Remove what is known of a vehicle or driver."""


READS: Final = frozenset(
    {
        Operation.READ_INTAKE,
        Operation.LIST_VEHICLES,
        Operation.LIST_TOPICS,
        Operation.LIST_STREAMS,
        Operation.READ_DELIVERIES,
        Operation.READ_GRANTS,
        Operation.READ_FLEETS,
        Operation.READ_STATE,
        Operation.READ_REGISTRY,
        Operation.READ_AUDIT,
    }
)
"""The operations that change nothing."""

ALLOWED: Final[Mapping[Role, frozenset[Operation]]] = {
    Role.OPERATOR: frozenset(Operation) - {Operation.PUSH_EVENTS},  # nobody speaks for a provider but itself
    Role.AUDITOR: READS,
    Role.FLEET_OWNER: frozenset(
        {
            Operation.READ_GRANTS,
            Operation.GIVE_GRANT,
            Operation.WITHDRAW_GRANT,
            Operation.READ_FLEETS,
            Operation.CHANGE_FLEETS,
            Operation.READ_STATE,
        }
    ),
    Role.PROVIDER: frozenset({Operation.PUSH_EVENTS, Operation.READ_INTAKE, Operation.READ_REGISTRY}),
    Role.INTEGRATION: frozenset(
        {
            Operation.LIST_VEHICLES,
            Operation.LIST_TOPICS,
            Operation.LIST_STREAMS,
            Operation.ADD_STREAMS,
            Operation.UPDATE_STREAM,
            Operation.DELETE_STREAMS,
            Operation.READ_DELIVERIES,
            Operation.REDRIVE_DELIVERIES,
            Operation.READ_GRANTS,
            Operation.WITHDRAW_GRANT,
            Operation.READ_REGISTRY,
        }
    ),
    Role.OWNER: frozenset({Operation.READ_GRANTS, Operation.GIVE_GRANT, Operation.WITHDRAW_GRANT}),
}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Whose the thing is that is asked for: the hub's, an organization's, a provider's, an integration's or an owner's.

    A grant has two ends, and is asked for with two targets: the organization of its fleet or vehicle, and the
    integration, which may be another organization's.
    """

    organization_id: int | None = None
    """Of a provider or an integration: its own. None: the hub as a whole, so of no organization."""
    provider_id: int | None = None
    integration_id: int | None = None
    account_id: int | None = None
    """Of an owner's vehicle, and of what he grants with it: his account."""


HUB: Final = Target()
"""All organizations at once."""


def allowed(principal: Principal, operation: Operation, *targets: Target) -> bool:
    """Whether the principal may do this to what is one of the targets', and exists."""
    return operation in ALLOWED[principal.role] and any(_reaches(principal, target) for target in targets)


def require(principal: Principal, operation: Operation, *targets: Target) -> None:
    """Raises ``Forbidden`` unless it is ``allowed``, in the same words for whatever is not."""
    if not allowed(principal, operation, *targets):
        raise Forbidden("you have no access to it, or it does not exist")


def integrations_of(principal: Principal, view: RegistryView, operation: Operation) -> frozenset[int]:
    """The ids of the integrations to which the principal may do this."""
    return frozenset(
        id_
        for id_, integration in view.integrations.items()
        if allowed(principal, operation, Target(organization_id=integration.organization_id, integration_id=id_))
    )


def _reaches(principal: Principal, target: Target) -> bool:
    match principal.role:
        case Role.PROVIDER:
            return target.provider_id == principal.provider_id
        case Role.INTEGRATION:
            return target.integration_id == principal.integration_id
        case Role.OWNER:
            return target == Target(organization_id=principal.organization_id, account_id=principal.account_id)
        case Role.FLEET_OWNER:
            return target == Target(organization_id=principal.organization_id)
        case Role.OPERATOR | Role.AUDITOR:
            return principal.organization_id in (None, target.organization_id)

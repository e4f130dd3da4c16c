"""The options by which a command is told for whom a key or a service account is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import click

from postroad.registry.records import RoleName


class Wanted(NamedTuple):
    """A role, and whose."""

    role: RoleName
    owner: str | None
    """A provider, an integration or an organization, as it was named; None: all organizations."""


def role_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every role but the provider's, to be given to ``wanted``."""
    for option in (
        click.option("--fleet-owner", metavar="ORG", help="For the owner of this organization's fleets and vehicles."),
        click.option(
            "--auditor",
            metavar="[ORG]",
            is_flag=False,
            flag_value="",
            help="For somebody who reads everything of this organization, or of all, and changes nothing.",
        ),
        click.option("--operator", is_flag=True, help="For somebody who may do everything with this hub."),
        click.option("--integration", help="For this integration (a name, or organization/name)."),
    ):
        command = option(command)
    return command


def wanted(
    *, provider: str | None, integration: str | None, operator: bool, auditor: str | None, fleet_owner: str | None
) -> Wanted | None:
    """What was asked for; None unless it is exactly one thing."""
    asked = [
        *([Wanted("provider", provider)] if provider is not None else []),
        *([Wanted("integration", integration)] if integration is not None else []),
        *([Wanted("operator", None)] if operator else []),
        *([Wanted("auditor", auditor or None)] if auditor is not None else []),
        *([Wanted("fleet_owner", fleet_owner)] if fleet_owner is not None else []),
    ]
    return asked[0] if len(asked) == 1 else None


def owner_fields(role: RoleName, owner: str | None) -> dict[str, str | None]:
    """Whose something is, for programs: ``provider``, ``integration`` or ``organization``, the others None."""
    return {
        "provider": owner if role == "provider" else None,
        "integration": owner if role == "integration" else None,
        "organization": owner if role in ("auditor", "fleet_owner") else None,
    }


def owner_text(role: RoleName, owner: str | None) -> str:
    """The same for people."""
    return f"{role.replace('_', ' ')} {owner or ''}".strip()

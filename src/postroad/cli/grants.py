"""``postroad grants``: which vehicles and fleets have given which integrations access."""

from pathlib import Path

import click

from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import json_option, messages, print_json, print_table, when
from postroad.registry import grants, lookup
from postroad.registry.transaction import Transaction

_fleet_option = click.option("--fleet", help="A fleet: its name, or organization/name.")
_vehicle_option = click.option("--vehicle", help="A vehicle: its plate or VIN, or organization/plate.")


@click.group("grants", short_help="See, give and take back access to vehicles and fleets.")
def group() -> None:
    """See, give and take back the access of integrations to vehicles and fleets, also those of other organizations."""


@group.command("list")
@folder_option
@json_option
def list_grants(folder: Path, as_json: bool) -> None:
    """List the grants that stand, oldest first."""
    with registry_of(folder) as registry:
        listed = registry.grants()
    rows = [
        {"integration": one.integration, "kind": one.kind, "to": one.subject, "since": when(one.since_us)}
        for one in listed
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["integration", "kind", "to", "since"],
        [list(row.values()) for row in rows],
        empty="No grants yet. Give one with: postroad grants give INTEGRATION --fleet FLEET",
    )


@group.command("give")
@click.argument("integration")
@_fleet_option
@_vehicle_option
@folder_option
@json_option
def give(integration: str, fleet: str | None, vehicle: str | None, folder: Path, as_json: bool) -> None:
    """Give INTEGRATION (a name, or organization/name) access to a vehicle, or to every vehicle that is in a fleet.

    Its subscriptions whose vehicles are "granted" then have a stream of each; those that want admin events are told.
    """
    with registry_of(folder) as registry, registry.transaction() as transaction:
        given = grants.give(transaction, *_named(transaction, integration, fleet, vehicle))
    _say("given", news=given, otherwise="It has that access already.", as_json=as_json)


@group.command("revoke")
@click.argument("integration")
@_fleet_option
@_vehicle_option
@folder_option
@json_option
def revoke(integration: str, fleet: str | None, vehicle: str | None, folder: Path, as_json: bool) -> None:
    """Take a grant of a vehicle or fleet back from INTEGRATION. Streams of the vehicle, or the fleet's vehicles, end.

    What waits to be sent of them is not sent any more. A vehicle that is had by its fleet's grant has none of its own
    to take back.
    """
    with registry_of(folder) as registry, registry.transaction() as transaction:
        revoked = grants.revoke(transaction, *_named(transaction, integration, fleet, vehicle))
    _say("revoked", news=revoked, otherwise="There was no such grant.", as_json=as_json)


def _named(transaction: Transaction, integration: str, fleet: str | None, vehicle: str | None) -> tuple[int, int]:
    """The ids of an integration, and of the fleet or vehicle."""
    if fleet is not None and vehicle is None:
        subject_id = lookup.fleet_id(transaction.connection, fleet)
    elif vehicle is not None and fleet is None:
        subject_id = lookup.vehicle_id(transaction.connection, vehicle)
    else:
        raise click.UsageError("name either --fleet or --vehicle")
    return lookup.integration_id(transaction.connection, integration), subject_id


def _say(done: str, *, news: bool, otherwise: str, as_json: bool) -> None:
    if as_json:
        print_json({done: news})
        return
    messages().print(f"Access is {done}." if news else otherwise)

"""``postroad owner``: people with vehicles, who sign in at the consent page and share them with services."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from postroad.access.passwords import Passwords
from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import json_option, messages, print_json, print_table, when
from postroad.layout import SHARDS
from postroad.registry import lookup, vehicle_owners
from postroad.registry.records import Person
from postroad.registry.transaction import Transaction
from postroad.registry.vehicle_owners import Owner

_stdin_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line; else it is asked for."
)


@click.group("owner", short_help="Add, list and change the owners of vehicles, who sign in at the consent page.")
def group() -> None:
    """Add, list and change the owners of vehicles: people who sign in at the consent page and share what is theirs."""


@group.command("add")
@click.argument("login")
@click.option("--organization", required=True, help="Whose vehicles they are: an organization's name.")
@click.option("--first-names", help="For services that may know the owner's name.")
@click.option("--last-name", help="The same.")
@click.option("--email", help="For services that may know the owner's e-mail address.")
@click.option("--phone", help="For services that may know the owner's phone number; E.164, as +4512345678.")
@_stdin_option
@folder_option
@json_option
def add(
    login: str,
    organization: str,
    first_names: str | None,
    last_name: str | None,
    email: str | None,
    phone: str | None,
    password_stdin: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Add the owner who signs in as LOGIN, say an e-mail address. He has no vehicles yet.

    The password has 10 to 500 characters; only its hash is kept.
    """
    password = Passwords().hash(_password(from_stdin=password_stdin))
    person = Person(first_names=first_names, last_name=last_name, email=email, phone=phone)
    with registry_of(folder) as registry, registry.transaction() as transaction:
        organization_id = lookup.organization_id(transaction.connection, organization)
        owner = vehicle_owners.add(
            transaction, organization_id, login, password=password, person=person, shard=SHARDS[0]
        )
    _say(f"Owner {owner.login} is added. Next: postroad owner give-vehicle {owner.login} PLATE", as_json, owner=owner)


@group.command("list")
@folder_option
@json_option
def list_owners(folder: Path, as_json: bool) -> None:
    """List the owners: what is theirs, and with how many services they share something."""
    with registry_of(folder) as registry, registry.reading() as connection:
        owners = vehicle_owners.listed(connection)
    rows: list[dict[str, Any]] = [
        {
            "login": owner.login,
            "organization": owner.organization,
            "user_id": owner.user_id,
            "vehicles": list(owner.vehicles),
            "services": owner.services,
            "created": when(owner.created_us),
            "disabled": when(owner.disabled_us) or None,
        }
        for owner in owners
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["login", "organization", "user id", "vehicles", "services", "created", "disabled"],
        [[*row.values()] for row in [{**row, "vehicles": ", ".join(row["vehicles"])} for row in rows]],
        empty="No owners yet. Add one with: postroad owner add LOGIN --organization ORGANIZATION",
    )


@group.command("set-password")
@click.argument("login")
@_stdin_option
@folder_option
@json_option
def set_password(login: str, password_stdin: bool, folder: Path, as_json: bool) -> None:
    """Give the owner LOGIN another password. Wherever he is signed in, he is so no more."""
    password = Passwords().hash(_password(from_stdin=password_stdin))
    _change(
        folder,
        login,
        lambda under_way, owner: vehicle_owners.set_password(under_way, owner.id, password),
        "The password is changed.",
        as_json,
    )


@group.command("disable")
@click.argument("login")
@folder_option
@json_option
def disable(login: str, folder: Path, as_json: bool) -> None:
    """Let the owner LOGIN sign in no more, from now on; what he shares he goes on sharing."""
    _change(
        folder,
        login,
        lambda under_way, owner: vehicle_owners.disable(under_way, owner.id),
        "The owner is signed out, and cannot sign in any more.",
        as_json,
    )


@group.command("enable")
@click.argument("login")
@folder_option
@json_option
def enable(login: str, folder: Path, as_json: bool) -> None:
    """Let the owner LOGIN sign in again."""
    _change(
        folder,
        login,
        lambda under_way, owner: vehicle_owners.enable(under_way, owner.id),
        "The owner can sign in again.",
        as_json,
    )


@group.command("give-vehicle")
@click.argument("login")
@click.argument("vehicle")
@folder_option
@json_option
def give_vehicle(login: str, vehicle: str, folder: Path, as_json: bool) -> None:
    """Make VEHICLE (its plate or VIN, or organization/plate) that of the owner LOGIN, of the same organization."""

    def give(under_way: Transaction, owner: Owner) -> None:
        vehicle_owners.give_vehicle(under_way, owner, lookup.vehicle_id(under_way.connection, vehicle))

    _change(folder, login, give, "The vehicle is the owner's.", as_json)


@group.command("take-vehicle")
@click.argument("login")
@click.argument("vehicle")
@folder_option
@json_option
def take_vehicle(login: str, vehicle: str, folder: Path, as_json: bool) -> None:
    """Let VEHICLE be no more that of the owner LOGIN. What he shares of it ends, and services are told."""

    def take(under_way: Transaction, owner: Owner) -> None:
        vehicle_owners.take_vehicle(under_way, owner, lookup.vehicle_id(under_way.connection, vehicle))

    _change(folder, login, take, "The vehicle is not the owner's.", as_json)


def _change(folder: Path, login: str, change: Callable[[Transaction, Owner], Any], done: str, as_json: bool) -> None:
    with registry_of(folder) as registry, registry.transaction() as transaction:
        owner = vehicle_owners.get(transaction.connection, login)
        change(transaction, owner)
        owner = vehicle_owners.get(transaction.connection, login)
    _say(done, as_json, owner=owner)


def _say(text: str, as_json: bool, *, owner: Owner) -> None:
    if as_json:
        print_json({"login": owner.login, "disabled": owner.disabled})
        return
    messages().print(text)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().removesuffix("\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password

"""``postroad contracts``: how each protocol delivers, and what a delivery that keeps failing goes through."""

from datetime import timedelta
from typing import Any

import click

from postroad.cli.output import console, json_option, print_fields, print_json, print_table
from postroad.errors import NotFound
from postroad.protocols import CONTRACTS
from postroad.protocols.contract import Contract, GiveUp, plan_of

_ORDERS = {
    "bulk": "everything in order: a bulk must go through before the next one",
    "subject": "in order per subject: a failing event holds only its subject's",
    "none": "each event by its own schedule",
}
_SCHEDULES = {
    "destination": "of the destination: while it fails, everything for it waits",
    "event": "of each event: others go on",
}


@click.group("contracts", short_help="Show how each protocol delivers.")
def group() -> None:
    """Show the delivery contracts: success, order, retries, and what each answer asks for."""


@group.command("list")
@json_option
def list_contracts(as_json: bool) -> None:
    """List the contracts."""
    rows = [
        {"contract": c.name, "order": c.order, "success": list(c.success), "max_items": c.max_items}
        for c in CONTRACTS.values()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["contract", "order", "delivered", "events at once"],
        [[c.name, c.order, _statuses(c), c.max_items] for c in CONTRACTS.values()],
        empty="There are no contracts.",
    )


@group.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show contract NAME: what a delivery that keeps failing goes through, in seconds after the first attempt.

    Without jitter, and for an event that was first tried the moment it happened.
    """
    contract = CONTRACTS.get(name)
    if contract is None:
        raise NotFound(f"there is no contract {name!r}; known: {', '.join(CONTRACTS)}")
    if as_json:
        print_json(_document(contract))
    else:
        _print(contract)


def _document(contract: Contract) -> dict[str, Any]:
    plan = plan_of(contract)
    return {
        "contract": contract.name,
        "order": contract.order,
        "success": list(contract.success),
        "schedule_of": contract.schedule_of,
        "attempts": plan.attempts,
        "then": plan.then,
        "responses": contract.responses,
        "late_after_s": contract.late_after_s,
        "inferred": contract.inferred,
    }


def _print(contract: Contract) -> None:
    plan = plan_of(contract)
    print_fields(
        {
            "contract": contract.name,
            "order": f"{contract.order}: {_ORDERS[contract.order]}",
            "delivered": _statuses(contract),
            "schedule": f"{contract.schedule_of}: {_SCHEDULES[contract.schedule_of]}",
        }
    )
    console().print()
    rows = [[attempt.n, f"{attempt.at_s:g}", timedelta(seconds=attempt.at_s)] for attempt in plan.attempts]
    print_table(["attempt", "at s", "after the first"], rows, empty="")
    match plan.then:
        case GiveUp():
            console().print("then  a dead letter, kept until it is redriven or dropped")
        case repeat:
            console().print(f"then  every {repeat.every_s:g} s, without end")
    console().print()
    print_table(
        ["answer", "asks for"],
        [[_range(one.first, one.last), one.action] for one in contract.responses],
        empty="",
    )
    if contract.inferred:
        console().print("\nnot published by the vendor", style="bold")
        for sentence in contract.inferred:
            console().print(f"  {sentence}")


def _statuses(contract: Contract) -> str:
    return _range(*contract.success)


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"

"""``postroad audit``: whether each event that a subscription was to have is accounted for, exactly once."""

from pathlib import Path
from typing import Any

import click
import msgspec
from rich.text import Text

from postroad.administration import delivery_audit
from postroad.cli.folder import folder_option, readers_of, registry_of
from postroad.cli.output import console, json_option, print_json, print_table
from postroad.errors import NotFound
from postroad.registry.records import RegistryView, Subscription

WHY = {
    "retention": "the log does not hold all of it any more",
    "terms": "nobody wrote down what was to be delivered",
    "translation": "what is recorded differs, but the items may have been other events when they were delivered",
    "uncounted": "events were given up before anybody could count them",
    "ahead": "it was given up, and the cursor has not passed all of it yet",
    "time": "there was no time to look at it",
    "erased": "what is recorded was more, and items were erased there since",
}


@click.command("audit", short_help="Prove that each event is accounted for.")
@click.argument("subscription", required=False)
@folder_option
@json_option
@click.pass_context
def command(ctx: click.Context, subscription: str | None, folder: Path, as_json: bool) -> None:
    """Hold what is recorded of SUBSCRIPTION, or of all, against the log: what was delivered, and what not, and why.

    Each event that a subscription was to have, up to where it has come, must have exactly one outcome. Where that is
    not so the exit code is 1. What cannot be checked any more is told, too.

    The hub may be running. The whole log is read, once for each subscription.
    """
    with registry_of(folder) as registry, readers_of(folder) as shards:
        found = [
            _told(audited)
            for one in _meant(registry.view(), subscription)
            for audited in delivery_audit.audit(registry, shards, one)
        ]
    if as_json:
        print_json(found)
    else:
        _print(found)
    if any(one["gaps"] for one in found):
        ctx.exit(1)


def _meant(view: RegistryView, name: str | None) -> list[Subscription]:
    meant = [one for one in view.subscriptions.values() if name is None or one.name == name]
    if name is not None and not meant:
        raise NotFound(f"there is no subscription {name}")
    return meant


def _told(found: delivery_audit.Audited) -> dict[str, Any]:
    place = {"subscription": found.subscription.name, "shard": found.shard, "outcomes": found.outcomes}
    return {**place, **msgspec.to_builtins(found.audit)}


def _print(found: list[dict[str, Any]]) -> None:
    print_table(
        ["subscription", "shard", "from", "to", "outcomes", "gaps", "unproven"],
        [
            [
                one["subscription"],
                one["shard"],
                one["begins"],
                one["cursor"],
                ", ".join(f"{events} {outcome}" for outcome, events in sorted(one["outcomes"].items())) or "nothing",
                len(one["gaps"]),
                len(one["unproven"]),
            ]
            for one in found
        ],
        empty="No subscription has got anything yet.",
    )
    for one in found:
        for gap in one["gaps"]:
            console().print(Text.assemble(("gap", "bold red"), f" {_place(one, gap)}: {_difference(gap)}"))
        for stretch in one["unproven"]:
            recorded = f"{stretch['recorded']} events recorded as {stretch['outcome']}"
            why = f" {_place(one, stretch)}: {recorded}; {WHY[stretch['why']]}"
            console().print(Text.assemble(("unproven", "bold"), why))


def _place(one: dict[str, Any], stretch: dict[str, Any]) -> str:
    return f"{one['subscription']}, positions {one['shard']}:{stretch['first']} to {stretch['end'] - 1}"


def _difference(gap: dict[str, Any]) -> str:
    if gap["recorded"] == gap["found"]:
        return f"{gap['found']} events are recorded as {gap['outcome']}, as many as there are, but not the same"
    return f"{gap['recorded']} events are recorded as {gap['outcome']}, the log has {gap['found']}"

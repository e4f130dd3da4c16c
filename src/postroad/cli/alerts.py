"""``postroad alerts``: what a person should look at."""

from pathlib import Path

import click

from postroad.administration import alerts
from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import json_option, print_json, print_table, when


@click.group("alerts", short_help="See what needs a person.")
def group() -> None:
    """See what needs a person: destinations that refuse, events that were given up, a log that fills up."""


@group.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were cleared.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, newest first.")
@folder_option
@json_option
def list_alerts(everything: bool, limit: int, folder: Path, as_json: bool) -> None:
    """List the alerts that are open, the newest first."""
    with registry_of(folder) as registry:
        found = alerts.listed(registry, registry.view(), open_only=not everything, limit=limit)
    rows = [
        {
            "kind": one.alert.kind,
            "subscription": _subscription(one),
            "shard": one.shard,
            "about": one.alert.about if one.subscription is None else one.subscription.name,
            "raised": when(one.alert.raised_us),
            "last": when(one.alert.last_us),
            "cleared": when(one.alert.cleared_us) or None,
            "detail": one.alert.detail,
        }
        for one in found
    ]
    if as_json:
        print_json([{key: value for key, value in row.items() if key != "about"} for row in rows])
        return
    columns = ["kind", "about", "raised", "last", *(["cleared"] if everything else []), "detail"]
    print_table(columns, [[row[column] for column in columns] for row in rows], empty="No alerts.")


def _subscription(one: alerts.Described) -> str | None:
    """Its name; its id, if it is no more."""
    if one.subscription is not None:
        return one.subscription.name
    return None if one.subscription_id is None else str(one.subscription_id)

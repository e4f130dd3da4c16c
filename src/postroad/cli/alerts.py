"""``postroad alerts``: what a person should look at."""

from pathlib import Path

import click

from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import json_option, print_json, print_table, when
from postroad.registry.alerts import number_of


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
        alerts = registry.alerts(open_only=not everything, limit=limit)
        names = {str(id_): subscription.name for id_, subscription in registry.view().subscriptions.items()}
    rows = [
        {
            "kind": alert.kind,
            "subscription": names.get(alert.about, alert.about if alert.about.isdigit() else None),
            "shard": number_of(alert.about, shard=True),
            "about": names.get(alert.about, alert.about),
            "raised": when(alert.raised_us),
            "last": when(alert.last_us),
            "cleared": when(alert.cleared_us) or None,
            "detail": alert.detail,
        }
        for alert in alerts
    ]
    if as_json:
        print_json([{key: value for key, value in row.items() if key != "about"} for row in rows])
        return
    columns = ["kind", "about", "raised", "last", *(["cleared"] if everything else []), "detail"]
    print_table(columns, [[row[column] for column in columns] for row in rows], empty="No alerts.")

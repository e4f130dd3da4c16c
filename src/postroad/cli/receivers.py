"""``postroad receivers``: what is received from queues and topics, and whether it is."""

from pathlib import Path

import click

from postroad.administration.receivers import standings
from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import json_option, print_json, print_table, when


@click.group("receivers", short_help="See what is received from queues and topics.")
def group() -> None:
    """See what is received from queues and topics, for the providers that declare a receiver."""


@group.command("list")
@folder_option
@json_option
def list_receivers(folder: Path, as_json: bool) -> None:
    """List the receivers, and what is wrong with those that fail. Figures of each are in the hub's metrics."""
    with registry_of(folder) as registry:
        found = standings(registry, registry.view().providers.values())
    rows = [
        {
            "provider": one.provider.name,
            "protocol": one.provider.protocol,
            "transport": one.receiver.transport,
            "state": one.state,
            "since": when(one.since_us) or None,
            "read": when(one.read_us) or None,
            "detail": one.detail,
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
        return
    columns = ["provider", "protocol", "transport", "state", "since", "read", "detail"]
    print_table(columns, [[row[column] for column in columns] for row in rows], empty="No provider has a receiver.")

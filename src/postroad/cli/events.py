"""``postroad events``: look at what was taken in."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.text import Text

from postroad.administration.items import kind_of, sender_of
from postroad.cli.folder import folder_option, reader_of, registry_of
from postroad.cli.output import console, json_option, messages, print_json, print_table, when
from postroad.errors import PostroadError
from postroad.layout import SHARDS
from postroad.log.interface import ERASED, FLAG_AHEAD, FLAG_LATE, UNREADABLE, Batch, Refusal
from postroad.log.reader import ShardReader
from postroad.model.identifiers import PLATE
from postroad.protocols import READABLE, postroad
from postroad.protocols.base import UNTIMED_US
from postroad.registry.records import RegistryView
from postroad.routing.translation import Decoder

POLL_S = 0.3
REFUSED_BODY_CHARACTERS = 120


@click.group("events", short_help="Look at what was taken in or refused.")
def group() -> None:
    """Look at what was taken in, and at what was refused."""


@group.command("tail")
@click.option("-n", "--last", type=click.IntRange(0), default=10, show_default=True, help="Begin this many items back.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what arrives, until Ctrl-C.")
@click.option("--body", "with_body", is_flag=True, help="Show what the provider sent, too.")
@folder_option
@json_option
def tail(last: int, follow: bool, with_body: bool, folder: Path, as_json: bool) -> None:
    """Show the newest items of the log, oldest first, one a line."""
    with registry_of(folder) as registry, reader_of(folder, SHARDS[0]) as reader:
        decoder = Decoder(READABLE)
        names = _Names(registry.view())
        decoder.use(names.view)
        position = max(reader.heads().first_position, reader.heads().next_position - last)
        while True:
            for batch, index in _items(reader, position):
                if names.stale(batch, index):
                    names = _Names(registry.view())
                    decoder.use(names.view)
                row = _row(batch, index, names, decoder, with_body=with_body)
                if batch.kinds[index] == UNREADABLE and (found := reader.quarantined_at(row["position"])):
                    row["unreadable"] = found.reason
                print_json(row) if as_json else _print_row(row)
                position = batch.position + index + 1
            if not follow:
                if reader.heads().next_position == 1 and not as_json:
                    messages().print("Nothing was taken in yet.")
                return
            time.sleep(POLL_S)


@group.command("refused")
@click.option("-n", "--last", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@folder_option
@json_option
def refused(last: int, folder: Path, as_json: bool) -> None:
    """Show the newest requests that were answered 400: what was wrong with them, and what they held."""
    with registry_of(folder) as registry, reader_of(folder, SHARDS[0]) as reader:
        providers = {provider.id: provider.name for provider in registry.view().providers.values()}
        rows = [_refusal(refusal, providers) for refusal in reader.refusals(limit=last)]
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ["received", "provider", "reason", "body"],
        [[r["received"], r["provider"], r["reason"], r["body"][:REFUSED_BODY_CHARACTERS]] for r in rows],
        empty="Nothing was refused.",
    )


def _refusal(refusal: Refusal, providers: Mapping[int, str]) -> dict[str, Any]:
    return {
        "received": when(refusal.received_us),
        "provider": providers.get(refusal.provider_id, str(refusal.provider_id)),
        "protocol": refusal.protocol,
        "reason": refusal.reason,
        "body": refusal.body.decode(errors="replace"),
    }


class _Names:
    """What people call the numbers in the log."""

    def __init__(self, view: RegistryView) -> None:
        self.view = view
        self.vehicles: dict[int, str] = {}
        for (_, namespace, value), subject_id in view.identifiers.items():
            if namespace == PLATE or subject_id not in self.vehicles:
                self.vehicles[subject_id] = value

    def stale(self, batch: Batch, index: int) -> bool:
        """Whether the item is of somebody that this view does not know."""
        subject_id = batch.subjects[index]
        of_the_hub = batch.protocol == postroad.NAME
        return bool(subject_id and subject_id not in self.view.subjects) or not (
            of_the_hub or batch.provider_id in self.view.providers
        )


def _items(reader: ShardReader, position: int) -> Iterator[tuple[Batch, int]]:
    while batches := reader.read(position):
        for batch in batches:
            for index in range(max(0, position - batch.position), len(batch)):
                yield batch, index
            position = batch.end


def _row(batch: Batch, index: int, names: _Names, decoder: Decoder, *, with_body: bool) -> dict[str, Any]:
    subject_id = batch.subjects[index]
    raw = list(batch.items())[index]
    row: dict[str, Any] = {
        "position": batch.position + index,
        "received": when(batch.received_at_us(index)),
        "stored": when(batch.stored_us),
        "provider": sender_of(names.view, batch),
        "vehicle": names.vehicles.get(subject_id) if subject_id else None,
        "kind": kind_of(batch, index),
        "late": bool(batch.flags[index] & FLAG_LATE),
        "ahead": bool(batch.flags[index] & FLAG_AHEAD),
    }
    row["recorded"] = None
    if batch.kinds[index] == ERASED:
        return row
    try:
        settings = decoder.settings(batch.provider_id, batch.revision, batch.protocol)
        kind = None if batch.kinds[index] == UNREADABLE else batch.kinds[index]
        item = decoder.source(batch.protocol).read(raw, settings, kind)
        if item.recorded_us != UNTIMED_US and kind is not None:
            row["recorded"] = when(item.recorded_us)
    except PostroadError as error:
        row["unreadable"] = str(error)
    if with_body:
        row["body"] = raw.decode(errors="replace") if "unreadable" in row else msgspec.Raw(raw)
    return row


def _print_row(row: Mapping[str, Any]) -> None:
    console().print(
        Text.assemble(
            (f"{row['position']:>8}", "dim"),
            f" {row['received']}  {row['provider']}  ",
            (row["vehicle"], "bold") if row["vehicle"] else ("unassigned", "yellow"),
            f"  {row['kind']}  ",
            _when_recorded(row),
            *((f" {mark}", "yellow") for mark in ("late", "ahead") if row[mark]),
        )
    )
    if "body" in row:
        body = row["body"]
        text = body if isinstance(body, str) else bytes(body).decode(errors="replace")
        console().print("         " + text, style="dim")


def _when_recorded(row: Mapping[str, Any]) -> str | tuple[str, str]:
    if "unreadable" in row:
        return row["unreadable"], "yellow"
    return f"recorded {row['recorded']}" if row["recorded"] else "without a time"

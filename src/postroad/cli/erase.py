"""``postroad erase``: have a driver, a vehicle or a trip forgotten, and see what became of that."""

import time
from pathlib import Path
from typing import Any

import click

from postroad.administration import erasures
from postroad.cli import erase_carried
from postroad.cli.folder import folder_option, reader_of, registry_of
from postroad.cli.output import json_option, messages, print_fields, print_json, print_table, when
from postroad.layout import KEY_FILE
from postroad.registry.erasures import Erasure, Receipt
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore

POLL_S = 0.2

_WAIT = click.option(
    "--wait-s", type=click.FloatRange(0), default=60.0, show_default=True, help="How long to wait for the hub."
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be erased, and who had it; change nothing.")
_ORGANIZATION = click.option("--organization", help="Of this organization, where several have one of that name.")


@click.group("erase", short_help="Have a driver, vehicle or trip forgotten; see the receipts.")
def group() -> None:
    """Have a driver, a vehicle or a trip forgotten, for good, and see what became of that.

    The running hub removes it from every file of the data folder, tells the customers who had it as far as their
    protocol has words for it, and takes in nothing of it any more. Backups keep it: the receipt names them.
    """


@group.command("driver")
@click.argument("name")
@_ORGANIZATION
@_DRY_RUN
@_WAIT
@folder_option
@json_option
def erase_driver(
    name: str, organization: str | None, dry_run: bool, wait_s: float, folder: Path, as_json: bool
) -> None:
    """Erase the driver whom a provider calls NAME."""
    with registry_of(folder) as registry:
        meant = erasures.subject(registry.view(), "driver", name, organization=organization)
        _erase(registry, folder, meant, dry_run=dry_run, wait_s=wait_s, as_json=as_json)


@group.command("vehicle")
@click.argument("name")
@_ORGANIZATION
@_DRY_RUN
@_WAIT
@folder_option
@json_option
def erase_vehicle(
    name: str, organization: str | None, dry_run: bool, wait_s: float, folder: Path, as_json: bool
) -> None:
    """Erase the vehicle with the plate or VIN NAME, or that a provider calls so.

    To end its use, and keep what it has said, take it out of the file that you apply.
    """
    with registry_of(folder) as registry:
        meant = erasures.subject(registry.view(), "vehicle", name, organization=organization)
        _erase(registry, folder, meant, dry_run=dry_run, wait_s=wait_s, as_json=as_json)


@group.command("trip")
@click.argument("key")
@click.option("--provider", required=True, help="Who sent it: the provider's name, id or ORGANIZATION/NAME.")
@_DRY_RUN
@_WAIT
@folder_option
@json_option
def erase_trip(key: str, provider: str, dry_run: bool, wait_s: float, folder: Path, as_json: bool) -> None:
    """Erase the trip that its provider calls KEY, every edition of it, and the crash that happened on it."""
    with registry_of(folder) as registry:
        source = registry.view().providers[registry.provider_id(provider)]
        meant = erasures.trip(source, key)
        _erase(registry, folder, meant, dry_run=dry_run, wait_s=wait_s, as_json=as_json)


@group.command("list")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, newest first.")
@folder_option
@json_option
def list_erasures(limit: int, folder: Path, as_json: bool) -> None:
    """List erasures, the newest first. They name nobody."""
    with registry_of(folder) as registry:
        rows = [_told(erasure) for erasure in registry.erasures(limit=limit)]
    if as_json:
        print_json(rows)
        return
    columns = ["erasure", "kind", "state", "asked", "asked_by", "erased", "done", "items"]
    print_table(columns, [[row[column] for column in columns] for row in rows], empty="Nothing was erased.")


@group.command("show")
@click.argument("erasure", type=int)
@folder_option
@json_option
def show(erasure: int, folder: Path, as_json: bool) -> None:
    """Show the receipt of an ERASURE: what was removed where, who had it and was told, which backups hold it."""
    with registry_of(folder) as registry:
        _print(registry.erasure(erasure), as_json=as_json)


@group.command("allow-again")
@click.argument("erasure", type=int)
@folder_option
@json_option
def allow_again(erasure: int, folder: Path, as_json: bool) -> None:
    """Take in again what was erased by ERASURE, if it comes: a driver who is a customer once more.

    It stays erased what was; the receipt says since when it may come back.
    """
    with registry_of(folder) as registry:
        _print(erasures.allow_again(registry, erasure), as_json=as_json)


group.add_command(erase_carried.export)
group.add_command(erase_carried.import_)


def _erase(
    registry: RegistryStore, folder: Path, meant: erasures.Meant, *, dry_run: bool, wait_s: float, as_json: bool
) -> None:
    if dry_run:
        _preview(registry, folder, meant, as_json=as_json)
        return
    erasure = erasures.ask(registry, KeyRing.load(folder / KEY_FILE), registry.view(), meant)
    until_s = time.monotonic() + wait_s
    while erasure.state == "asked" and time.monotonic() < until_s:
        time.sleep(POLL_S)
        erasure = registry.erasure(erasure.id)
    _print(erasure, as_json=as_json)
    if erasure.state == "asked":
        messages().print(f"It is asked for: a hub that runs on {folder} carries it out.")


def _preview(registry: RegistryStore, folder: Path, meant: erasures.Meant, *, as_json: bool) -> None:
    with reader_of(folder, meant.shard) as reader:
        found = erasures.preview(registry, registry.view(), {meant.shard: reader}, meant)
    told = {
        "would_erase": found.kind,
        "items": found.items,
        "refusals": found.refusals,
        "subscriptions_that_had_access": list(found.subscriptions),
        "backups_that_keep_it": list(found.backups),
    }
    if as_json:
        print_json(told)
    else:
        print_fields(told)


def _print(erasure: Erasure, *, as_json: bool) -> None:
    told = _told(erasure) | _receipt(erasure.receipt)
    if as_json:
        print_json(told)
        return
    lists = ("receivers", "backups", "declared_in")
    print_fields({name: value for name, value in told.items() if name not in lists and value not in (None, "")})
    for one in told["receivers"]:
        messages().print(
            f"{one['subscription']}{' (removed)' if one['removed'] else ''}: had access{_since(one['since'])}, "
            f"got {'nobody knows how many' if one['events'] is None else one['events']} events; {one['notice']}"
        )
    for one in told["backups"]:
        messages().print(f"The backup {one['place']} of {one['made']} holds it until {one['until'] or 'you remove it'}")
    for name in told["declared_in"]:
        messages().print(f"The file that you apply names it ({name}): take it out there, or it is known again")


def _told(erasure: Erasure) -> dict[str, Any]:
    return {
        "erasure": erasure.id,
        "kind": erasure.kind,
        "hash": erasure.digest.hex(),
        "state": erasure.state,
        "asked": when(erasure.asked_us),
        "asked_by": erasure.asked_by,
        "erased": when(erasure.erased_us) or None,
        "done": when(erasure.done_us) or None,
        "items": erasure.receipt.items,
        "allowed_again": when(erasure.receipt.allowed_us) or None,
    }


def _receipt(receipt: Receipt) -> dict[str, Any]:
    numbers = ("letters", "refusals", "state", "trips", "datasets", "registry")
    return {f"{name}_removed" if name == "state" else name: getattr(receipt, name) for name in numbers} | {
        "receivers": [
            {
                "subscription": one.subscription,
                "removed": one.removed,
                "events": one.events,
                "since": when(one.since_us) or None,
                "notice": one.notice,
            }
            for one in receipt.receivers
        ],
        "backups": [
            {
                "place": one.place,
                "made": when(one.made_us),
                "until": when(one.until_us) or None,
            }
            for one in receipt.backups
        ],
        "declared_in": list(receipt.declared_in),
    }


def _since(instant: str | None) -> str:
    return f" since {instant}" if instant else ", but no stream"

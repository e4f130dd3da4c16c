"""``postroad erase``: have a driver, a vehicle or a trip forgotten, and see what became of that."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from postroad.cli import erase_carried
from postroad.cli.folder import folder_option, reader_of, registry_of
from postroad.cli.output import json_option, messages, print_fields, print_json, print_table, when
from postroad.erasure.receivers import access_was_had
from postroad.erasure.search import Sought
from postroad.errors import ConfigError, NotFound
from postroad.layout import KEY_FILE, SHARDS
from postroad.model.identifiers import SubjectKind, normalise
from postroad.protocols import READABLE, drivequant
from postroad.registry import documents, erasures
from postroad.registry.blocklist import document_namespace, is_blocked
from postroad.registry.erasures import Erasure, Names, Receipt
from postroad.registry.outbox import Saying, Speaker
from postroad.registry.records import Provider, RegistryView
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import TaskUnfinished
from postroad.registry.transaction import Transaction
from postroad.routing.translation import Decoder

POLL_S = 0.2

_WAIT = click.option(
    "--wait-s", type=click.FloatRange(0), default=60.0, show_default=True, help="How long to wait for the hub."
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be erased, and who had it; change nothing.")
_ORGANIZATION = click.option("--organization", help="Of this organization, where several have one of that name.")


class _Meant(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be erased."""

    kind: erasures.ErasureKind
    organization_id: int
    subject_id: int | None
    provider_id: int | None
    names: Names
    shard: int


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
        meant = _subject(registry.view(), "driver", name, organization)
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
        meant = _subject(registry.view(), "vehicle", name, organization)
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
        view = registry.view()
        source = view.providers[registry.provider_id(provider)]
        meant = _Meant(
            kind="trip",
            organization_id=source.organization_id,
            subject_id=None,
            provider_id=source.id,
            names=Names(document=key),
            shard=SHARDS[0],
        )
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
        with registry.transaction() as transaction:
            allowed = erasures.allow_again(transaction, erasure)
        _print(allowed, as_json=as_json)


group.add_command(erase_carried.export)
group.add_command(erase_carried.import_)


def _subject(view: RegistryView, kind: SubjectKind, name: str, organization: str | None) -> _Meant:
    found = {
        subject_id
        for (organization_id, namespace, value), subject_id in view.identifiers.items()
        if value == normalise(namespace, name)
        and view.subjects[subject_id].kind == kind
        and organization in (None, view.organizations[organization_id].name, str(organization_id))
    }
    if not found:
        raise NotFound(f"there is no such {kind}; `postroad erase list` shows what was erased already")
    if len(found) > 1:
        raise ConfigError(f"several {kind}s are called so; say of which --organization")
    [subject_id] = found
    subject = view.subjects[subject_id]
    identifiers = [(ns, value) for (_, ns, value), id_ in view.identifiers.items() if id_ == subject_id]
    return _Meant(
        kind="driver" if kind == "driver" else "vehicle",
        organization_id=subject.organization_id,
        subject_id=subject_id,
        provider_id=None,
        names=Names(identifiers=tuple(identifiers)),
        shard=subject.shard,
    )


def _erase(
    registry: RegistryStore, folder: Path, meant: _Meant, *, dry_run: bool, wait_s: float, as_json: bool
) -> None:
    if dry_run:
        _preview(registry, folder, meant, as_json=as_json)
        return
    keys = KeyRing.load(folder / KEY_FILE)
    view = registry.view()
    with registry.transaction() as transaction:
        erasure_id = _ask(transaction, keys, meant, view)
    if erasure_id is None:
        raise NotFound(f"that {meant.kind} was erased already, or that is under way; see: postroad erase list")
    with suppress(TaskUnfinished):  # that one carries this out too, or the hub does within a minute
        registry.add_task("ERASE")
    until_s = time.monotonic() + wait_s
    while (erasure := registry.erasure(erasure_id)).state == "asked" and time.monotonic() < until_s:
        time.sleep(POLL_S)
    _print(erasure, as_json=as_json)
    if erasure.state == "asked":
        messages().print(f"It is asked for: a hub that runs on {folder} carries it out.")


def _ask(transaction: Transaction, keys: KeyRing, meant: _Meant, view: RegistryView) -> int | None:
    if meant.subject_id is not None:
        return erasures.ask_subject(transaction, keys, meant.subject_id, by="operator")
    key, provider = meant.names.document or "", view.providers[meant.provider_id or 0]
    if is_blocked(transaction, keys, provider.organization_id, document_namespace(provider.id), key):
        return None
    if provider.protocol == drivequant.PROTOCOL.name:  # its customers have words for it
        saying = _deletion(provider, key, transaction.now_us)
        documents.delete(transaction, provider.organization_id, key, saying, shard=meant.shard)
    return erasures.ask_trip(
        transaction,
        keys,
        key,
        provider_id=provider.id,
        organization_id=provider.organization_id,
        shard=meant.shard,
        by="operator",
    )


def _deletion(provider: Provider, key: str, now_us: int) -> Saying:
    """What the provider itself would say."""
    push = drivequant.TripDeletedPush(itin_id=key, event=drivequant.TRIP_DELETION)
    return Saying(
        by=Speaker(provider.id, provider.protocol, provider.revision),
        kind="trip_deleted",
        body=msgspec.json.encode(push),
        received_us=now_us,
    )


def _preview(registry: RegistryStore, folder: Path, meant: _Meant, *, as_json: bool) -> None:
    view = registry.view()
    decoder = Decoder(READABLE)
    decoder.use(view)
    erasure = Erasure(
        id=0,
        organization_id=meant.organization_id,
        kind=meant.kind,
        digest=b"",
        subject_id=meant.subject_id,
        provider_id=meant.provider_id,
        shard=meant.shard,
        asked_us=0,
        asked_by="operator",
        sealed=None,
        state="asked",
        searched_to=0,
        notices=(),
        erased_us=None,
        done_us=None,
        receipt=Receipt(),
    )
    sought = Sought(erasure, meant.names, decoder=decoder, view=view)
    items, position = 0, 0
    with reader_of(folder, meant.shard) as reader:
        while batches := reader.read(position):
            items += sum(len(sought.in_batch(batch, batch.end).positions) for batch in batches)
            position = batches[-1].end
        refusals = sum(map(sought.in_refusal, reader.refusals(limit=1_000_000)))
    had = access_was_had(view, {meant.subject_id}) if meant.subject_id is not None else set()
    told = {
        "would_erase": meant.kind,
        "items": items,
        "refusals": refusals,
        "subscriptions_that_had_access": sorted(
            view.subscriptions[id_].name if id_ in view.subscriptions else str(id_) for id_ in had
        ),
        "backups_that_keep_it": [one.place for one in registry.backups(0)],
    }
    _show(told, as_json=as_json)


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


def _show(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        print_fields(told)

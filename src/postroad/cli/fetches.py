"""``postroad fetches``: datasets that providers announced and that are not there yet.

Neither a URL nor the user's credential is ever shown: who may see both can ask for the user's data.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from postroad.cli.folder import folder_option, hub_runs, reader_of, registry_of, shards_of
from postroad.cli.output import json_option, messages, print_json, print_table, when
from postroad.cli.tasks import follow
from postroad.delivery.meant import Meant, Part
from postroad.errors import ConfigError, NotFound
from postroad.fetch.orders import SLOTS
from postroad.log.delivery import Letter, LetterFilter, fetcher_id
from postroad.log.reader import ShardReader
from postroad.protocols import damoov
from postroad.registry.records import Provider, RegistryView
from postroad.registry.tasks import TaskType

_KINDS: Final = {slot: kind for kind, slot in SLOTS.items()}
_PAGE: Final = 1000
_provider_option = click.option("--provider", help="Only of this provider.")


@click.group("fetches", short_help="Announced datasets that are not there yet: see, redrive or drop them.")
def group() -> None:
    """See which announced datasets wait to be fetched, and which were given up."""


@group.command("list")
@_provider_option
@click.option("--given-up", is_flag=True, help="Only those that were given up.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@folder_option
@json_option
def list_fetches(provider: str | None, given_up: bool, limit: int, folder: Path, as_json: bool) -> None:
    """List what has failed and waits for its next attempt, and what was given up, the oldest first."""
    with registry_of(folder) as registry:
        providers = _providers(registry.view(), provider)
    rows: list[dict[str, Any]] = []
    for shard in shards_of(folder):
        with reader_of(folder, shard) as reader:
            for one in providers:
                waiting = [] if given_up else reader.parked(fetcher_id(one.id))
                rows += [_row(shard, one, letter) for letter in [*waiting, *_dead(reader, one)]]
    if len(rows) > limit:
        messages().print(f"There are more: --limit {limit} of {len(rows)} are shown.")
    rows = rows[:limit]
    if as_json:
        print_json(rows)
        return
    columns = [
        "notification",
        "provider",
        "dataset",
        "subject",
        "state",
        "attempts",
        "next",
        "reason",
        "status",
        "detail",
    ]
    print_table(columns, [[row[column] for column in columns] for row in rows], empty="Nothing waits to be fetched.")


@group.command("redrive")
@_provider_option
@click.option("--wait", is_flag=True, help="Wait until it is done, showing how far it is.")
@folder_option
@json_option
def redrive(provider: str | None, wait: bool, folder: Path, as_json: bool) -> None:
    """Have what was given up fetched once more, from the first attempt of its schedule."""
    _ask("REDRIVE_FETCHES", provider, wait=wait, folder=folder, as_json=as_json)


@group.command("drop")
@_provider_option
@click.option("--wait", is_flag=True, help="Wait until it is done, showing how far it is.")
@folder_option
@json_option
def drop(provider: str | None, wait: bool, folder: Path, as_json: bool) -> None:
    """Forget what was given up. The notifications stay in the log."""
    _ask("DROP_FETCHES", provider, wait=wait, folder=folder, as_json=as_json)


def _ask(type_: TaskType, provider: str | None, *, wait: bool, folder: Path, as_json: bool) -> None:
    if wait and not hub_runs(folder):
        raise ConfigError("the hub does not run: without --wait it is done at the next start")
    with registry_of(folder) as registry:
        providers = _providers(registry.view(), provider)
        meant = Meant(parts=tuple(Part(fetcher_id(one.id)) for one in providers))
        task = registry.add_task(type_, filter_=meant.stored())
        if wait:
            task = follow(registry, task, quiet=as_json)
    if as_json:
        print_json({"task": task.id, "status": task.status, "datasets": task.items if wait else None})
    elif wait:
        messages().print(f"Task {task.id} is {task.status}: {task.items} datasets.")
    else:
        messages().print(f"Asked for: postroad tasks show {task.id}")


def _providers(view: RegistryView, name: str | None) -> list[Provider]:
    """Those that announce datasets, or the one of that name. Raises ``NotFound``."""
    announcing = [one for one in view.providers.values() if one.protocol == damoov.PROTOCOL.name]
    if name is None:
        return announcing
    named = [one for one in announcing if name in (one.name, str(one.id))]
    if not named:
        raise NotFound(f"there is no provider {name} that announces datasets")
    return named


def _dead(reader: ShardReader, provider: Provider) -> Iterator[Letter]:
    id_ = fetcher_id(provider.id)
    page = reader.dead(LetterFilter(subscription_id=id_), limit=_PAGE)
    while page:
        yield from (one.letter for one in page)
        page = reader.dead(LetterFilter(subscription_id=id_), after=(id_, page[-1].letter.id), limit=_PAGE)


def _row(shard: int, provider: Provider, letter: Letter) -> dict[str, Any]:
    return {
        "notification": f"{shard}:{letter.position}",
        "provider": provider.name,
        "dataset": _KINDS[letter.slot],
        "subject": letter.subject_id or None,
        "state": "waiting" if letter.dead_us is None else "given up",
        "received": when(letter.received_us),
        "attempts": letter.attempts,
        "next": when(letter.due_us) or None,
        "given_up": when(letter.dead_us) or None,
        "reason": letter.reason or None,
        "status": letter.status,
        "detail": letter.detail,
    }

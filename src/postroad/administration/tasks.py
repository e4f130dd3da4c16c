"""What the hub was asked to do, how far it is, and which events it is about."""

from collections.abc import Collection

import msgspec

from postroad.administration.items import Place, type_of
from postroad.delivery.meant import Meant
from postroad.ingest.quarantine import QuarantineFilter
from postroad.log.delivery import fetched_for
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import Task


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Which events a task is about, in people's words: of any of the subscriptions, and as every other field says.

    What is empty, or None, narrows nothing down.
    """

    subscriptions: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    subject_id: int | None = None
    since_us: int | None = None
    until_us: int | None = None
    reasons: tuple[str, ...] = ()
    event_ids: tuple[int, ...] = ()
    items: tuple[Place, ...] = ()
    """In quarantine."""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A task and what it is about."""

    task: Task
    about: About


def listed(
    registry: RegistryStore,
    view: RegistryView,
    *,
    integration_ids: Collection[int] | None = None,
    before: tuple[int, str] | None = None,
    limit: int,
) -> list[Described]:
    """The newest first, from behind ``before`` (``created_us`` and id) on: of everybody, or of these integrations."""
    found = registry.tasks(integration_ids=integration_ids, before=before, limit=limit)
    return [described(task, view) for task in found]


def get(registry: RegistryStore, view: RegistryView, id_: str) -> Described:
    """One task. Raises ``NotFound``."""
    return described(registry.task(id_), view)


def cancel(registry: RegistryStore, id_: str) -> tuple[bool, Task]:
    """Cancel a task; whether it was unfinished, and how it stands now. Raises ``NotFound``."""
    return registry.cancel_task(id_), registry.task(id_)


def described(task: Task, view: RegistryView) -> Described:
    """A task, and what it is about by this view."""
    match task.type:
        case "REDRIVE_QUARANTINE" | "DROP_QUARANTINE":
            about = _of_quarantine(task, view)
        case "ERASE":
            about = About()
        case _:
            about = _of_letters(task, view)
    return Described(task=task, about=about)


def _of_quarantine(task: Task, view: RegistryView) -> About:
    which = msgspec.convert(task.filter, QuarantineFilter)
    return About(
        providers=() if which.provider_id is None else (_provider(which.provider_id, view),),
        items=tuple(sorted(Place(*item) for item in which.items or ())),
    )


def _of_letters(task: Task, view: RegistryView) -> About:
    meant = Meant.of(task.filter)
    subscriptions, providers, types = list[str](), list[str](), set[str]()
    for part in meant.parts:
        provider_id = fetched_for(part.subscription_id)
        if provider_id is not None:
            providers.append(_provider(provider_id, view))
            continue
        known = view.subscriptions.get(part.subscription_id)
        subscriptions.append(str(part.subscription_id) if known is None else known.name)
        if known is not None:
            types |= {type_of(known, slot) for slot in part.slots or ()}
    return About(
        subscriptions=tuple(subscriptions),
        providers=tuple(providers),
        types=tuple(sorted(types)),
        subject_id=meant.subject_id,
        since_us=meant.since_us,
        until_us=meant.until_us,
        reasons=tuple(sorted(meant.reasons or ())),
        event_ids=tuple(sorted(meant.events or ())),
    )


def _provider(id_: int, view: RegistryView) -> str:
    provider = view.providers.get(id_)
    return str(id_) if provider is None else provider.name

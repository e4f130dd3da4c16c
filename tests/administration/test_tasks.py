"""Tasks of every type say which events they are about."""

from pathlib import Path
from typing import get_args

import pytest

from fixtures.quiet_hub import QuietHub
from postroad.administration import quarantine, tasks
from postroad.administration.items import Place
from postroad.cli.folder import registry_of
from postroad.delivery.meant import Meant, Part
from postroad.log.delivery import fetcher_id
from postroad.registry.store import RegistryStore
from postroad.registry.tasks import TaskType

DECLARATION = """\
organizations:
  - name: Andes
    providers: [{name: gps, protocol: drivetech}]
    integrations:
      - name: insurer
        destinations: [{name: hook, transport: https, config: {url: "https://127.0.0.1:1/"}}]
        subscriptions: [{name: claims, protocol: connected_cars, destination: hook, types: [gps_position]}]
"""


@pytest.fixture
def hub(tmp_path: Path) -> QuietHub:
    return QuietHub(tmp_path / "data", DECLARATION)


def described(registry: RegistryStore, type_: TaskType, meant: Meant) -> tasks.About:
    task = registry.add_task(type_, filter_=meant.stored())
    return tasks.get(registry, registry.view(), task.id).about


def test_letters_are_told_by_the_names_of_their_subscriptions_and_types(hub: QuietHub) -> None:
    meant = Meant(parts=(Part(1, frozenset({45, 63})), Part(77)), reasons=frozenset({"b", "a"}), since_us=5)
    with registry_of(hub.folder) as registry:
        about = described(registry, "REDRIVE", meant)
    assert (about.subscriptions, about.types) == (("claims", "77"), ("63", "gps_position"))
    assert (about.reasons, about.since_us, about.providers) == (("a", "b"), 5, ())


def test_fetches_are_told_by_the_names_of_their_providers(hub: QuietHub) -> None:
    with registry_of(hub.folder) as registry:
        about = described(registry, "DROP_FETCHES", Meant(parts=(Part(fetcher_id(1)), Part(fetcher_id(9)))))
    assert (about.providers, about.subscriptions) == (("gps", "9"), ())


def test_items_in_quarantine_are_told_by_their_places(hub: QuietHub) -> None:
    with registry_of(hub.folder) as registry:
        task = quarantine.ask(registry, "DROP_QUARANTINE", items=[Place(0, 9), Place(0, 2)], provider_id=1)
        about = tasks.get(registry, registry.view(), task.id).about
    assert (about.items, about.providers) == ((Place(0, 2), Place(0, 9)), ("gps",))


def test_a_task_of_any_type_can_be_listed_by_the_command_line(hub: QuietHub) -> None:
    types: tuple[TaskType, ...] = get_args(TaskType)
    with registry_of(hub.folder) as registry:
        for type_ in types:
            with_filter = type_ not in ("ERASE", "REDRIVE_QUARANTINE", "DROP_QUARANTINE")
            registry.add_task(type_, filter_=Meant(parts=(Part(1),)).stored() if with_filter else {})
    assert {row["type"] for row in hub.json("tasks", "list")} == {*types}
    assert hub("tasks", "list").exit_code == 0

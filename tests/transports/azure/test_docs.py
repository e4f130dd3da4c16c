"""The how-to page of Azure names each field of each config, and its examples are configs."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from postroad.transports import PUSHES, RECEIVERS, TRANSPORTS
from postroad.transports.azure.namespace import NamespaceConfig

PAGE = (Path(__file__).parents[3] / "docs/how-to/azure.md").read_text()
CHAPTERS = {"service_bus": "## Service Bus", "event_hubs": "## Event Hubs", "event_grid": "## Event Grid"}


def chapter(name: str) -> str:
    return PAGE.split(CHAPTERS[name] + "\n")[1].split("\n## ")[0]


def fields_after(introduction: str, text: str) -> set[str]:
    table = text.split(introduction)[1].split("\n\n")[1]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_page_has_a_row_for_each_field_of_a_destination(name: str) -> None:
    fields = set(TRANSPORTS[name].config_type.__struct_fields__)
    assert fields_after("Of `config`:", chapter(name)) == fields


@pytest.mark.parametrize("name", ["service_bus", "event_hubs"])
def test_the_page_has_a_row_for_each_field_of_a_receiver(name: str) -> None:
    fields = set(RECEIVERS[name].config_type.__struct_fields__) - set(NamespaceConfig.__struct_fields__)
    assert fields_after("Of the receiver's `config`, beside", chapter(name)) == fields


def test_the_page_has_a_row_for_each_field_of_the_webhook() -> None:
    fields = set(PUSHES["event_grid"].config_type.__struct_fields__)
    assert fields_after("Of the push's `config`:", chapter("event_grid")) == fields


def resolved(value: Any) -> Any:
    """As ``postroad apply`` does: a reference becomes the secret."""
    if not isinstance(value, dict):
        return value
    if value.keys() == {"env"}:
        by_name = {"TOPIC_KEY": "dG9waWM=", "WEBHOOK_SECRET": "sixteen-or-more-characters"}
        return by_name.get(
            value["env"], "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=k"
        )
    return {key: resolved(inner) for key, inner in value.items()}


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_page_s_examples_are_configs(example: str) -> None:
    document = yaml.safe_load(example)
    if "destinations" in document:
        (destination,) = document["destinations"]
        msgspec.convert(resolved(destination["config"]), TRANSPORTS[destination["transport"]].config_type)
    else:
        receive = document["providers"][0]["receive"]
        spec = RECEIVERS.get(receive["transport"]) or PUSHES[receive["transport"]]
        msgspec.convert(resolved(receive["config"]), spec.config_type)

"""The how-to page of SNS and SQS names each field of each config, and its examples are configs."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from postroad.transports import PUSHES, RECEIVERS, TRANSPORTS
from postroad.transports.aws.config import AwsAccess

PAGE = (Path(__file__).parents[3] / "docs/how-to/aws.md").read_text()
ACCESS = set(AwsAccess.__struct_fields__)


def fields_of(chapter: str, introduction: str) -> set[str]:
    text = PAGE.split(f"\n## {chapter}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", text.split(introduction)[1], re.MULTILINE))


@pytest.mark.parametrize(
    ("chapter", "introduction", "config_type", "told_before"),
    [
        ("Publish to a topic", "Of `config`:", TRANSPORTS["sns"].config_type, set()),
        ("Send to a queue", "Of `config`, beside", TRANSPORTS["sqs"].config_type, ACCESS),
        ("Receive from a queue", "Of the receiver's `config`, beside", RECEIVERS["sqs"].config_type, ACCESS),
        ("Have a topic push", "Of the push's `config`:", PUSHES["sns"].config_type, set()),
    ],
)
def test_the_page_has_a_row_for_each_field(
    chapter: str, introduction: str, config_type: type[msgspec.Struct], told_before: set[str]
) -> None:
    assert fields_of(chapter, introduction) == set(config_type.__struct_fields__) - told_before


def resolved(config: dict[str, Any]) -> dict[str, Any]:
    """As ``postroad apply`` does: a reference becomes the secret."""
    return {name: "s" * 40 if isinstance(value, dict) and "env" in value else value for name, value in config.items()}


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_page_s_examples_are_configs(example: str) -> None:
    document = yaml.safe_load(example)
    if "destinations" in document:
        (part,), specs = document["destinations"], TRANSPORTS
        msgspec.convert(resolved(part["config"]), specs[part["transport"]].config_type)
    else:
        part = document["providers"][0]["receive"]
        spec = RECEIVERS.get(part["transport"]) or PUSHES[part["transport"]]
        msgspec.convert(resolved(part["config"]), spec.config_type)

"""The how-to page of each transport names each field of its config, in the table of its struct."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from postroad.transports.https import HttpsConfig
from postroad.transports.pubsub.config import PubSubConfig, PubSubPullConfig, PubSubPushConfig

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
PAGE = (HOW_TO / "https-destination.md").read_text() + (HOW_TO / "damoov-storage.md").read_text()

INTRODUCED_BY = {
    "HttpsConfig": "Of `config`:",
    "BasicAuth": "Of `auth` with `type: basic`:",
    "BearerAuth": "Of `auth` with `type: bearer`:",
    "ClientCredentialsAuth": "Of `auth` with `type: oauth2_client_credentials`:",
    "FolderStorage": "Of `storage` with `type: folder`:",
    "S3Storage": "Of `storage` with `type: s3`:",
    "NoAuth": None,
}


@pytest.mark.parametrize("name", sorted(msgspec.json.schema(HttpsConfig)["$defs"]))
def test_the_page_has_a_row_for_each_field(name: str) -> None:
    fields = msgspec.json.schema(HttpsConfig)["$defs"][name]["properties"].keys() - {"type"}
    introduction = INTRODUCED_BY[name]
    if introduction is None:
        assert not fields
        return
    table = PAGE.split(introduction)[1].split("\n\n")[1]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == fields


def resolved(value: Any) -> Any:
    """As ``postroad apply`` does: a reference becomes the secret."""
    if isinstance(value, dict):
        return "secret" if value.keys() == {"env"} else {key: resolved(inner) for key, inner in value.items()}
    return value


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(destinations:.*?)```", PAGE, re.DOTALL))
def test_the_page_s_examples_are_configs(example: str) -> None:
    (destination,) = yaml.safe_load(example)["destinations"]
    msgspec.convert(resolved(destination["config"]), HttpsConfig)


CLOUD_TABLES = {
    "Of `config`:": PubSubConfig,
    "Of the receiver's `config`:": PubSubPullConfig,
    "Of the push's `config`:": PubSubPushConfig,
}


@pytest.mark.parametrize("introduction", CLOUD_TABLES)
def test_the_page_of_pubsub_has_a_row_for_each_field(introduction: str) -> None:
    table = (HOW_TO / "pubsub.md").read_text().split(introduction)[1].split("\n\n")[1]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert named == set(CLOUD_TABLES[introduction].__struct_fields__)

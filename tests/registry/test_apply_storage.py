"""``postroad apply``: a destination has the storage, and a subscription says where its receiver finds what is there."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from postroad import service
from postroad.errors import ConfigError
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing, opened_config
from postroad.registry.store import RegistryStore

FOLDER = {"type": "folder", "path": "/srv/damoov"}
S3 = {
    "type": "s3",
    "bucket": "copies",
    "region": "eu-central-1",
    "access_key_id": "AKIA0815",
    "secret_access_key": {"env": "KEY"},
}
COPIED = {"stored_url": "s3://copies"}
INTEGRATION = "organizations[0].integrations[0]"


@pytest.fixture
def apply(tmp_path: Path) -> Any:
    def run(storage: dict[str, Any] | None, options: dict[str, Any]) -> Any:
        config = {"url": "https://a.example/n"} | ({} if storage is None else {"storage": storage})
        wanted = {"name": "told", "protocol": "damoov", "destination": "d", "types": ["TrackEnrichmentFinished"]}
        integration = {
            "name": "insurer",
            "destinations": [{"name": "d", "transport": "https", "config": config}],
            "subscriptions": [wanted | {"options": options}],
        }
        file = tmp_path / "fleet.yaml"
        file.write_text(yaml.safe_dump({"organizations": [{"name": "Andes", "integrations": [integration]}]}))
        store = RegistryStore.open(tmp_path / "registry.db")
        keys = KeyRing.load_or_create(tmp_path / "postroad.key")
        try:
            apply_file(store, file, catalogue=service.catalogue(), keys=keys, environment={"KEY": "s3cr3t-0815"})
            [stored] = store.view().destinations.values()
            return stored, opened_config(stored, keys)
        finally:
            store.close()

    return run


def test_the_secret_key_is_sealed_and_the_rest_is_not(apply: Any, tmp_path: Path) -> None:
    stored, opened = apply(S3, COPIED)
    assert stored.sealed.keys() == {"storage.secret_access_key"}
    assert stored.config["storage"]["access_key_id"] == "AKIA0815"
    assert opened["storage"]["secret_access_key"] == "s3cr3t-0815"
    assert b"s3cr3t-0815" not in (tmp_path / "registry.db").read_bytes()


@pytest.mark.parametrize(
    ("storage", "options", "field", "what"),
    [
        (None, COPIED, "subscriptions[0].destination", "no storage to copy to"),
        (FOLDER, {"base_url": "https://hub.example"}, "subscriptions[0].options", "nothing is copied there"),
        (FOLDER, COPIED | {"base_url": "https://hub.example"}, "subscriptions[0].options", "either base_url or"),
        (FOLDER | {"path": "srv"}, COPIED, "destinations[0].config.storage", "not absolute"),
        (S3 | {"bucket": "A/b"}, COPIED, "destinations[0].config.storage.bucket", "regex"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(
    apply: Any, storage: dict[str, Any] | None, options: dict[str, Any], field: str, what: str
) -> None:
    with pytest.raises(ConfigError, match=what) as raised:
        apply(storage, options)
    assert raised.value.field == f"{INTEGRATION}.{field}"

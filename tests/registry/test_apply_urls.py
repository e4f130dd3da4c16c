"""``postroad apply``: destinations with a URL for each type, and the subscriptions to them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from postroad import service
from postroad.errors import ConfigError
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore

URLS = {"trip": "https://a.example/trip", "crash": "https://a.example/crash"}
INTEGRATION = "organizations[0].integrations[0]"


@pytest.fixture
def apply(tmp_path: Path) -> Any:
    def run(config: dict[str, Any], **subscription: Any) -> Any:
        wanted = {"name": "pushes", "protocol": "drivequant", "destination": "dq", "types": ["trip"], **subscription}
        destination = {"name": "dq", "transport": "https", "config": config}
        integration = {"name": "insurer", "destinations": [destination], "subscriptions": [wanted]}
        file = tmp_path / "fleet.yaml"
        file.write_text(yaml.safe_dump({"organizations": [{"name": "Andes", "integrations": [integration]}]}))
        store = RegistryStore.open(tmp_path / "registry.db")
        keys = KeyRing.load_or_create(tmp_path / "postroad.key")
        try:
            apply_file(store, file, catalogue=service.catalogue(), keys=keys, environment={})
            [stored] = store.view().destinations.values()
            return stored.config
        finally:
            store.close()

    return run


def test_a_url_for_each_type_is_stored_with_the_destination(apply: Any) -> None:
    assert apply({"urls": URLS}, types=["trip", "crash"]) == {"urls": URLS}


@pytest.mark.parametrize(
    ("config", "subscription", "field", "what"),
    [
        ({"urls": URLS}, {"types": ["trip", "diagnosis"]}, "subscriptions[0].types[1]", "no URL for diagnosis"),
        (
            {"urls": URLS, "staging_urls": {"crash": "https://t.example"}, "environment": "staging"},
            {},
            "subscriptions[0].types[0]",
            "no URL for trip",
        ),
        (
            {"urls": {"gps_position": "https://a.example"}},
            {"protocol": "connected_cars", "types": ["gps_position"]},
            "subscriptions[0].destination",
            "sends each event by itself",
        ),
        ({"urls": URLS}, {"delivery": {"order": "bulk"}}, "subscriptions[0].delivery.order", "nothing is in bulk"),
        ({"urls": URLS, "url": "https://a.example"}, {}, "destinations[0].config", "either url or urls"),
        ({}, {}, "destinations[0].config", "either url or urls"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(
    apply: Any, config: dict[str, Any], subscription: dict[str, Any], field: str, what: str
) -> None:
    with pytest.raises(ConfigError, match=what) as raised:
        apply(config, **subscription)
    assert raised.value.field == f"{INTEGRATION}.{field}"

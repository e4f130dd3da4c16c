"""``postroad grants``, in this process."""

from pathlib import Path

import pytest

from fixtures.quiet_hub import QuietHub
from postroad.errors import ConfigError, NotFound

DECLARATION = """\
organizations:
  - name: fleet
    fleets: [{name: Trucks}]
    vehicles: [{plate: KXRT-41, fleet: Trucks}, {plate: "77", vin: 9BWZZZ377VT004251}]
  - name: other
    fleets: [{name: Trucks}]
    vehicles: [{plate: KXRT-41}]
  - name: shop
    integrations:
      - name: garage
        destinations: [{name: hook, transport: https, config: {url: "https://customer.example/"}}]
        subscriptions:
          - {name: all, protocol: connected_cars, destination: hook, types: [gps_position], vehicles: granted}
"""


@pytest.fixture
def hub(tmp_path: Path) -> QuietHub:
    return QuietHub(tmp_path / "hub", DECLARATION)


def test_grants_are_given_listed_and_taken_back(hub: QuietHub) -> None:
    assert "No grants yet" in hub("grants", "list").output
    assert hub.json("grants", "give", "garage", "--fleet", "fleet/Trucks") == {"given": True}
    assert hub.json("grants", "give", "shop/garage", "--fleet", "fleet/Trucks") == {"given": False}
    assert hub.json("grants", "give", "garage", "--vehicle", "77") == {"given": True}
    assert hub.json("grants", "give", "garage", "--vehicle", "other/kxrt 41") == {"given": True}
    listed = hub.json("grants", "list")
    assert [(one["integration"], one["kind"], one["to"]) for one in listed] == [
        ("shop/garage", "fleet", "fleet/Trucks"),
        ("shop/garage", "vehicle", "fleet/77"),
        ("shop/garage", "vehicle", "other/KXRT41"),
    ]
    assert hub.json("grants", "revoke", "garage", "--vehicle", "9BWZZZ377VT004251") == {"revoked": True}
    assert hub.json("grants", "revoke", "garage", "--vehicle", "77") == {"revoked": False}
    assert "Access is revoked." in hub("grants", "revoke", "garage", "--fleet", "fleet/Trucks").output
    assert [one["to"] for one in hub.json("grants", "list")] == ["other/KXRT41"]


def test_what_is_named_must_be_one_thing(hub: QuietHub) -> None:
    assert isinstance(hub("grants", "give", "garage", "--fleet", "Trucks").exception, ConfigError)
    assert isinstance(hub("grants", "give", "garage", "--vehicle", "1").exception, NotFound), "ids are nobody's words"
    assert isinstance(hub("grants", "give", "nobody", "--vehicle", "77").exception, NotFound)
    for named in ([], ["--fleet", "fleet/Trucks", "--vehicle", "77"]):
        done = hub("grants", "give", "garage", *named)
        assert done.exit_code == 2
        assert "name either --fleet or --vehicle" in done.output
    assert hub.json("grants", "list") == []

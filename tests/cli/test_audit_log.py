"""``postroad audit-log``, and that the commands of people are in it under their names."""

import json
import os
import pwd
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import postroad.cli
from fixtures.quiet_hub import QuietHub
from postroad.cli.audit_log import FAULTS
from postroad.errors import ConfigError, NotFound
from postroad.registry.audit_chain import Fault

DECLARATION = """\
organizations:
  - name: Andes
    providers: [{name: gps, protocol: drivetech}]
    vehicles: [{plate: KXRT-41}]
    integrations:
      - name: insurer
        destinations: [{name: hook, transport: https, config: {url: "https://customer.example/"}}]
        subscriptions:
          - {name: all, protocol: connected_cars, destination: hook, types: [gps_position], vehicles: granted}
  - name: Pampa
    integrations: [{name: garage}]
"""
ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def hub(tmp_path: Path) -> QuietHub:
    return QuietHub(tmp_path / "hub", DECLARATION)


def test_each_command_that_changes_something_is_an_entry_by_who_gave_it(hub: QuietHub, tmp_path: Path) -> None:
    def entries(*command: str) -> list[tuple[str, str]]:
        before = {entry["number"] for entry in hub.json("audit-log", "list")}
        done = hub(*command)
        assert done.exit_code == 0, done.output
        new = [entry for entry in hub.json("audit-log", "list", "--limit", "500") if entry["number"] not in before]
        assert {(entry["actor"], entry["origin"], entry["address"]) for entry in new} <= {(ME, "command_line", None)}
        return [(entry["action"], entry["kind"]) for entry in new]

    applied = hub.json("audit-log", "list")
    assert {entry["kind"] for entry in applied} >= {"organization", "provider", "vehicle", "subscription"}
    assert entries("token", "issue", "gps") == [("create", "token")]
    token = hub.json("token", "list")[0]["id"]
    assert entries("token", "revoke", token) == [("revoke", "token")]
    assert entries("token", "revoke", token) == []
    account = ("service-account", "create", "--operator", "--url", "https://hub.example")
    assert entries(*account) == [("create", "service_account")]
    assert entries("service-account", "revoke", hub.json("service-account", "list")[0]["id"]) == [
        ("revoke", "service_account")
    ]
    assert entries("grants", "give", "insurer", "--vehicle", "KXRT41") == [("create", "grant")]
    assert entries("grants", "revoke", "insurer", "--vehicle", "KXRT41") == [("revoke", "grant")]
    assert entries("subscriptions", "pause", "all") == [("update", "subscription")]
    assert entries("subscriptions", "rotate-secret", "all") == [("update", "subscription")]
    assert entries("key", "rotate") == [("create", "sealing_key")]
    assert entries("backup", str(tmp_path / "copy")) == [("create", "backup")]
    assert entries("erase", "vehicle", "KXRT41", "--wait-s", "0") == [("create", "task"), ("create", "erasure")]
    assert entries("apply", str(tmp_path / "fleet.yaml")) != []
    assert json.loads((tmp_path / "copy/manifest.json").read_text())["audit_head"].partition(":")[0].isdecimal()


def test_no_command_opens_the_registry_as_nobody() -> None:
    """``registry_of`` says who commands; ``init`` makes an empty one."""
    opening = {
        path.name for path in Path(postroad.cli.__file__).parent.glob("*.py") if "Store.open(" in path.read_text()
    }
    assert opening == {"folder.py", "init.py"}


def test_entries_are_listed_by_what_they_hold_and_shown_whole(hub: QuietHub) -> None:
    hub("subscriptions", "pause", "all")
    [paused] = hub.json("audit-log", "list", "--action", "update")
    assert paused["name"] == "Andes/insurer/all"
    assert hub.json("audit-log", "show", str(paused["number"])) == paused
    assert paused["fields"] == {"state": ["active", "paused"]}
    text = hub("audit-log", "show", str(paused["number"])).output
    assert "state: active -> paused" in text
    assert hub.json("audit-log", "list", "--limit", "1") == [paused]
    assert {entry["name"] for entry in hub.json("audit-log", "list", "--organization", "Pampa")} == {
        "Pampa",
        "Pampa/garage",
    }
    assert hub.json("audit-log", "list", "--actor", "nobody") == []
    assert len(hub.json("audit-log", "list", "--kind", "organization", "--actor", ME, "--since", "1h")) == 2
    assert hub.json("audit-log", "list", "--until", "1h") == []
    assert "Andes/insurer/all" in hub("audit-log", "list").output
    assert isinstance(hub("audit-log", "show", "999").exception, NotFound)
    assert isinstance(hub("audit-log", "list", "--organization", "nobody").exception, NotFound)


def test_verify_prints_the_head_and_names_the_first_entry_that_was_touched(hub: QuietHub) -> None:
    head = hub.json("audit-log", "verify")["head"]
    assert hub("audit-log", "verify").stdout.strip() == head
    hub("token", "issue", "gps")
    assert hub("audit-log", "verify", "--head", head).exit_code == 0
    assert hub("audit-log", "verify", "--head", "3").exit_code == 2
    number = int(head.partition(":")[0])
    assert hub("audit-log", "verify", "--head", f"{number}:{'0' * 64}").exit_code == 1
    with closing(sqlite3.connect(hub.folder / "registry.db")) as intruder, intruder:
        intruder.execute("DROP TRIGGER audit_log_no_update")
        intruder.execute("UPDATE audit_log SET action = 'delete' WHERE number = 2")
    done = hub("audit-log", "verify", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (
        1,
        {"head": None, "broken": {"number": 2, "fault": "changed"}},
    )
    assert "at entry 2" in hub("audit-log", "verify").output


def test_an_export_is_verified_without_a_hub(hub: QuietHub, tmp_path: Path) -> None:
    export = tmp_path / "audit.jsonl"
    export.write_text(hub("audit-log", "export").stdout)
    head = hub.json("audit-log", "verify")["head"]
    nowhere = QuietHub.__new__(QuietHub)
    nowhere.folder = tmp_path / "nowhere"
    assert nowhere.json("audit-log", "verify", "--file", str(export), "--head", head) == {"head": head, "broken": None}
    lines = export.read_text().splitlines()
    export.write_text("\n".join(lines[:2] + lines[3:]))
    assert nowhere("audit-log", "verify", "--file", str(export)).exit_code == 1
    export.write_text("\n".join(lines[:-1]))
    assert nowhere("audit-log", "verify", "--file", str(export)).exit_code == 0, "only the head tells of a tail"
    assert nowhere("audit-log", "verify", "--file", str(export), "--head", head).exit_code == 1
    export.write_text("{}")
    assert isinstance(nowhere("audit-log", "verify", "--file", str(export)).exception, ConfigError)
    assert isinstance(nowhere("audit-log", "verify", "--file", str(tmp_path / "no")).exception, ConfigError)


def test_every_fault_has_words() -> None:
    assert set(FAULTS) == set(Fault.__args__)

"""Commands that ask or change the registry only, in this process: alerts, pauses with a reason, secrets, tokens."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from fixtures.quiet_hub import QuietHub
from postroad.backup.manifest import MANIFEST_FILE
from postroad.cli.main import main
from postroad.errors import ConfigError
from postroad.layout import KEY_FILE, REGISTRY_FILE
from postroad.registry.secrets import KeyRing
from postroad.registry.signing import opened_signing
from postroad.registry.store import RegistryStore
from postroad.registry.tokens import digest

DECLARATION = """\
organizations:
  - name: Andes
    providers: [{name: gps, protocol: drivetech}]
    integrations:
      - name: insurer
        destinations:
          - name: webhook
            transport: https
            config: {url: "https://customer.example/"}
            limits: {concurrency: 8, requests_per_s: 20}
        subscriptions:
          - {name: telemetry, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: all}
"""

Command = Callable[..., Result]


class Hub(QuietHub):
    """One whose registry tests look into."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, DECLARATION)
        self.registry = RegistryStore.open(folder / REGISTRY_FILE)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "hub")


def test_limits_of_a_destination_reach_the_registry(hub: Hub) -> None:
    [destination] = hub.registry.view().destinations.values()
    assert destination.limits == {"concurrency": 8, "requests_per_s": 20}


def test_what_is_printed_is_what_is_said_whatever_brackets_and_colons_it_has(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "not installed: pip install 'postroad[aws]' [/] [bold] :car:"
    hub.registry.raise_alert("dead_letters", "1", said)
    assert said in hub("alerts", "list").stdout
    monkeypatch.setattr(sys, "argv", ["postroad", "alerts", "list", "--data", str(hub.folder / "no[bold]where")])
    with pytest.raises(SystemExit):
        main()
    assert f"{hub.folder}/no[bold]where" in capsys.readouterr().err


def test_alerts_list_names_the_subscription_and_tells_what_was_cleared_when_asked(hub: Hub) -> None:
    assert "No alerts" in hub("alerts", "list").stderr
    hub.registry.raise_alert("dead_letters", "1", "3 events given up")
    hub.registry.raise_alert("destination_failing", "1", "503")
    hub.registry.clear_alert("destination_failing", "1")
    [row] = hub.json("alerts", "list")
    assert (row["kind"], row["subscription"], row["detail"]) == ("dead_letters", "telemetry", "3 events given up")
    assert row["cleared"] is None
    rows = hub.json("alerts", "list", "--all")
    assert [row["kind"] for row in rows] == ["destination_failing", "dead_letters"]
    assert rows[0]["cleared"] >= rows[0]["raised"]
    assert [row["kind"] for row in hub.json("alerts", "list", "--all", "--limit", "1")] == ["destination_failing"]
    assert "3 events given up" in hub("alerts", "list").stdout


def test_alerts_list_names_the_shard_that_an_alert_is_about(hub: Hub) -> None:
    hub.registry.raise_alert("backlog_half", "shard 0", "55% of log.max_bytes")
    [row] = hub.json("alerts", "list")
    assert (row["kind"], row["subscription"], row["shard"]) == ("backlog_half", None, 0)
    assert "shard 0" in hub("alerts", "list").stdout


def test_subscriptions_list_tells_why_the_hub_paused_one_until_it_is_resumed(hub: Hub) -> None:
    hub.registry.set_subscription_state("telemetry", "paused", reason="410 Gone")
    hub.registry.raise_alert("destination_gone", "1", "410 Gone")
    [row] = hub.json("subscriptions", "list")
    assert (row["state"], row["paused_reason"]) == ("paused", "410 Gone")
    assert row["paused"]
    assert "paused: 410 Gone" in hub("subscriptions", "list").stdout
    assert hub("subscriptions", "resume", "telemetry").exit_code == 0
    [row] = hub.json("subscriptions", "list")
    assert (row["state"], row["paused_reason"], row["paused"]) == ("active", None, None)
    assert hub.json("alerts", "list") == []


def test_rotate_secret_shows_the_new_one_once_and_keeps_the_one_before_for_a_day(hub: Hub) -> None:
    first = hub("subscriptions", "rotate-secret", "telemetry")
    assert first.stdout.startswith("whsec_")
    second = hub.json("subscriptions", "rotate-secret", "telemetry")
    assert second["overlap_s"] == 86_400
    [subscription] = hub.registry.view().subscriptions.values()
    keys = KeyRing.load(hub.folder / KEY_FILE)
    assert opened_signing(subscription, keys, 0) == (second["secret"], first.stdout.strip())
    newest, before = subscription.signing
    assert newest.expires_us is None
    assert before.expires_us is not None
    assert hub.json("subscriptions", "rotate-secret", "telemetry", "--overlap", "0")["overlap_s"] == 0
    [subscription] = hub.registry.view().subscriptions.values()
    assert len(subscription.signing) == 1


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800), ("0", 0), ("0h", 0)]
)
def test_durations_are_written_with_their_unit(hub: Hub, written: str, seconds: int) -> None:
    assert hub.json("subscriptions", "rotate-secret", "telemetry", "--overlap", written)["overlap_s"] == seconds


@pytest.mark.parametrize("written", ["24", "-1h", "1w", "1h30m", "h", "1.5h", "9999999d"])
def test_what_is_no_duration_is_a_wrong_command(hub: Hub, written: str) -> None:
    done = hub("subscriptions", "rotate-secret", "telemetry", "--overlap", written)
    assert done.exit_code == 2
    assert "is no duration" in done.stderr
    assert hub.registry.view().subscriptions[1].signing == ()


def test_a_token_for_an_integration_is_shown_once_listed_and_revoked(hub: Hub) -> None:
    made = hub.json("token", "issue", "--integration", "insurer", "--label", "support")
    assert hub.registry.view().integration_tokens.keys() == {digest(made["token"])}
    [row] = hub.json("token", "list")
    assert (row["id"], row["provider"], row["integration"], row["label"]) == (made["id"], None, "insurer", "support")
    assert made["token"] not in hub("token", "list").output
    assert hub("token", "revoke", made["id"]).exit_code == 0
    assert hub.registry.view().integration_tokens == {}


@pytest.mark.parametrize("arguments", [[], ["gps", "--integration", "insurer"]])
def test_a_token_is_for_a_provider_or_an_integration(hub: Hub, arguments: list[str]) -> None:
    done = hub("token", "issue", *arguments)
    assert done.exit_code == 2
    assert "name one: a provider, --integration" in done.stderr
    assert hub.registry.list_tokens() == []


def test_the_doctor_finds_a_signing_secret_that_cannot_be_opened(hub: Hub) -> None:
    hub("subscriptions", "rotate-secret", "telemetry")
    (hub.folder / KEY_FILE).unlink()
    KeyRing.load_or_create(hub.folder / KEY_FILE)
    [finding] = [row for row in json.loads(hub("doctor", "--json").stdout) if row["check"] == "secrets"]
    assert not finding["ok"]
    assert "telemetry" in finding["detail"]


def test_an_unknown_subscription_is_named(hub: Hub) -> None:
    done = hub("subscriptions", "rotate-secret", "nobody")
    assert "there is no subscription 'nobody'" in str(done.exception)
    assert not isinstance(done.exception, ConfigError)


def test_a_backup_tells_which_key_opens_its_signing_secrets(hub: Hub, tmp_path: Path) -> None:
    hub("subscriptions", "rotate-secret", "telemetry")
    done = hub("backup", str(tmp_path / "backup"))
    assert done.exit_code == 0, done.output
    manifest = json.loads(next((tmp_path / "backup").rglob(MANIFEST_FILE)).read_text())
    assert manifest["key_ids"] == [KeyRing.load(hub.folder / KEY_FILE).current_id]


def test_a_token_can_be_shown_as_a_client_which_is_its_public_id_and_its_text(hub: Hub) -> None:
    made = hub.json("token", "issue", "gps", "--client", "--label", "pushes")
    view = hub.registry.view()
    assert view.clients == {made["client_id"]: digest(made["client_secret"])}
    assert [row["id"] for row in hub.json("token", "list")] == [made["client_id"]]
    shown = hub("token", "issue", "gps", "--client")
    assert {"client id", "client secret"} <= {line[:13].rstrip() for line in shown.stdout.splitlines()}
    hub("token", "revoke", made["client_id"])
    assert made["client_id"] not in hub.registry.view().clients
    assert hub("token", "issue", "--integration", "insurer", "--client").exit_code == 2

"""What the commands say of a destination that asks who we are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner

from postroad.cli.main import cli
from postroad.errors import PostroadError

DECLARATION = """\
organizations:
  - name: Andes
    providers: [{{name: gps, protocol: drivetech}}]
    integrations:
      - name: insurer
        destinations: [{{name: webhook, transport: https, config: {config}}}]
        subscriptions:
          - {{name: all, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: all}}
"""

Run = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path, doorkeeper: Any, ca_file: str) -> Run:
    """Declare a destination, and give what the doctor and the test of its subscription print."""
    folder = str(tmp_path / "hub")

    def postroad(*arguments: str) -> str:
        done = CliRunner().invoke(cli, [*arguments, "--data", folder])
        assert done.exception is None or isinstance(done.exception, SystemExit | PostroadError), done.exception
        return f"[{done.exit_code}] {' '.join((done.output + str(done.exception or '')).split())}"

    def run(**fields: str) -> str:
        assert postroad("init").startswith("[0]")
        Path(folder, "postroad.toml").write_text('[egress]\nallow_cidrs = ["127.0.0.1/32"]\n')
        config = {"url": doorkeeper.url, "ca_file": ca_file, **fields}
        declared = tmp_path / "fleet.yaml"
        declared.write_text(DECLARATION.format(config=config))
        assert postroad("apply", str(declared)).startswith("[0]")
        return postroad("doctor") + postroad("subscriptions", "test", "all")

    return run


def test_a_good_client_certificate_is_fine(told: Run, pair: Any, doorkeeper: Any) -> None:
    said = told(**pair.fields)
    assert said.count("[0]") == 2, said
    assert "client certificate hub.example by trustme" in said
    assert len(doorkeeper.shown) == 3, "the doctor's look, the test's, and the test's bulk"


def test_a_missing_client_certificate_is_told(told: Run) -> None:
    said = told()
    assert said.count("[1]") == 2, said
    assert said.count("the other end asks for a client certificate") == 2


def test_a_client_certificate_that_does_not_fit_its_key_is_told(told: Run, pair: Any) -> None:
    key = pair.key.read_bytes()
    pair.issue(trustme.CA())
    pair.key.write_bytes(key)
    said = told(**pair.fields)
    assert said.count("[1]") == 2, said
    assert said.count("not the key of the certificate in") == 2


def test_a_client_certificate_that_ends_soon_is_told(told: Run, pair: Any, client_authority: trustme.CA) -> None:
    pair.issue(client_authority, not_after=datetime.now(UTC) + timedelta(days=3))
    said = told(**pair.fields)
    assert said.count("our client certificate expires on") == 2, said
    assert said.startswith("[1]"), "the doctor wants something done"

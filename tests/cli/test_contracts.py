"""``postroad contracts``."""

import json

from click.testing import CliRunner

from postroad.cli.main import cli
from postroad.protocols import CONTRACTS


def run(*arguments):
    return CliRunner().invoke(cli, ["contracts", *arguments])


def test_show_prints_every_attempt_and_what_follows_as_json():
    shown = json.loads(run("show", "drivequant.trip", "--json").stdout)
    assert shown["attempts"] == [{"n": n + 1, "at_s": n * 86400.0} for n in range(30)]
    assert shown["then"] == {"action": "dead_letter"}
    shown = json.loads(run("show", "connected_cars_legacy", "--json").stdout)
    assert shown["attempts"][:5] == [{"n": n, "at_s": at} for n, at in enumerate([0, 20, 40, 60, 180], start=1)]
    assert shown["then"] == {"action": "repeat", "every_s": 3600.0}
    assert shown["success"] == [200, 200]


def test_show_says_it_to_people_and_names_what_is_not_published():
    shown = run("show", "drivequant.crash").stdout
    assert "30 days" in shown
    assert "a dead letter" in shown
    assert "not published by the vendor" in shown


def test_list_knows_every_contract():
    assert [row["contract"] for row in json.loads(run("list", "--json").stdout)] == list(CONTRACTS)
    assert all(name in run("list").stdout for name in CONTRACTS)


def test_an_unknown_contract_is_an_error_that_names_those_there_are():
    result = run("show", "drivequant")
    assert result.exit_code == 1
    assert "drivequant.trip" in str(result.exception)

"""The page on reading without a hub: its examples are run, and print what it says."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from postroad.cli.main import cli, main

PAGE = "docs/how-to/decode.md"


def test_the_examples_print_what_the_page_says(
    blocks: Callable[[str, str], list[str]], tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (body,) = blocks(PAGE, "json")
    Path("bulk.json").write_text(body)
    Path("ignition.json").write_text(json.dumps(json.loads(body)[:1]))
    commands = [shlex.split(block)[1:] for block in blocks(PAGE, "sh")]
    assert [command[0] for command in commands] == ["decode", "translate", "schema"]
    shown = blocks(PAGE, "text")
    for command, text in zip(commands[:2], shown, strict=True):
        result = CliRunner().invoke(cli, command)
        errors = f"error: {result.exception}\n" if result.exit_code == 1 else ""
        assert result.stdout + result.stderr + errors == text
    schema = json.loads(CliRunner().invoke(cli, commands[2]).stdout)
    assert schema["$schema"].endswith("2020-12/schema")


def test_the_exit_code_of_a_bad_item_is_one(tmp_path: Path, monkeypatch, capfd) -> None:
    file = tmp_path / "bulk.json"
    file.write_text("[7]")
    monkeypatch.setattr("sys.argv", ["postroad", "decode", "connected_cars", str(file)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert capfd.readouterr() == (
        '{"error":"not_json","field":null}\n',
        "error: 1 of 1 would be quarantined: item 1: not_json\n",
    )

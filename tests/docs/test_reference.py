"""The reference says what the code says: pages are made from it, and what has no description is an error."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import click
import msgspec
import pytest

from postroad import errors

ROOT = Path(__file__).parents[2]
Tool = Callable[[str], ModuleType]


def test_the_committed_reference_is_what_the_code_says(tool: Tool) -> None:
    made = tool("generate").pages()
    folder = ROOT / "docs" / "reference"
    assert {path.name for path in folder.iterdir()} == made.keys(), "run `make reference`"
    for name, text in made.items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"{name} is out of date: run `make reference`"


def test_the_committed_pages_on_translation_are_what_the_tables_say(tool: Tool) -> None:
    made = tool("translation_pages").pages()
    folder, head = ROOT / "docs" / "translation", tool("generate").HEAD
    assert {path.name for path in folder.iterdir()} == made.keys(), "run `make reference`"
    for name, text in made.items():
        assert (folder / name).read_text(encoding="utf-8") == head + text, (
            f"{name} is out of date: run `make reference`"
        )


def test_a_setting_without_a_description_ends_the_generator(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Section(msgspec.Struct):
        """A section."""

        told: Annotated[int, msgspec.Meta(description="Said.")] = 1
        untold: int = 2

    class Settings(msgspec.Struct):
        """All."""

        new: Section = msgspec.field(default_factory=Section)

    generate = tool("generate")
    monkeypatch.setattr(generate, "Settings", Settings)
    with pytest.raises(generate.Undocumented, match=r"new\.untold"):
        generate.settings_page()


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (click.Command("mute"), "postroad mute"),
        (click.Command("new", help="Do.", params=[click.Option(["--quiet"])]), "postroad new --quiet"),
        (click.Command("new", help="Do.", params=[click.Argument(["thing"])]), "THING"),
    ],
    ids=["command", "option", "argument"],
)
def test_a_command_option_or_argument_without_a_description_ends_the_generator(
    tool: Tool, monkeypatch: pytest.MonkeyPatch, command: click.Command, named: str
) -> None:
    generate = tool("generate")
    group: Any = click.Group("postroad", help="All.", commands=[click.Command("known", help="Do.")])
    monkeypatch.setattr(generate, "cli", group)
    assert "postroad known" in generate.cli_page()
    group.add_command(command)
    with pytest.raises(generate.Undocumented, match=named):
        generate.cli_page()


def test_an_error_without_advice_ends_the_generator(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Overheated(errors.PostroadError):
        """The machine is too hot."""

    monkeypatch.setattr(errors, "Overheated", Overheated, raising=False)
    generate = tool("generate")
    with pytest.raises(generate.Undocumented, match="Overheated"):
        generate.errors_page()


def test_a_reason_without_advice_ends_the_generator(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        errors.StoreUnavailable, "__doc__", (errors.StoreUnavailable.__doc__ or "").replace("``io``", "``meteor``")
    )
    generate = tool("generate")
    with pytest.raises(generate.Undocumented, match="meteor"):
        generate.errors_page()


def test_an_alert_without_advice_ends_the_generator(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    generate = tool("generate")
    monkeypatch.setattr(generate, "KINDS", (*generate.KINDS, "moon_too_bright"))
    with pytest.raises(generate.Undocumented, match="moon_too_bright"):
        generate.alerts_page()


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))

    def named(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        inner = entry.values() if isinstance(entry, dict) else entry
        return [page for part in inner for page in named(part)]

    docs = ROOT / "docs"
    there = {str(path.relative_to(docs)) for path in docs.rglob("*.md")}
    assert sorted(named(site["project"]["nav"])) == sorted(there)

"""What the pages name in passing exists: settings, variables, commands and their options, files of the project."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from postroad.cli.main import cli
from postroad.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in (*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    if page.parent.name != "decisions"  # these say what was so on their day
)
SETTINGS = {
    f"{section.name}.{field.name}"
    for section in msgspec.structs.fields(Settings)
    for field in msgspec.structs.fields(section.default)
}
VARIABLES = {"POSTROAD_" + name.replace(".", "_").upper() for name in SETTINGS} | {"POSTROAD_DATA"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def code(page: Path) -> Iterator[str]:
    """What stands between back quotes in a page, and its shell lines."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```(?:sh|console)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield from (line.removeprefix("$ ").split("#")[0] for line in block.splitlines())
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", prose)


@every_page
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    sections = "|".join(section.name for section in msgspec.structs.fields(Settings))
    named = {text for text in code(page) if re.fullmatch(rf"(?:{sections})\.[a-z_]+", text)}
    assert {name for name in named if not name.endswith((".db", ".py"))} <= SETTINGS
    assert {word for text in code(page) for word in re.findall(r"\bPOSTROAD_[A-Z_]+\b", text)} <= VARIABLES


@every_page
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    for text in code(page):
        for called in re.findall(r"(?:^|\$\()postroad +([^)|&>]+)", text):
            command: click.Command = cli
            context = click.Context(cli, info_name="postroad")
            words = called.split()
            while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z-]+", words[0]):
                below = command.get_command(context, words[0])
                assert below is not None, f"postroad {called}"
                command, context = below, click.Context(below, parent=context, info_name=words.pop(0))
            known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
            known |= set(command.get_help_option_names(context)) | {"--help"}
            assert {word for word in words if word.startswith("-")} <= known, f"postroad {called}"


@every_page
def test_every_file_of_the_project_that_a_page_names_exists(page: Path) -> None:
    tops = "src|tests|tools|bench|docs|requirements"
    named = {text for text in code(page) if re.fullmatch(rf"(?:{tops})/[\w./-]+", text)}
    assert {name for name in named if not (ROOT / name).exists()} == set()


@every_page
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """Also those of the README and of the repository's own view, which the site's build does not see."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", text):
        assert (page.parent / target).exists(), target

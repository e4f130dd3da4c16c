"""Settings come from the file, then from the environment; what is wrong is told with its place."""

import re
from pathlib import Path

import pytest

from postroad.errors import ConfigError
from postroad.settings import FILE_NAME, Settings, default_toml, load


def write(folder: Path, text: str) -> str:
    path = folder / FILE_NAME
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_without_a_file_and_variables_there_are_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, {"HOME": "/", "POSTROAD_DEMO_SECRET": "not a setting"}) == Settings()


def test_the_file_counts_and_the_environment_counts_more(tmp_path: Path) -> None:
    write(tmp_path, '[hub]\nport = 1\nhost = "::"\n[egress]\nallow_cidrs = ["10.0.0.0/8"]\n')
    settings = load(tmp_path, {"POSTROAD_HUB_PORT": "2", "POSTROAD_LOG_RETENTION_DAYS": "0.5"})
    assert (settings.hub.port, settings.hub.host, settings.log.retention_days) == (2, "::", 0.5)
    assert settings.egress.allow_cidrs == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    ("text", "wanted"), [("10.0.0.0/8, ::1/128", ("10.0.0.0/8", "::1/128")), ("", ()), ("127.0.0.1", ("127.0.0.1",))]
)
def test_a_list_in_the_environment_is_separated_by_commas(tmp_path: Path, text: str, wanted: tuple[str, ...]) -> None:
    assert load(tmp_path, {"POSTROAD_EGRESS_ALLOW_CIDRS": text}).egress.allow_cidrs == wanted


def test_a_text_that_looks_like_a_number_stays_text_where_text_is_wanted(tmp_path: Path) -> None:
    assert load(tmp_path, {"POSTROAD_HUB_HOST": "1"}).hub.host == "1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[hub]\nport = 70000\n", "hub.port"),
        ('[hub]\nport = "8480"\n', "hub.port"),
        ("[log]\nretention_days = 0\n", "log.retention_days"),
        ("[hub]\nprot = 1\n", "`prot`"),
        ("[hubb]\nport = 1\n", "`hubb`"),
        ("hub = 1\n", "hub"),
        ("[hub\n", "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_names_the_file_and_the_field(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(told)) as raised:
        load(tmp_path, {})
    assert raised.value.file == path


def test_a_file_that_is_not_text_or_not_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(tmp_path, {})
    (tmp_path / FILE_NAME).unlink()
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("POSTROAD_HUB_PORT", "eighty"),
        ("POSTROAD_HUB_PORT", "70000"),
        ("POSTROAD_INGEST_DEDUP_MAX_KEYS", "1"),
        ("POSTROAD_HUB_PROT", "1"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path, variable: str, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, {variable: text})
    assert raised.value.field == variable


def test_the_written_defaults_are_the_defaults_also_when_every_line_is_made_to_count(tmp_path: Path) -> None:
    text = default_toml()
    write(tmp_path, text)
    assert load(tmp_path, {}) == Settings()
    active = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)
    write(tmp_path, active)
    assert load(tmp_path, {}) == Settings()
    names = [(s, n) for s in Settings.__struct_fields__ for n in getattr(Settings(), s).__struct_fields__]
    assert len(re.findall(r"^\w+ = ", active, flags=re.MULTILINE)) == len(names)


def test_every_setting_is_described() -> None:
    assert not re.search(r"^# *$", default_toml(), flags=re.MULTILINE)

"""Lines for people and for programs."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from postroad import logs
from postroad.logs import wide


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    libraries = {name: logging.getLogger(name).level for name in logs.QUIET + logs.MUTED}
    yield
    root.handlers[:], root.level = handlers, level
    for name, quiet in libraries.items():
        logging.getLogger(name).setLevel(quiet)


def written(log_format: str, stream: io.StringIO) -> str:
    root = logging.getLogger()
    root.handlers.clear()  # pytest's own are not ours to close
    logs.configure(log_format, stream)
    logging.getLogger("postroad.test").warning("Not %s", "sent", extra=wide(attempt=1, name="a b\nc", status=None))
    return stream.getvalue()


@pytest.mark.parametrize(("log_format", "stream"), [("json", Terminal()), ("auto", io.StringIO())])
def test_json_is_one_object_a_line_with_the_named_values(log_format: str, stream: io.StringIO) -> None:
    [line] = written(log_format, stream).splitlines()
    values = json.loads(line)
    assert values.pop("time").endswith("Z")
    assert values == {
        "level": "warning", "logger": "postroad.test", "message": "Not sent", "attempt": 1, "name": "a b\nc",
        "status": None,
    }  # fmt: skip


@pytest.mark.parametrize(("log_format", "stream"), [("text", io.StringIO()), ("auto", Terminal())])
def test_text_stays_on_one_line_whatever_a_value_holds(log_format: str, stream: io.StringIO) -> None:
    [line] = written(log_format, stream).splitlines()
    assert line.endswith(r"WARNING postroad.test: Not sent attempt=1 name='a b\nc' status=None")


def test_an_answer_about_credentials_that_an_sdk_warns_of_is_not_written() -> None:
    stream = io.StringIO()
    before = written("json", stream)
    logging.getLogger("aiobotocore.credentials").warning("Refreshing failed: not authorized with %s", "t0ken")
    assert stream.getvalue() == before


def test_an_exception_is_part_of_its_object() -> None:
    stream = io.StringIO()
    written("json", stream)
    try:
        int("ten")
    except ValueError:
        logging.getLogger("postroad.test").exception("Broken")
    values = json.loads(stream.getvalue().splitlines()[1])
    assert values["message"] == "Broken"
    assert values["exception"].endswith("ValueError: invalid literal for int() with base 10: 'ten'")

"""Write the client's methods and types from the API's OpenAPI document: ``python tools/client/generate.py``.

They are committed; a test compares. What the document says in a way that is not known here ends the run.
"""

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

from methods import Method
from schemas import Schemas

from postroad.api.rest.openapi import document

FOLDER = Path(__file__).parents[2] / "src" / "postroad" / "client"
HEAD = "# Made by tools/client/generate.py: change the API and run `make reference`.\n"

IMPORTS = {
    "AsyncIterator": "from collections.abc import AsyncIterator",
    "Iterator": "from collections.abc import Iterator",
    "Mapping": "from collections.abc import Mapping",
    "Sequence": "from collections.abc import Sequence",
    "datetime": "from datetime import datetime",
    "Any": "from typing import Any",
    "Literal": "from typing import Literal",
    "msgspec": "import msgspec",
    "UNSET": "from msgspec import UNSET",
    "UnsetType": "from msgspec import UnsetType",
    "Page": "from postroad.client.answers import Page",
    "Representation": "from postroad.client.answers import Representation",
    "AsyncClientBase": "from postroad.client.async_base import AsyncClientBase",
    "ClientBase": "from postroad.client.base import ClientBase",
    "request": "from postroad.client.request import request",
}
"""A name that made code may use -> how it is imported."""


class Kind(NamedTuple):
    """Of client."""

    file: str
    about: str
    is_async: bool


CLIENTS = {
    "Client": Kind("client.py", "The client that waits for each answer.", is_async=False),
    "AsyncClient": Kind("async_client.py", "The client for an event loop.", is_async=True),
}


def modules() -> dict[str, str]:
    """The made modules by the names of their files."""
    described = document()
    schemas = Schemas(described["components"]["schemas"])
    methods = [
        Method(schemas, path, verb, operation)
        for path, operations in described["paths"].items()
        for verb, operation in operations.items()
    ]
    clients = {name: _client(name, methods) for name in CLIENTS}
    types = schemas.structs()  # only now is it known which are needed
    names = re.findall(r"^class (\w+)", types, re.MULTILINE)
    return {
        "types.py": _module("What the REST API shows, and parts of what it takes.", types, []),
        **{CLIENTS[name].file: _module(CLIENTS[name].about, code, names) for name, code in clients.items()},
    }


def _client(name: str, methods: list[Method]) -> str:
    head = f'class {name}({name}Base):\n    """Every operation of the REST API."""\n'
    is_async = CLIENTS[name].is_async
    return "\n".join([head, *(textwrap.indent(method.source(is_async=is_async), "    ") for method in methods)])


def _module(about: str, code: str, types: list[str]) -> str:
    words = {*re.findall(r"\w+", re.sub(r'""".*?"""', "", code, flags=re.DOTALL))}
    imports = [line for name, line in IMPORTS.items() if name in words]
    imports += [f"from postroad.client.types import {name}" for name in types if name in words]
    return _formatted(f'"""{about}"""\n\n{HEAD}\n' + "\n".join(imports) + "\n\n\n" + code)


def _formatted(source: str) -> str:
    """As ``make check`` wants it."""
    for arguments in (["check", "--select", "I", "--fix", "--quiet"], ["format", "--quiet"]):
        source = subprocess.run(  # noqa: S603 - the linter of the same environment
            [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", FOLDER / "made.py", "-"],
            input=source,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    return source


if __name__ == "__main__":
    for name, text in modules().items():
        (FOLDER / name).write_text(text, encoding="utf-8")

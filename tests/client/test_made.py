"""What tools/client/generate.py makes of the document: what is committed, and nothing by guess."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools" / "client"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A script of tools/client as a module."""

    def load(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(TOOLS))
        for other in TOOLS.glob("*.py"):
            monkeypatch.delitem(sys.modules, other.stem, raising=False)
        spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_the_committed_client_is_what_the_document_says(tool: Any) -> None:
    for file, text in tool("generate").modules().items():
        committed = (ROOT / "src" / "postroad" / "client" / file).read_text(encoding="utf-8")
        assert committed == text, f"{file} is out of date: run `make reference`"


@pytest.mark.parametrize(
    ("schema", "annotation"),
    [
        ({"type": "string"}, "str"),
        ({"type": "string", "format": "date-time"}, "datetime"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None"),
        ({"anyOf": [{"type": "null"}, {"enum": ["a"]}, {"type": "string"}]}, "Literal['a'] | str | None"),
        ({"type": "array", "items": {"type": "number"}}, "Sequence[float]"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "Mapping[str, bool]"),
        ({"type": "object"}, "Mapping[str, Any]"),
        ({"description": "Whatever."}, "Any"),
        ({"$ref": "#/components/schemas/Thing"}, "Thing"),
        ({"$ref": "#/components/schemas/State"}, "Literal['on', 'off']"),
    ],
)
def test_a_schema_is_an_annotation(tool: Any, schema: Any, annotation: str) -> None:
    components = {"Thing": {"type": "object", "properties": {}}, "State": {"enum": ["on", "off"]}}
    assert tool("schemas").Schemas(components).annotation(schema) == annotation


@pytest.mark.parametrize(
    "schema",
    [{"type": "string", "format": "date"}, {"type": "string", "contentEncoding": "base64"}, {"allOf": [{}]}],
)
def test_a_schema_that_is_not_known_ends_the_generator(tool: Any, schema: Any) -> None:
    schemas = tool("schemas")
    with pytest.raises(schemas.Unsupported):
        schemas.Schemas({}).annotation(schema)


def test_a_struct_comes_behind_those_it_names_and_one_that_nobody_names_not_at_all(tool: Any) -> None:
    def struct(of: Any) -> Any:
        return {"type": "object", "description": "One.", "properties": {"of": of}, "required": ["of"]}

    schemas = tool("schemas").Schemas(
        {"A": struct({"$ref": "#/B"}), "B": struct({"type": "integer"}), "C": struct({"type": "string"})}
    )
    schemas.annotation({"$ref": "#/A"})
    assert schemas.structs().splitlines() == [
        "class B(Representation, frozen=True, kw_only=True):",
        '    """One."""',
        "    of: int",
        "",
        "",
        "class A(Representation, frozen=True, kw_only=True):",
        '    """One."""',
        "    of: B",
    ]


def test_one_name_for_two_arguments_ends_the_generator(tool: Any) -> None:
    methods = tool("methods")
    twice = {
        "operationId": "get_thing",
        "summary": "Get a thing",
        "parameters": [
            {"name": "thing", "in": where, "required": True, "description": "It.", "schema": {"type": "string"}}
            for where in ("path", "query")
        ],
        "responses": {"204": {"description": "Done."}},
    }
    method = methods.Method(methods.Schemas({}), "/api/v1/things/{thing}", "get", twice)
    with pytest.raises(methods.Unsupported, match="get_thing"):
        method.source(is_async=False)


def run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_client_brings_nothing_of_the_hub_with_it() -> None:
    done = run(
        "import sys, postroad.client; print(*sorted(name for name in sys.modules if name.startswith('postroad')))"
    )
    names = {name.partition(".")[2].partition(".")[0] for name in done.stdout.split()}
    assert names == {"", "client"}, done.stderr


def test_without_its_extra_one_line_says_what_to_install() -> None:
    done = run("import sys; sys.modules['httpx'] = None; import postroad.client")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ImportError: postroad.client needs httpx: pip install 'postroad[client]'"

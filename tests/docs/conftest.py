"""The docs as tests read them: the tools that make them, and the fenced blocks in them."""

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A script of ``tools/docs`` as a module."""

    def load(name: str) -> ModuleType:
        path = ROOT / "tools" / "docs" / f"{name}.py"
        monkeypatch.syspath_prepend(str(path.parent))  # where it finds its neighbours, as when it is run
        spec = importlib.util.spec_from_file_location(f"docs_{name}", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def blocks() -> Callable[[str, str], list[str]]:
    """The fenced blocks of a page that are of one language."""

    def of(page: str, language: str) -> list[str]:
        text = (ROOT / page).read_text(encoding="utf-8")
        return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

    return of

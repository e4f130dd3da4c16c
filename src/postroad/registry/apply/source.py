"""A YAML file as plain data that remembers on which line each part stands.

Stricter than YAML: one document, text keys, no key twice, and no scalar that is read otherwise than it looks (octal,
sexagesimal or underscored numbers; a date stays text, and so does "no").
"""

import math
import re
from typing import Any, TypeVar

import msgspec
import yaml

from postroad.errors import ConfigError
from postroad.registry.apply.hints import did_you_mean, field_names, with_keys

T = TypeVar("T")

ROOT = "$"
"""The path of the whole document, as msgspec writes paths: ``$.organizations[0].name``."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?")
_NAMED = re.compile(r"\.(?P<list>organizations|integrations|destinations|subscriptions)\[(?P<index>\d+)\]")
_VALIDATION_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_WORDS = {"`object`": "a mapping", "`array`": "a list", "`str`": "text", "`null`": "nothing"}


class Source:
    """A file that was read.

    Attributes:
        file: its path, for messages.
        data: what it says: dicts, lists, text, numbers, booleans and None.
    """

    def __init__(self, file: str, text: str) -> None:
        """Read YAML.

        Raises:
            ConfigError: It is not YAML, or not of the strict kind.
        """
        self.file = file
        self._lines: dict[str, int] = {}
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            self.data: Any = self._plain(root, ROOT, ())
        except yaml.MarkedYAMLError as exc:
            line = exc.problem_mark.line + 1 if exc.problem_mark else None
            raise ConfigError(f"not YAML: {exc.problem}", file=file, line=line) from exc
        except yaml.YAMLError as exc:
            raise ConfigError("not YAML: a character that may not stand there", file=file) from exc
        except RecursionError as exc:
            raise ConfigError("nested too deeply", file=file) from exc

    def error(self, path: str, message: str) -> ConfigError:
        """A ``ConfigError`` about the part at ``path``, with its line or that of the nearest part around it."""
        around = path
        while around not in self._lines and around != ROOT:
            around = around[: max(around.rfind("."), around.rfind("["), len(ROOT))]
        field = path.removeprefix(ROOT).removeprefix(".")
        return ConfigError(message, file=self.file, line=self._lines.get(around), field=field or None)

    def convert(self, data: Any, type_: type[T], path: str = ROOT) -> T:
        """``data``, which stands at ``path``, as a ``type_``.

        Raises:
            ConfigError: It does not fit; says where, and for an unknown key what may have been meant.
        """
        try:
            return msgspec.convert(data, type_)
        except msgspec.ValidationError as exc:
            found = _VALIDATION_MESSAGE.fullmatch(str(exc))
            what, inner = (found["what"], found["path"] or ROOT) if found else (str(exc), ROOT)
        inner = with_keys(inner, data, type_)
        unknown = _UNKNOWN_FIELD.fullmatch(what)
        if unknown:
            names = field_names(type_, inner)
            raise self.error(
                f"{path}{inner[1:]}.{unknown['name']}", "unknown key" + did_you_mean(unknown["name"], names)
            )
        for theirs, ours in _WORDS.items():
            what = what.replace(theirs, ours)
        raise self.error(path + inner[1:], what[:1].lower() + what[1:])

    def _plain(self, node: yaml.Node | None, path: str, around: tuple[yaml.Node, ...]) -> Any:
        if node is None:
            raise ConfigError("the file is empty", file=self.file)
        self._lines.setdefault(path, node.start_mark.line + 1)
        if node in around:
            raise self.error(path, "an alias of what it stands in")
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path, (*around, node))
            case yaml.SequenceNode():
                return [self._plain(item, f"{path}[{i}]", (*around, node)) for i, item in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: str, around: tuple[yaml.Node, ...]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                self._lines[path] = key.start_mark.line + 1
                raise self.error(path, "a key that is not text: quote it")
            name = self._text(key.value, path)
            inner = f"{path}.{name}"
            self._lines[inner] = key.start_mark.line + 1
            if name in mapping:
                raise self.error(inner, "the same key twice")
            mapping[name] = self._plain(value, inner, around)
        return mapping

    def _scalar(self, node: yaml.Node, path: str) -> Any:
        text: str = node.value
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "str" | "timestamp":
                return self._text(text, path)
            case "null":
                return None
            case "bool":
                # YAML 1.1 means yes, no, on and off as well, which are words to everybody else.
                return {"true": True, "false": False}.get(text.lower(), text)
            case "int" if _INTEGER.fullmatch(text):
                return int(text)
            case "float" if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
                return float(text)
            case "int" | "float":
                raise self.error(path, "not a plain decimal number; quote it if it is text")
            case _:
                raise self.error(path, "a kind of value that has no place here; quote it if it is text")

    def _text(self, text: str, path: str) -> str:
        """JSON escapes a character beyond the first 65,536 as two halves, which YAML's reader leaves apart."""
        if "\0" in text:  # which PostgreSQL does not store
            raise self.error(path, "a character that cannot be stored")
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as exc:
            raise self.error(path, "half a character: the other half is missing") from exc


class Plain(Source):
    """Plain data that come without a file: a part of a document, say, that a request holds.

    Attributes:
        data: as of ``Source``.
    """

    def __init__(self, data: Any, *, within: str = "") -> None:
        """Take ``data``. Errors in what stands at the path ``within`` name fields from there on, others their own.

        Raises:
            ConfigError: A text or number in it is none that can be stored.
        """
        self.file = ""
        self.data = data
        self._within = f"{ROOT}.{within}" if within else ROOT
        self._check(data, ROOT)

    def error(self, path: str, message: str) -> ConfigError:
        """A ``ConfigError`` about the part at ``path``; of one elsewhere, by the names of what it stands in."""
        if path != self._within and not path.startswith((f"{self._within}.", f"{self._within}[")):
            return ConfigError(f"{self._called(path)}: {message}")
        return ConfigError(message, field=path.removeprefix(self._within).removeprefix(".") or None)

    def _called(self, path: str) -> str:
        names, at, rest = list[str](), self.data, path.removeprefix(ROOT)
        while step := _NAMED.match(rest):
            at = at[step["list"]][int(step["index"])]
            names.append(at["name"])
            rest = rest[step.end() :]
        return ": ".join(part for part in ("/".join(names), rest.removeprefix(".")) if part)

    def _check(self, data: Any, path: str) -> None:
        match data:
            case dict():
                for key, value in data.items():
                    self._check(key, path)
                    self._check(value, f"{path}.{key}")
            case list() | tuple():
                for i, value in enumerate(data):
                    self._check(value, f"{path}[{i}]")
            case str() if "\0" in data:  # which PostgreSQL does not store
                raise self.error(path, "a character that cannot be stored")
            case int() if abs(data) >= 2**63:
                raise self.error(path, "a number that is too large")

"""Which fields of a transport's config are secret, and what the file's references to secrets stand for.

A secret never stands in the file. Its field holds ``{env: NAME}``, a variable of the environment of ``postroad apply``,
or ``{file: PATH}``, the text of a file without its last line break; a relative path begins at the folder of the
declaring file.

A request is no file: it comes from elsewhere, over TLS, and the environment and the files of the hub are none of its
business. There a secret is written out, and null stands for the one that is set.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from postroad.registry.apply.hints import structs_and_more
from postroad.registry.apply.source import Source
from postroad.registry.secrets import field_path


class Config(NamedTuple):
    """A transport's config as declared, its references resolved."""

    whole: dict[str, Any]
    """With the secrets."""
    public: dict[str, Any]
    """Without."""
    secrets: dict[str, str]
    """By path, as ``postroad.registry.secrets.field_path`` writes it."""


class Resolver:
    """Turns references into secrets."""

    def __init__(self, source: Source, environment: Mapping[str, str], folder: Path) -> None:
        """Look into ``environment``; relative paths of files begin at ``folder``."""
        self._source = source
        self._environment = environment
        self._folder = folder

    def config(self, declared: dict[str, Any], type_: type[msgspec.Struct], path: str) -> Config:
        """Resolve the references in a config, which stands at ``path``.

        Raises:
            ConfigError: A secret is written out, or a reference leads to nothing.
        """
        secrets: dict[str, str] = {}
        whole, public = self._mapping(declared, [inspect.type_info(type_)], path, (), secrets)
        return Config(whole, public, secrets)

    def secret(self, value: Any, path: str) -> str:
        """What a reference, which stands at ``path``, leads to. Raises like ``config``."""
        match value:
            case {"env": str(name), **rest} if not rest:
                secret = self._environment.get(name)
                if secret is None:
                    raise self._source.error(path, f"the environment variable {name} is not set")
            case {"file": str(name), **rest} if not rest:
                try:
                    secret = (self._folder / name).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
                except (OSError, ValueError) as exc:
                    reason = exc.strerror if isinstance(exc, OSError) else "not text"
                    raise self._source.error(path, f"the file {name} cannot be read: {reason}") from exc
            case _:
                raise self._source.error(path, "a secret does not stand in the file: write {env: NAME} or {file: PATH}")
        if not secret:
            raise self._source.error(path, "the secret is empty")
        return secret

    def _found(self, value: Any, path: str, _keys: tuple[str, ...]) -> str | None:
        """The secret of the field with these keys, whose value stands at ``path``."""
        return None if value is None else self.secret(value, path)

    def _mapping(
        self,
        declared: dict[str, Any],
        types: list[inspect.Type],
        path: str,
        keys: tuple[str, ...],
        secrets: dict[str, str],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        whole, public = dict(declared), dict(declared)
        for key, value in declared.items():
            inner_path, inner_keys = f"{path}.{key}", (*keys, key)
            inner = [info for outer in types for info in _field_types(outer, key, declared)]
            secret = self._found(value, inner_path, inner_keys) if any(map(_is_secret, inner)) else None
            if secret is not None:
                whole[key] = secrets[field_path(inner_keys)] = secret
                del public[key]
            elif isinstance(value, dict):
                bare = [bare for info in inner for bare in structs_and_more(info)]
                whole[key], public[key] = self._mapping(value, bare, inner_path, inner_keys, secrets)
        return whole, public


class Written(Resolver):
    """Takes secrets as they are written out, and null for those that are set."""

    def __init__(self, source: Source, kept: Callable[[str, str], str | None]) -> None:
        """``kept``: what is set, given the path of a config and that of a field in it."""
        self._source = source
        self._kept = kept

    def secret(self, value: Any, path: str) -> str:
        """The secret that stands at ``path``. Raises ``ConfigError``, which does not quote it."""
        match value:
            case "":
                raise self._source.error(path, "the secret is empty")
            case str():
                return value
            case {"env": _} | {"file": _}:
                raise self._source.error(path, "references are for files: write the secret itself")
            case _:
                raise self._source.error(path, "a secret is text")

    def _found(self, value: Any, path: str, keys: tuple[str, ...]) -> str | None:
        if value is not None:
            return self.secret(value, path)
        return self._kept(path.removesuffix("." + ".".join(keys)), field_path(keys))


def _field_types(info: inspect.Type, key: str, declared: dict[str, Any]) -> Iterator[inspect.Type]:
    """The declared types of ``key`` in a mapping of this type; of a tagged union only the chosen member speaks."""
    match info:
        case inspect.StructType(fields=fields, tag_field=tag_field, tag=tag):
            if tag_field is None or declared.get(tag_field, tag) == tag:
                yield from (field.type for field in fields if field.encode_name == key)
        case inspect.DictType(value_type=value):
            yield value


def _is_secret(info: inspect.Type) -> bool:
    match info:
        case inspect.Metadata(type=inner, extra_json_schema=schema):
            return bool(schema and schema.get("writeOnly")) or _is_secret(inner)
        case inspect.UnionType(types=members):
            return any(_is_secret(member) for member in members)
        case _:
            return False

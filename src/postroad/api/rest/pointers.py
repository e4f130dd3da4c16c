"""Paths of fields as our checks write them (``types[0]``, ``identifiers.connected_cars.vehicle``), as JSON pointers."""

import re
from typing import Any, Final

_INDEX: Final = re.compile(r"\[(\d+)\]")
_KEY: Final = re.compile(r"\.?([^.\[]+)")


def pointer(path: str, data: Any) -> str:
    """The JSON pointer (RFC 6901) of what stands at ``path`` in ``data``, or would.

    A key may hold dots and brackets: of those that are there the longest is meant.
    """
    tokens: list[str] = []
    rest = path
    while rest:
        if not isinstance(data, dict) and (index := _INDEX.match(rest)):
            token, rest = index[1], rest[index.end() :]
            data = data[int(token)] if isinstance(data, list) and int(token) < len(data) else None
        else:
            token, rest = _key(rest, data)
            data = data.get(token) if isinstance(data, dict) else None
        tokens.append(token)
    return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)


def _key(path: str, data: Any) -> tuple[str, str]:
    """The key with which ``path`` begins, and what comes behind it."""
    bare = path.removeprefix(".")
    if isinstance(data, dict):
        fitting = [key for key in data if bare.startswith(key) and bare[len(key) : len(key) + 1] in ("", ".", "[")]
        if fitting:
            key = max(fitting, key=len)
            return key, bare[len(key) :]
    found = _KEY.match(bare)
    return (found[1], bare[found.end() :]) if found else (bare, "")

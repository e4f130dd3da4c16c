"""What visitors ask: forms and queries, read with bounds on what they may hold."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from postroad.errors import NotFound
from postroad.ingest.http.reading import media_type_of

BODY_LIMIT_BYTES: Final = 16 * 1024
MAX_FIELDS: Final = 64


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, as far as it matters."""

    token: str
    """The visitor's."""
    address: str | None
    fields: Mapping[str, Sequence[str]]
    """Of the query, or of a form."""

    def one(self, name: str) -> str:
        """A field that is there once at most; empty: it is not. Raises ``NotFound`` if it is there more often."""
        values = self.fields.get(name, ())
        if len(values) > 1:
            raise NotFound(f"there are several of {name}")
        return values[0] if values else ""


def decoded(request: Request, body: bytes) -> Mapping[str, Sequence[str]] | None:
    """The fields of a form; ``None`` if that is no form."""
    if media_type_of(request) != "application/x-www-form-urlencoded":
        return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        return None
    if any("\0" in value for _, value in pairs):  # which no database takes
        return None
    return grouped(pairs)


def grouped(pairs: Sequence[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    """Name -> its values, in order."""
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields

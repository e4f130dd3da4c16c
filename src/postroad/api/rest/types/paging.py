"""Lists, page by page."""

from typing import Annotated, Generic, Protocol, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")

MAX_LIMIT = 200
USUAL_LIMIT = 50


Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT, description="How many items at most.")]
Cursor = Annotated[str | None, Meta(description="The `next_cursor` of the page before; the first without.")]


class Paged(Protocol):
    """A query that says which page of a list."""

    @property
    def limit(self) -> int:
        """How many items at most."""

    @property
    def cursor(self) -> str | None:
        """See ``Cursor``."""


class Paging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list."""

    limit: Limit = USUAL_LIMIT
    cursor: Cursor = None


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Some items of a list, in its order."""

    items: Annotated[list[T], Meta(description="Those of this page.")]
    next_cursor: Annotated[str | None, Meta(description="Gives the page behind this one; null: this is the last.")]

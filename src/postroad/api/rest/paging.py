"""Pages of a list that changes meanwhile: a cursor names the item behind which the next page begins.

So nothing that was there all along is missed or given twice, whatever is added or removed between two pages. A cursor
is no secret and opens nothing: it says where to go on in a list that is filtered for who asks, each time anew.
"""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from postroad.api.rest.problems import MALFORMED, Refused
from postroad.api.rest.types.paging import Page, Paged
from postroad.registry.apply import Part

_MAX_CHARS: Final = 1024
_MAX_ID: Final = 2**63 - 1

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item
Key = TypeVar("Key", int, str)


def cursor_at(key: int | str) -> str:
    """The cursor of the page behind the item with this key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(paging: Paged, type_: type[Key]) -> Key | None:
    """The key behind which a page begins; ``None``: at the beginning. Raises ``Refused`` for what is no cursor."""
    if paging.cursor is None:
        return None
    try:
        if len(paging.cursor) <= _MAX_CHARS:
            raw = base64.b64decode(paging.cursor + "=" * (-len(paging.cursor) % 4), b"-_", validate=True)
            key = msgspec.json.decode(raw, type=type_)
            if not isinstance(key, int) or abs(key) <= _MAX_ID:
                return key
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass  # what is shown says nothing about the cause
    raise Refused(MALFORMED, "cursor: not one of ours; give the next_cursor of the page before")


def page_of(items: Sequence[I], paging: Paged, make: Callable[[I], T], *, key: Callable[[I], int | str]) -> Page[T]:
    """The page that begins with ``items``: those behind its cursor, at least one more than its limit if there is."""
    some = items[: paging.limit]
    more = len(items) > len(some)
    return Page(items=[make(item) for item in some], next_cursor=cursor_at(key(some[-1])) if more else None)


def page_of_ids(ids: Sequence[int], paging: Paged, make: Callable[[int], T]) -> Page[T]:
    """A page of a list that is known by its ids, in order. Costs as much as the page, and a search."""
    after = key_of(paging, int)
    start = 0 if after is None else bisect_right(ids, after)
    return page_of(ids[start : start + paging.limit + 1], paging, make, key=lambda id_: id_)


def page_of_parts(parts: Sequence[Part], paging: Paged, make: Callable[[Part], T]) -> Page[T]:
    """The same of parts, all of which are at hand."""
    by_id = {part.id: part for part in parts}
    return page_of_ids([*by_id], paging, lambda id_: make(by_id[id_]))

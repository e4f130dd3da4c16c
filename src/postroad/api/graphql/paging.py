"""Pages of a list that others change meanwhile: a cursor names the item behind which the next page begins.

So nothing that was there all along is missed or given twice, whatever is added or removed between two pages. A cursor
has the form that the source's samples show: base64 of ``o=<order>%23<id>``, both numbers. Where a list is in the order
of its ids the two are the same.
"""

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from postroad.api.graphql.errors import bad_input

USUAL_FIRST: Final = 100
MAX_FIRST: Final = 1000
"""Items of a page."""

_FORM: Final = re.compile(rb"o=([0-9]{1,20})%23([0-9]{1,20})")
_MAX_CHARS: Final = 64

T = TypeVar("T")


class Cursor(NamedTuple):
    """The place of an item in its list."""

    order: int
    id: int

    def __str__(self) -> str:
        """As clients get it."""
        return base64.b64encode(b"o=%d%%23%d" % self).decode()

    @classmethod
    def read(cls, text: object) -> "Cursor":
        """Raises ``Refused`` unless we gave it, or could have; without its padding it is one too."""
        if isinstance(text, str) and len(text) <= _MAX_CHARS:
            try:
                found = _FORM.fullmatch(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
            except (binascii.Error, ValueError):
                found = None
            if found is not None:
                return cls(int(found[1]), int(found[2]))
        raise bad_input("This is no cursor of ours: give `after` the `endCursor` of a page")


class PageInfo(msgspec.Struct, frozen=True):
    """Where a page stands in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: Cursor | None
    end_cursor: Cursor | None


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some items of a list, in its order."""

    items: Sequence[T]
    page_info: PageInfo


def page_of_ids(ids: Sequence[int], make: Callable[[int], T], *, first: int, after: Cursor | None) -> Page[T]:
    """A page of a list that is known by its ids, in order. Costs as much as the page, and a search."""
    start = 0 if after is None else bisect_right(ids, after.id)
    some = ids[start : start + first]
    return Page(
        [make(id_) for id_ in some],
        PageInfo(
            has_next_page=start + len(some) < len(ids),
            has_previous_page=start > 0,
            start_cursor=Cursor(some[0], some[0]) if some else None,
            end_cursor=Cursor(some[-1], some[-1]) if some else None,
        ),
    )


def checked_first(first: int | None, *, usual: int, most: int) -> int:
    """How many were asked for; null is as if nothing was said. Raises ``Refused`` unless it is from 1 to ``most``."""
    if first is None:
        return usual
    if not 1 <= first <= most:
        raise bad_input(f"`first` is from 1 to {most}")
    return first

"""Pages of a list that changes: nothing that was there all along is missed, or given twice."""

import base64
import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.graphql_site import DELETE, GraphQLSite, subscription
from postroad.api.graphql.errors import Refused
from postroad.api.graphql.paging import Cursor, Page, page_of_ids

IDS = st.integers(1, 40)


def pages(lists: Sequence[set[int]], first: int) -> list[Page[int]]:
    """Every page, each of the list as it is then; the last one stays."""
    after, found = None, []
    for _ in range(500):
        ids = sorted(lists[min(len(found), len(lists) - 1)])
        page = page_of_ids(ids, lambda id_: id_, first=first, after=after)
        found.append(page)
        if not page.page_info.has_next_page:
            return found
        after = Cursor.read(str(page.page_info.end_cursor))
    raise AssertionError("the pages lead nowhere")


@given(st.lists(st.sets(IDS), min_size=1, max_size=12), st.integers(1, 7))
@settings(max_examples=300)
def test_what_was_there_all_along_is_given_exactly_once(lists: list[set[int]], first: int) -> None:
    given_ = [item for page in pages(lists, first) for item in page.items]
    assert given_ == sorted(set(given_)), "in order, and none twice"
    assert set.intersection(*lists) <= set(given_)
    assert set(given_) <= set.union(*lists)


@given(st.sets(IDS), st.integers(1, 7), st.none() | IDS)
def test_a_page_says_truly_what_is_before_and_behind_it(ids: set[int], first: int, after: int | None) -> None:
    page = page_of_ids(sorted(ids), lambda id_: id_, first=first, after=after and Cursor(after, after))
    assert len(page.items) <= first
    behind = {id_ for id_ in ids if page.items and id_ > page.items[-1]}
    before = {id_ for id_ in ids if id_ < page.items[0]} if page.items else {id_ for id_ in ids if id_ <= (after or 0)}
    assert page.page_info.has_next_page is bool(behind)
    assert page.page_info.has_previous_page is bool(before)
    ends = (page.items[0], page.items[-1]) if page.items else (None, None)
    assert [cursor and cursor.id for cursor in (page.page_info.start_cursor, page.page_info.end_cursor)] == [*ends]


@given(st.integers(0, 2**63), st.integers(0, 2**63))
def test_a_cursor_is_what_it_was(order: int, id_: int) -> None:
    text = str(Cursor(order, id_))
    assert base64.b64decode(text) == b"o=%d%%23%d" % (order, id_)
    assert Cursor.read(text) == Cursor.read(text.rstrip("=")) == (order, id_)


@given(st.text() | st.binary().map(lambda body: base64.b64encode(body).decode()) | st.integers() | st.none())
@settings(max_examples=300)
def test_anything_else_is_refused_as_one(text: object) -> None:
    try:
        cursor = Cursor.read(text)
    except Refused:
        return
    assert str(cursor).rstrip("=") == str(text).rstrip("="), "it could have been ours"


PAGE = """
query Page($after: Cursor) {
  vehicleDataStreams(first: 3, after: $after) { items { id } pageInfo { hasNextPage endCursor } }
}
"""


async def test_the_hubs_lists_page_so_while_streams_come_and_go(graphql_site: GraphQLSite) -> None:
    plates = [f"PL{n:02}" for n in range(24)]
    graphql_site.declare(dict.fromkeys(plates, "F"), [subscription("positions")])
    graphql_site.give("F")
    all_along = {stream.id for stream in graphql_site.add(*plates[:16])}
    await graphql_site.start()
    draw, seen, after = random.Random(5), list[int](), None
    for turn in itertools.count():
        page = (await graphql_site.ask(PAGE, {"after": after})).data["vehicleDataStreams"]
        seen += [item["id"] for item in page["items"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        if turn < 3:  # one goes, seen or not, and one comes
            gone = draw.choice(sorted(all_along))
            all_along.discard(gone)
            assert (await graphql_site.ask(DELETE, {"ids": [gone]})).data
            graphql_site.add(plates[16 + turn])
            await graphql_site.seen()
    assert seen == sorted(set(seen))
    assert all_along <= set(seen)
    assert len(all_along) == 13


@pytest.mark.parametrize("first", [1, 7, 1000])
def test_a_page_costs_what_it_shows(first: int) -> None:
    made: list[int] = []
    page_of_ids(range(100_000), made.append, first=first, after=Cursor(50_000, 50_000))
    assert len(made) == first

"""Pages of a list that changes meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from fixtures.rest_site import RestSite
from postroad.api.rest.paging import page_of_ids
from postroad.api.rest.types.paging import Paging

ids = st.integers(1, 60)


@given(
    st.sets(ids, max_size=30),
    st.lists(st.tuples(st.sets(ids, max_size=5), st.sets(ids, max_size=5)), max_size=12),
    st.integers(1, 7),
)
def test_what_is_there_all_along_is_given_once_and_in_order(
    first: set[int], changes: list[tuple[set[int], set[int]]], limit: int
) -> None:
    now, always, ever, given_ = set(first), set(first), set(first), list[int]()
    cursor, waiting = None, iter(changes)
    while True:
        page = page_of_ids(sorted(now), Paging(limit=limit, cursor=cursor), lambda id_: id_)
        assert len(page.items) <= limit
        assert given_[-1:] < page.items[:1] or not page.items
        given_ += page.items
        if (cursor := page.next_cursor) is None:
            break
        added, removed = next(waiting, (set(), set()))
        now = (now | added) - removed
        always -= removed
        ever |= added
    assert given_ == sorted(set(given_))
    assert always <= set(given_) <= ever


async def test_pages_go_on_behind_what_was_deleted_meanwhile(site: RestSite) -> None:
    for name in ("C", "D", "E"):
        await site.put(f"/organizations/{name}", {})
    page = (await site.get("/organizations?limit=3")).json
    assert [item["name"] for item in page["items"]] == ["Andes", "Nord", "C"]
    for name in ("Andes", "C"):
        await site.delete(f"/organizations/{name}")
    await site.put("/organizations/F", {})
    rest = (await site.get(f"/organizations?limit=3&cursor={page['next_cursor']}")).json
    assert ([item["name"] for item in rest["items"]], rest["next_cursor"]) == (["D", "E", "F"], None)


async def test_vehicles_come_page_by_page_too(site: RestSite) -> None:
    for n in range(5):
        await site.post("/organizations/Andes/vehicles", {"plate": f"P{n}"})
    got, path = [], "/organizations/Andes/vehicles?limit=2"
    while True:
        page = (await site.get(path)).json
        got += [item["plate"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        path = f"/organizations/Andes/vehicles?limit=2&cursor={page['next_cursor']}"
    assert got == [f"P{n}" for n in range(5)]


async def test_the_cursor_of_another_list_opens_nothing(site: RestSite) -> None:
    await site.put("/organizations/C", {})
    cursor = (await site.get("/organizations?limit=1")).json["next_cursor"]
    stranger = site.key("fleet_owner", "Nord")
    await site.seen()
    assert (await site.get(f"/organizations?cursor={cursor}", by=stranger)).json["items"] == []

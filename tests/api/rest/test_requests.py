"""What a request may look like: its path, its query."""

import pytest

from fixtures.rest_site import RestSite


@pytest.mark.parametrize("path", ["/no%0Athing", "/organizations/And%0Aes", "/%0A", "//", "/organizations/Andes/"])
async def test_whatever_path_is_asked_for_is_answered_as_a_problem(site: RestSite, path: str) -> None:
    answer = await site.get(path)
    assert (answer.status, answer.kind) == (404, "not-found")


@pytest.mark.parametrize(
    "query",
    ["limit=null", "limit=1.0", "limit=+1", "limit=01", "limit=1e1", "limit=0", "limit=201", "limit=", "cursors=1"],
)
async def test_a_query_is_read_as_strictly_as_a_body(site: RestSite, query: str) -> None:
    refused = await site.get(f"/organizations?{query}")
    assert (refused.status, refused.kind) == (400, "malformed-request")


async def test_a_filter_that_is_said_is_never_taken_for_one_that_is_not(site: RestSite) -> None:
    assert (await site.get("/subjects?kind=null")).status == 400
    assert (await site.get("/audit-log?since=1")).status == 400
    assert (await site.get("/subjects?kind=driver")).json["items"] == []


async def test_a_path_that_is_named_goes_before_one_with_a_parameter(site: RestSite) -> None:
    refused = await site.get("/erasures/preview")
    assert (refused.status, refused.kind, refused.headers["Allow"]) == (405, "method-not-allowed", "POST")

"""One hub for all tests of a file that change nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fixtures.graphql_site import GraphQLSite, made_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GraphQLSite]:
    """It runs. ``garage`` has access to AA and BB, and a stream of AA; ``spy`` to SS, with a stream."""
    async with made_in(tmp_path_factory.mktemp("still")) as site:
        site.declare({"AA": "F", "BB": "F", "CC": None, "SS": "G"})
        site.give("F")
        site.give("G", to="spy")
        site.add("AA", reference="ours/1")
        site.add("SS", to="theirs", reference="theirs/1")
        await site.start()
        yield site

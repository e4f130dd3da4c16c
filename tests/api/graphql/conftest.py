"""One hub for all tests of a file that change nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fixtures.graphql_site import GraphQLSite, made_in, subscription


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GraphQLSite]:
    """It runs. ``garage`` has access to fleet F and to CC by itself, ``spy`` to G; some vehicles have streams."""
    async with made_in(tmp_path_factory.mktemp("still")) as site:
        declare(site)
        site.add("AA", "BB", reference="ours/1")
        site.add("AA", to="more")
        site.add("SS", to="theirs", reference="theirs/1")
        await site.start()
        yield site


@pytest.fixture
async def site(graphql_site: GraphQLSite) -> GraphQLSite:
    """The same without streams, to be changed."""
    declare(graphql_site)
    await graphql_site.start()
    return graphql_site


def declare(site: GraphQLSite) -> None:
    vehicles = {"AA": "F", "BB": "F", "CC": None, "DD": None, "SS": "G"}
    site.declare(vehicles, [subscription("positions"), subscription("all", "granted"), subscription("more")])
    for name in ("F", "CC"):
        site.give(name)
    site.give("G", to="spy")

"""A site with two organizations."""

import pytest

from fixtures.rest_site import RestSite


@pytest.fixture
async def site(rest_site: RestSite) -> RestSite:
    rest_site.apply({"organizations": [{"name": "Andes"}, {"name": "Nord"}]})
    await rest_site.start()
    return rest_site

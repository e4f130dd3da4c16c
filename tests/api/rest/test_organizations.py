"""Organizations."""

from fixtures.rest_site import RestSite


async def test_what_is_declared_is_listed_and_got_by_name_and_by_id(site: RestSite) -> None:
    assert await site.names("/organizations") == ["Andes", "Nord"]
    by_name = await site.get("/organizations/Andes")
    assert by_name.json == {"id": 1, "name": "Andes"}
    assert (await site.get("/organizations/1")).body == by_name.body


async def test_one_that_is_put_is_created_once(site: RestSite) -> None:
    created = await site.put("/organizations/New Company", {})
    assert (created.status, created.json["name"]) == (201, "New Company")
    assert created.headers["Location"] == f"/api/v1/organizations/{created.json['id']}"
    version = site.store.version()
    again = await site.put("/organizations/New Company", created.json)
    assert (again.status, again.body, again.etag) == (200, created.body, created.etag)
    assert site.store.version() == version


async def test_a_name_is_checked_as_apply_checks_it(site: RestSite) -> None:
    refused = await site.put("/organizations/" + "x" * 101, {})
    assert (refused.status, refused.kind, refused.pointers) == (422, "invalid", ["/name"])
    refused = await site.put("/organizations/Andes", {"name": "Other"})
    assert (refused.status, refused.kind, refused.pointers) == (422, "invalid", ["/name"])
    assert (await site.put("/organizations/77", {})).status == 404


async def test_one_that_is_deleted_is_gone_with_all_that_belongs_to_it(site: RestSite) -> None:
    site.apply(
        {
            "organizations": [
                {
                    "name": "Andes",
                    "providers": [{"name": "gps", "protocol": "drivetech"}],
                    "vehicles": [{"plate": "AA"}],
                }
            ]
        }
    )
    assert (await site.delete("/organizations/Andes")).status == 204
    assert await site.names("/organizations") == ["Nord"]
    view = site.store.view()
    assert (dict(view.providers), [one for one in view.subjects.values() if not one.removed]) == ({}, [])
    assert (await site.delete("/organizations/Andes")).status == 404

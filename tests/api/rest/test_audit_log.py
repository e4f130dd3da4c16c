"""The audit log by REST: what is changed by REST is in it, and whoever reads it sees his own organization's only."""

import json

import pytest

from fixtures.rest_site import RestSite
from postroad.registry import audit_export
from postroad.registry.audit_chain import verified
from postroad.registry.audit_log import Wanted


@pytest.fixture
async def auditing(site: RestSite) -> RestSite:
    site.tokens |= {"auditor": site.key("auditor"), "andes": site.key("auditor", "Andes")}
    await site.seen()
    return site


async def test_a_change_by_rest_is_an_entry_with_who_asked_and_from_where(auditing: RestSite) -> None:
    site = auditing
    before = site.store.audit_log.head().number
    assert (await site.put("/organizations/Andes/providers/gps", {"protocol": "drivetech"})).status == 201
    [entry] = (await site.get("/audit-log?limit=1")).json["items"]
    assert entry["number"] == before + 1
    assert (entry["origin"], entry["role"], entry["address"]) == ("rest", "operator", "127.0.0.1")
    assert entry["actor"].startswith("API key ")
    assert (entry["action"], entry["kind"], entry["name"]) == ("create", "provider", "Andes/gps")
    assert entry["organization_id"] == 1
    assert entry["fields"]["protocol"] == [None, "drivetech"]
    assert (await site.get(f"/audit-log/{entry['number']}")).json == entry
    assert (await site.put("/organizations/Andes/providers/gps", {"protocol": "no such"})).status == 422
    assert site.store.audit_log.head().number == before + 1, "what fails is none"


async def test_an_auditor_of_one_organization_sees_its_entries_only(auditing: RestSite) -> None:
    site = auditing
    await site.put("/organizations/Nord/providers/gps", {"protocol": "drivetech"})
    nords = (await site.get("/audit-log?limit=1")).json["items"][0]
    assert nords["organization_id"] == 2
    seen = (await site.get("/audit-log", by="andes")).json["items"]
    assert {entry["organization_id"] for entry in seen} == {1}
    assert (await site.get("/audit-log?organization_id=1", by="andes")).json["items"] == seen
    assert (await site.get(f"/audit-log/{seen[0]['number']}", by="andes")).json == seen[0]
    for path in (
        "/audit-log?organization_id=2",
        f"/audit-log/{nords['number']}",
        "/audit-log/999",
        "/audit-log/head",
        "/audit-log/records",
    ):
        assert (await site.get(path, by="andes")).status == 404, path


async def test_entries_are_found_and_turned_over_page_by_page(auditing: RestSite) -> None:
    site = auditing
    everything = (await site.get("/audit-log", by="auditor")).json["items"]
    numbers = [entry["number"] for entry in everything]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == site.store.audit_log.head().number
    found, cursor = [], ""
    while cursor is not None:
        page = (await site.get(f"/audit-log?limit=2{cursor and f'&cursor={cursor}'}")).json
        found += [entry["number"] for entry in page["items"]]
        cursor = page["next_cursor"]
        await site.post("/tokens", {"role": "operator"})  # what is new is above where the reader is
    assert found == numbers
    made = (await site.get("/audit-log?action=create&kind=organization")).json["items"]
    assert {entry["name"] for entry in made} == {"Andes", "Nord"}
    only = (await site.get(f"/audit-log?kind=organization&id={made[0]['id']}")).json["items"]
    assert only == made[:1]
    actor = everything[0]["actor"]
    assert all(entry["actor"] == actor for entry in (await site.get(f"/audit-log?actor={actor}")).json["items"])
    at = made[0]["at"]
    assert (await site.get(f"/audit-log?since={at}&until={at}")).json["items"] == []
    assert made[0] in (await site.get(f"/audit-log?since={at}")).json["items"]
    assert (await site.get("/audit-log?since=2026-01-01T00:00:00")).status == 400, "of what offset?"


async def test_an_export_by_rest_is_verified_as_that_of_the_command_line_is(auditing: RestSite) -> None:
    site, lines, cursor = auditing, list[bytes](), ""
    while cursor is not None:
        page = (await site.get(f"/audit-log/records?limit=3{cursor and f'&cursor={cursor}'}", by="auditor")).json
        lines += [json.dumps(item).encode() for item in page["items"]]
        cursor = page["next_cursor"]
    head = (await site.get("/audit-log/head", by="auditor")).json
    noted = audit_export.head(head["head"])
    assert (noted.number, noted.hash.hex()) == (head["number"], head["hash"])
    assert verified(audit_export.read(lines, "export"), None, noted) == noted == site.store.audit_log.verify()
    assert len(lines) == len(site.store.audit_log.listed(Wanted(), limit=10_000))

"""Who may do what by REST: every operation of the document, every role, held against the rows written by hand."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fixtures.ops_site import OpsSite
from fixtures.rest_rows import ALL, ROWS, Row
from fixtures.rest_site import RestAnswer, RestSite, made_in
from postroad.access.policy import Operation
from postroad.api.rest.openapi import document
from postroad.api.rest.resources import ROUTES
from postroad.registry import chosen, grants

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOOK = {"name": "hook", "transport": "https", "config": {"url": "https://127.0.0.1:1/"}}
POSITIONS = {"name": "positions", "protocol": "connected_cars", "destination": "hook", "types": ["gps_position"]}
CHOSEN = POSITIONS | {"name": "chosen", "vehicles": "chosen"}
ORGANIZATIONS = {
    "organizations": [
        {
            "name": "Andes",
            "providers": [{"name": "gps", "protocol": "drivetech"}],
            "fleets": [{"name": "Trucks"}],
            "vehicles": [{"plate": "BB22"}, {"plate": "AA11", "fleet": "Trucks"}],
            "integrations": [{"name": "insurer", "destinations": [HOOK], "subscriptions": [POSITIONS, CHOSEN]}],
        },
        {"name": "Nord", "integrations": [{"name": "spy"}]},
    ]
}
NEVER = '"nobody has this"'
"""A condition under which nothing is changed."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peopled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpsSite]:
    """A site that somebody of every role asks."""
    async with made_in(tmp_path_factory.mktemp("peopled"), OpsSite) as site:
        site.apply(ORGANIZATIONS)
        site.tokens |= {
            "auditor": site.key("auditor"),
            "auditor_a": site.key("auditor", "Andes"),
            "fleet_owner": site.key("fleet_owner", "Andes"),
            "provider": site.key("provider", "Andes/gps"),
            "integration": site.key("integration", "Andes/insurer"),
            "nord": site.key("fleet_owner", "Nord"),
            "spy": site.key("integration", "Nord/spy"),
        }
        with site.store.transaction() as change:
            grants.give(change, 1, 3)
            [stream] = chosen.add(change, [1], [chosen.NewStream(3, 2, None)])
        await site.start()
        await has_records(site)
        key = {"audience": "https://hub.example", "key_id": "k", "public_key": b"p"}
        site.there |= {
            "token": site.store.issue_key("fleet_owner", "Andes", "test")[0],
            "account": site.store.create_service_account("fleet_owner", "Andes", **key),
            "stream": str(stream.id),
        }
        yield site


async def has_records(site: OpsSite) -> None:
    """Something of Andes of all that operators look at."""
    [item] = await site.unreadable(b"{}", by="gps")
    asked_for = {"reasons": ["none"], "subscription_ids": [site.subscription("positions")]}
    task = await site.post("/dead-letters/redrive", asked_for, by="integration")
    erasure = await site.post("/erasures", {"kind": "trip", "name": "another", "provider_id": site.provider("gps")})
    assert erasure.json["id"] == 1
    site.there = {
        "item": item,
        "letter": await site.bury("positions", int(item.partition(":")[2]), plate="AA11"),
        "task": task.json["id"],
    }


async def test_every_operation_of_the_document_has_a_row() -> None:
    operations = [operation for path in document()["paths"].values() for operation in path.values()]
    assert {operation["operationId"] for operation in operations} == ROWS.keys()
    for operation in operations:
        Operation(operation["x-postroad-operation"])
    assert len(operations) == len(ROWS)


@pytest.mark.parametrize("operation", ROWS)
@pytest.mark.parametrize("who", sorted(ALL))
async def test_an_operation_is_for_those_in_its_row_and_to_others_there_is_nothing(
    peopled: OpsSite, operation: str, who: str
) -> None:
    row = ROWS[operation]
    answer = await asked(peopled, operation, row, row.path, who)
    if who in row.who:
        assert answer.status in (200, 201, 204, 409, 412), answer
    else:
        assert (answer.status, answer.kind) == (404, "not-found")
    of_nobody = row.path.replace("Andes", "Nowhere")
    for path in {row.nowhere, of_nobody} - {None, row.path, "/organizations/Nowhere" if row.body is not None else None}:
        nowhere = await asked(peopled, operation, row, str(path), who)
        assert nowhere.status == 404
        if who not in row.who:
            assert (answer.body, visible(answer)) == (nowhere.body, visible(nowhere))


async def asked(site: OpsSite, operation: str, row: Row, path: str, who: str) -> RestAnswer:
    route = next(route for route in ROUTES if route.id == operation)
    condition = {"If_Match": NEVER} if route.current is not None else {}
    answer = await site.ask(route.method, path.format(**site.there), row.body, by=who, **condition)
    if answer.status < 300 and operation == "remove_vehicle_from_fleet":
        await site.post(path)
    return answer


def visible(answer: RestAnswer) -> set[tuple[str, str]]:
    return {(name, value) for name, value in answer.headers.items() if name.lower() != "date"}


async def test_a_list_shows_what_is_ones_own(peopled: RestSite) -> None:
    seen = {who: await peopled.names("/organizations", by=who) for who in sorted(ALL)}
    assert {who: names for who, names in seen.items() if names} == {
        "operator": ["Andes", "Nord"],
        "auditor": ["Andes", "Nord"],
        "auditor_a": ["Andes"],
    }
    assert await peopled.names("/organizations/Andes/providers", by="provider") == ["gps"]
    assert await peopled.names("/organizations/Andes/integrations", by="integration") == ["insurer"]


async def test_nobody_reads_all_subjects_but_who_sees_all_organizations(peopled: RestSite) -> None:
    assert {who: (await peopled.get("/subjects", by=who)).status for who in sorted(ALL)} == {
        **dict.fromkeys(ALL, 404),
        "operator": 200,
        "auditor": 200,
    }


async def test_what_is_of_another_organization_is_not_found_through_ones_own(peopled: RestSite) -> None:
    for path in ("/organizations/Nord/vehicles/3", "/organizations/Nord/fleets/Trucks/vehicles/3"):
        assert (await peopled.get(path)).status in (404, 405)
        assert (await peopled.delete(path)).status == 404
    assert (await peopled.get("/organizations/Nord/integrations/insurer")).status == 404

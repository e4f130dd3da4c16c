"""Every mutation is an entry of the audit log: by whom, and from where."""

from typing import Any

from fixtures.graphql_site import ADD, DELETE, DELETE_ALL, GRANT, REVOKE, UPDATE, GraphQLSite
from postroad.api.graphql.operations import Operations
from postroad.registry.store import RegistryStore


async def test_every_mutation_is_noted_with_who_asked_and_from_where(site: GraphQLSite) -> None:
    owner = site.key("fleet_owner", "nord")
    await site.seen()
    [stream] = (await site.ask(ADD, site.wanted("AA"))).data["addVehicleDataStreams"]
    given = {"integrationId": site.integration("spy"), "vehicleId": site.vehicle("DD")}
    asked: dict[str, tuple[str, Any, str, str, str]] = {
        "updateVehicleDataStream": (UPDATE, {"id": stream["id"], "url": "a"}, "garage", "update", "stream"),
        "deleteVehicleDataStreams": (DELETE, {"ids": [stream["id"]]}, "garage", "delete", "stream"),
        "addVehicleDataStreams": (ADD, site.wanted("BB", referenceUrl="b"), "garage", "create", "stream"),
        "deleteAllVehicleDataStreams": (DELETE_ALL, {"ids": [site.vehicle("BB")]}, "garage", "delete", "stream"),
        "grantIntegrationAccess": (GRANT, {"input": given}, owner, "create", "grant"),
        "revokeIntegrationAccess": (REVOKE, {"input": given}, owner, "revoke", "grant"),
    }
    mutations = Operations(site.store, None).resolvers()["Mutation"]  # type: ignore[arg-type]  # asked for names only
    assert set(asked) == set(mutations), "a new mutation is to be noted, and to be asked here"
    for name, (text, variables, by, action, kind) in asked.items():
        before = site.store.audit_log.head().number
        answer = await site.ask(text, variables, by=by)
        assert answer.data, name
        [entry] = _since(site.store, before)
        assert (entry.action, entry.kind, entry.origin) == (action, kind, "graphql"), name
        assert entry.role == ("integration" if by == "garage" else "fleet_owner")
        assert entry.who is not None
        assert (entry.who.address, entry.subject_id is None) == ("127.0.0.1", False)
        assert entry.who.name.startswith("integration garage" if by == "garage" else "API key")
        assert entry.organization_id == site.organization("shop" if kind == "stream" else "nord")
    head = site.store.audit_log.head()
    assert (await site.ask(GRANT, {"input": given}, by="spy")).refused("FORBIDDEN")
    assert site.store.audit_log.head() == head


def _since(store: RegistryStore, number: int) -> list[Any]:
    return [entry for entry in store.audit_log.listed() if entry.number > number]

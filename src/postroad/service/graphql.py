"""The GraphQL server, of the hub's parts."""

from collections.abc import Mapping

from postroad.api.authenticator import Authenticator
from postroad.api.graphql.insight import Insight
from postroad.api.graphql.operations import Operations
from postroad.api.graphql.server import GraphQLServer
from postroad.clock import Clock
from postroad.delivery.backlog import Backlogs
from postroad.delivery.manager import DeliveryManager, Shard
from postroad.ingest.http.limits import rate_limit
from postroad.protocols import TARGETS
from postroad.registry.store import RegistryStore
from postroad.routing.translation import Decoder
from postroad.service.following import RegistryFollower
from postroad.settings import LimitsSettings


def graphql_server(
    registry: RegistryStore,
    shards: Mapping[int, Shard],
    manager: DeliveryManager,
    backlogs: Backlogs,
    *,
    authenticator: Authenticator,
    decoder: Decoder,
    following: RegistryFollower,
    limits: LimitsSettings,
    clock: Clock,
) -> GraphQLServer:
    """The server. It answers a mutation when the hub works by it."""
    insight = Insight(shards, manager, backlogs, registry, decoder=decoder, targets=TARGETS)
    return GraphQLServer(
        Operations(registry, insight),
        authenticate=authenticator.principal,
        view=lambda: following.view,
        refresh=following.refresh,
        confirmed=following.confirmed,
        rate=rate_limit(limits.graphql_requests_per_s, limits.burst_s, clock),
        clock=clock,
    )

"""The REST API, of the hub's parts."""

from postroad.access.principals import actor_of
from postroad.api.authenticator import Authenticator
from postroad.api.rest.call import Services
from postroad.api.rest.exchange import Exchange
from postroad.api.rest.server import RestServer
from postroad.clock import Clock
from postroad.ingest.http.limits import rate_limit
from postroad.service.declarable import catalogue
from postroad.service.folder import OpenFolder
from postroad.service.following import RegistryFollower
from postroad.service.inbound import NEW_SUBJECTS_SHARD
from postroad.settings import LimitsSettings


def rest_server(
    opened: OpenFolder,
    *,
    authenticator: Authenticator,
    following: RegistryFollower,
    limits: LimitsSettings,
    clock: Clock,
) -> RestServer:
    """The server. It answers a change when the hub works by it."""
    services = Services(keys=opened.keys, catalogue=catalogue(), shard=NEW_SUBJECTS_SHARD)
    return RestServer(
        Exchange(services, acting=lambda by, address: opened.registry.acting(actor_of(by, "rest", address))),
        authenticate=authenticator.principal,
        view=lambda: following.view,
        refresh=following.refresh,
        confirmed=following.confirmed,
        rate=rate_limit(limits.rest_requests_per_s, limits.burst_s, clock),
    )

"""The REST API, of the hub's parts."""

import asyncio

from postroad.access.principals import actor_of
from postroad.api.authenticator import Authenticator
from postroad.api.rest.call import Services
from postroad.api.rest.exchange import Exchange
from postroad.api.rest.server import RestServer
from postroad.clock import Clock
from postroad.delivery.manager import DeliveryManager
from postroad.delivery.trial import Trial, tried
from postroad.ingest.http.limits import rate_limit
from postroad.metrics.counts import Counts
from postroad.registry.records import Destination, Subscription
from postroad.service.declarable import catalogue
from postroad.service.folder import OpenFolder
from postroad.service.following import RegistryFollower
from postroad.service.inbound import NEW_SUBJECTS_SHARD
from postroad.service.outbound import egress_of
from postroad.settings import Settings


def rest_server(
    opened: OpenFolder,
    manager: DeliveryManager,
    *,
    authenticator: Authenticator,
    following: RegistryFollower,
    counts: Counts,
    settings: Settings,
    clock: Clock,
) -> RestServer:
    """The server. It answers a change when the hub works by it."""

    def try_out(subscription: Subscription, destination: Destination) -> Trial:
        """In a loop of its own: it is called in a thread, and what it opens is closed with it."""

        async def trial() -> Trial:
            egress = egress_of(settings, clock)
            try:
                return await tried(subscription, destination, opened.keys, egress, clock)
            finally:
                await egress.close()

        return asyncio.run(trial())

    services = Services(
        keys=opened.keys,
        catalogue=catalogue(),
        shard=NEW_SUBJECTS_SHARD,
        try_out=try_out,
        readers=opened.readers,
        streams=lambda: manager.streams,
        last_message_us=counts.last_message_us.get,
        monotonic_s=clock.monotonic_s,
    )
    return RestServer(
        Exchange(services, acting=lambda by, address: opened.registry.acting(actor_of(by, "rest", address))),
        authenticate=authenticator.principal,
        view=lambda: following.view,
        refresh=following.refresh,
        confirmed=following.confirmed,
        rate=rate_limit(settings.limits.rest_requests_per_s, settings.limits.burst_s, clock),
    )

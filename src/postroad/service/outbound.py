"""The way out: the outbound client, the destinations opened through it, and who is told what became of deliveries."""

import functools
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from postroad.clock import Clock
from postroad.delivery.attempts import AttemptRecorder
from postroad.delivery.delivery import Bulk, Overseer
from postroad.delivery.expiry import Lost
from postroad.delivery.manager import CarriageOf, OpenTransport, ShardAttemptObserver, Sign
from postroad.delivery.signing import SigningTransport, signer_for
from postroad.delivery.watch import AttemptWatch
from postroad.egress.client import EgressClient
from postroad.egress.guard import parse_networks
from postroad.errors import ConfigError
from postroad.log.delivery import EXPIRED, Changes, Skip
from postroad.log.interface import ShardLog
from postroad.metrics.counts import Counts
from postroad.registry.records import Destination, Subscription
from postroad.registry.secrets import KeyRing, opened_config
from postroad.routing.router import Gap
from postroad.settings import Settings
from postroad.transports import TRANSPORTS
from postroad.transports.base import Outcome, Transport
from postroad.transports.bounded import BoundedTransport
from postroad.transports.spec import Carriage, TransportSpec

_log = logging.getLogger(__name__)


def egress_of(settings: Settings, clock: Clock) -> EgressClient:
    """The outbound client by this hub's rules. Raises ``ConfigError``."""
    return EgressClient(
        allowed=parse_networks(settings.egress.allow_cidrs), ca_file=settings.egress.ca_file or None, clock=clock
    )


def transport_opener(keys: KeyRing, egress: EgressClient, clock: Clock) -> OpenTransport:
    """See ``OpenTransport``: secrets are unsealed by ``keys``, and nothing goes out but through ``egress``."""

    def open_transport(destination: Destination) -> Transport:
        spec, config = _configured(destination, keys)
        limit = spec.max_message_bytes(config)
        transport = spec.open(config, egress, clock)
        return transport if limit is None else BoundedTransport(transport, limit)

    return open_transport


def carriage_reader(keys: KeyRing) -> CarriageOf:
    """See ``CarriageOf``: secrets are unsealed by ``keys``."""

    def carriage_of(destination: Destination) -> Carriage:
        spec, config = _configured(destination, keys)
        return spec.carriage(config)

    return carriage_of


def _configured(destination: Destination, keys: KeyRing) -> tuple[TransportSpec, Any]:
    """Its transport, and its config with open secrets. Raises ``ConfigError``."""
    spec = TRANSPORTS[destination.transport]
    try:
        return spec, msgspec.convert(opened_config(destination, keys), spec.config_type)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"destination {destination.name}: {exc}") from exc


def signatures(keys: KeyRing, clock: Clock) -> Sign:
    """See ``Sign``: secrets are unsealed by ``keys``."""

    def sign(subscription: Subscription) -> Callable[[Transport], Transport] | None:
        signer = signer_for(subscription, keys)
        return None if signer is None else functools.partial(SigningTransport, signer=signer, clock=clock)

    return sign


def observer_of_attempts(attempts: AttemptRecorder, watch: AttemptWatch) -> ShardAttemptObserver:
    """Tells everybody who wants to know how an attempt ended."""

    def observe(
        shard: int, subscription_id: int, bulk: Bulk, attempt: int, outcome: Outcome, retry_in_s: float | None
    ) -> None:
        attempts.observe(shard, subscription_id, bulk, attempt, outcome)
        watch.observe(shard, subscription_id, bulk, attempt, outcome, retry_in_s)

    return observe


def loss_reporter(counts: Counts, overseer: Overseer) -> Lost:
    """See ``Lost``: what a subscription has lost is counted, logged, and somebody is told."""

    def report(subscription_id: int, shard: int, events: int, why: str) -> None:
        counts.events_lost.add(subscription_id, shard, by=events)
        overseer.raise_alert("events_expired", subscription_id, why)
        _log.warning("Subscription %d lost %d events of shard %d: %s", subscription_id, events, shard, why)

    return report


def gap_reporter(counts: Counts, overseer: Overseer, log: ShardLog) -> Gap:
    """See ``Gap``: what nobody can count any more is recorded all the same."""

    async def report(subscription_id: int, first: int, end: int) -> None:
        shard = log.shard
        skip = Skip(first, end, EXPIRED, events=0)
        await log.delivery.settle(subscription_id, 0, Changes(skips=(skip,)))  # the cursor stays where it is
        counts.positions_lost.add(subscription_id, shard, by=end - first)
        detail = f"positions {first} to {end - 1} of shard {shard} were removed before they were read"
        overseer.raise_alert("events_expired", subscription_id, detail)
        _log.error(
            "Subscription %d lost positions %d to %d of shard %d to retention before they were delivered",
            subscription_id, first, end - 1, shard,
        )  # fmt: skip

    return report

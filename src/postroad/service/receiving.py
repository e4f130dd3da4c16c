"""What comes from queues and topics: receivers that the hub runs, pushes that it answers, and how bodies are read."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from postroad.alerts.book import AlertBook
from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError, WireError
from postroad.ingest.bulk import Around, Read
from postroad.ingest.http import connected_cars_feeds, damoov
from postroad.ingest.http.limits import RateLimit
from postroad.ingest.http.pushed import Pushes
from postroad.ingest.queues.keeper import ReceiverKeeper
from postroad.ingest.queues.taker import Taker
from postroad.ingest.taking import Format
from postroad.log.delivery import fetcher_id
from postroad.metrics.counts import Counts
from postroad.protocols import connected_cars_legacy, drivequant, drivetech
from postroad.protocols.base import Item, SourceProtocol
from postroad.registry.records import Provider, RegistryView
from postroad.registry.secrets import KeyRing, opened_receiver
from postroad.registry.store import RegistryStore
from postroad.transports import PUSHES, RECEIVERS
from postroad.transports.receiving import Push, PushSpec, Receiver, ReceiverMeans, ReceiverSpec, Tell


def formats(*, record_links: Around, deletions: Around, withdrawals: Around) -> Mapping[str, Format]:
    """By protocol, how a message of a provider is read, whatever queue brought it.

    A message is what the protocol's own request would be. Where URLs tell apart what bodies do not, bodies are read as
    what they look like.
    """
    of = (
        connected_cars_feeds.STREAMS,
        damoov.notifications(withdrawals),
        Format(
            protocol=connected_cars_legacy.PROTOCOL.name,
            split=connected_cars_legacy.split,
            read=_reader(connected_cars_legacy.PROTOCOL),
            around=record_links,
        ),
        Format(protocol=drivequant.PROTOCOL.name, split=None, read=_reader(drivequant.PROTOCOL), around=deletions),
        Format(protocol=drivetech.PROTOCOL.name, split=None, read=_reader(drivetech.PROTOCOL)),
    )
    return {how.protocol: how for how in of}


def _reader(protocol: SourceProtocol) -> Read:
    def read(raw: bytes, settings: Any) -> Item | WireError:
        try:
            return protocol.read(raw, settings)
        except WireError as error:
            return WireError(error.code, error.field)  # a new one: that which was raised holds on to its frames

    return read


class RegistryCheckpoints:
    """``Checkpoints`` of one provider."""

    def __init__(self, registry: RegistryStore, provider_id: int) -> None:
        """Kept in ``registry``, beside those of others."""
        self._registry = registry
        self._provider_id = provider_id

    async def load(self, source: str, partition: str) -> str | None:
        """See ``Checkpoints``."""
        return await asyncio.to_thread(self._registry.checkpoint, self._provider_id, source, partition)

    async def save(self, source: str, partition: str, mark: str) -> None:
        """See ``Checkpoints``."""
        await asyncio.to_thread(self._registry.save_checkpoint, self._provider_id, source, partition, mark)


class Receiving(msgspec.Struct, frozen=True):
    """Both ways in."""

    keeper: ReceiverKeeper
    pushes: Pushes

    def use(self, view: RegistryView) -> None:
        """Receive for whom this view declares."""
        self.keeper.use(view)
        self.pushes.use(view)


def receiving(
    registry: RegistryStore,
    keys: KeyRing,
    taker: Taker,
    *,
    egress: EgressClient,
    alerts: AlertBook,
    body_limit_bytes: int,
    counts: Counts,
    address_rate: RateLimit | None,
    provider_rate: RateLimit | None,
    clock: Clock,
    receivers: Mapping[str, ReceiverSpec] = RECEIVERS,
    pushes: Mapping[str, PushSpec] = PUSHES,
) -> Receiving:
    """Nothing is received yet. ``body_limit_bytes`` and the rates: of pushes."""

    def means(provider: Provider, tell: Tell) -> ReceiverMeans:
        return ReceiverMeans(
            clock=clock,
            random=random.random,
            egress=egress,
            checkpoints=RegistryCheckpoints(registry, provider.id),
            tell=tell,
        )

    def open_receiver(provider: Provider, tell: Tell) -> Receiver:
        spec = receivers[_transport(provider)]
        return spec.open(_config(provider, keys, spec.config_type), means(provider, tell))

    def open_push(provider: Provider, tell: Tell) -> Push:
        spec = pushes[_transport(provider)]
        return spec.open(_config(provider, keys, spec.config_type), means(provider, tell))

    return Receiving(
        ReceiverKeeper(
            open_receiver=open_receiver,
            received_by=receivers.__contains__,
            take_for=taker.of,
            tell=teller(alerts),
            clock=clock,
            random=random.random,
        ),
        Pushes(
            pushes,
            open_push=open_push,
            take_for=taker.of,
            tell=teller(alerts),
            body_limit_bytes=body_limit_bytes,
            counts=counts,
            address_rate=address_rate,
            provider_rate=provider_rate,
        ),
    )


def teller(alerts: AlertBook) -> Callable[[int, str | None], None]:
    """Raises the alert on a provider whose messages cannot be received, and clears it."""

    def tell(provider_id: int, wrong: str | None) -> None:
        about = fetcher_id(provider_id)
        if wrong is None:
            alerts.clear_alert("receiver_failing", about)
        else:
            alerts.raise_alert("receiver_failing", about, wrong)

    return tell


def _transport(provider: Provider) -> str:
    if provider.receiver is None:
        raise ConfigError(f"provider {provider.name!r} declares nothing to receive from")
    return provider.receiver.transport


def _config(provider: Provider, keys: KeyRing, type_: type[msgspec.Struct]) -> msgspec.Struct:
    """What the provider declares, with open secrets. Do not keep it longer than needed. Raises ``ConfigError``."""
    if provider.receiver is None:
        raise ConfigError(f"provider {provider.name!r} declares nothing to receive from")
    try:
        return msgspec.convert(opened_receiver(provider.id, provider.receiver, keys), type_)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"what provider {provider.name!r} receives from: {exc}") from exc

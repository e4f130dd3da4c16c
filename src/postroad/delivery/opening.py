"""Makes the delivery that a contract's order asks for."""

from collections.abc import Callable, Mapping

from postroad.access.streams import StreamIndex
from postroad.clock import Clock
from postroad.delivery.bulk import BeginSpan, BulkDelivery
from postroad.delivery.delivery import AttemptObserver, Delivery, Overseer
from postroad.delivery.gate import Gate
from postroad.delivery.lanes import LaneDelivery
from postroad.delivery.options import DeliveryOptions
from postroad.log.delivery import DeliveryStore
from postroad.protocols.base import TargetProtocol
from postroad.protocols.contract import Contract
from postroad.routing.feed import Feed
from postroad.routing.router import Router
from postroad.transports.base import Transport


def contracts_of(target: TargetProtocol, options: DeliveryOptions) -> Mapping[int, Contract]:
    """Slot -> how events of that type are delivered, as the subscription has it."""
    return {target.slots[type_]: options.applied_to(contract, type_) for type_, contract in target.contracts.items()}


def open_delivery(
    feed: Feed,
    router: Router,
    *,
    shard: int,
    target: TargetProtocol,
    contract_of: Callable[[int], Contract],
    options: DeliveryOptions,
    transport: Transport,
    gate: Gate,
    store: DeliveryStore,
    settled: int,
    streams: Callable[[], StreamIndex],
    observe: AttemptObserver,
    overseer: Overseer,
    clock: Clock,
    random: Callable[[], float],
    begin_span: BeginSpan | None = None,
) -> Delivery:
    """A delivery of ``feed`` that begins at ``settled``. All types of one protocol have the same order.

    ``contract_of`` gives a slot's contract, with the options applied.
    """
    contract = contract_of(min(feed.selection.slots, default=min(target.slots.values())))
    if contract.order == "bulk":
        return BulkDelivery(
            feed,
            router,
            shard=shard,
            target=target,
            contract=contract,
            options=options,
            transport=transport,
            gate=gate,
            store=store,
            settled=settled,
            streams=streams,
            observe=observe,
            overseer=overseer,
            clock=clock,
            random=random,
            begin_span=begin_span,
        )
    return LaneDelivery(
        feed,
        router,
        shard=shard,
        target=target,
        contract_of=contract_of,
        options=options,
        transport=transport,
        gate=gate,
        store=store,
        settled=settled,
        streams=streams,
        observe=observe,
        overseer=overseer,
        clock=clock,
        random=random,
        begin_span=begin_span,
    )

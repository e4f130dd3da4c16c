"""Makes the delivery that a contract's order asks for."""

from collections.abc import Callable, Collection, Mapping

from msgspec import structs

from postroad.delivery.bulk import BulkDelivery
from postroad.delivery.delivery import Delivery, Means
from postroad.delivery.lanes import LaneDelivery
from postroad.delivery.options import DeliveryOptions
from postroad.errors import ConfigError
from postroad.protocols.base import TargetProtocol
from postroad.protocols.contract import Contract
from postroad.transports.base import Transport
from postroad.transports.spec import Carriage


def contracts_of(target: TargetProtocol, options: DeliveryOptions, carriage: Carriage) -> Mapping[int, Contract]:
    """Slot -> how events of that type are delivered, as the subscription and its destination have it."""
    return {
        target.slots[type_]: carried(options.applied_to(contract, type_), carriage)
        for type_, contract in target.contracts.items()
    }


def carried(contract: Contract, carriage: Carriage) -> Contract:
    """The contract where its messages are carried so: none larger, and a keyed one of one subject.

    A keyed service keeps the order within a subject and between subjects none. So a bulk in order becomes a bulk of
    each subject, which must go through before the next one of that subject.
    """
    if carriage.max_message_bytes is not None:
        contract = structs.replace(contract, max_bytes=min(contract.max_bytes, carriage.max_message_bytes))
    if carriage.keyed and contract.order == "bulk":
        contract = structs.replace(contract, order="subject")
    return contract


def endpoints_of(transport: Transport, target: TargetProtocol, agreed: Collection[int]) -> dict[int, str]:
    """Slot -> the endpoint that takes its events. Raises ``ConfigError`` if one that is agreed has none.

    Others may have letters that still wait. Where there is no endpoint for them they go through a gate of their own,
    the nameless one, and fail until their contract ends.
    """
    endpoints: dict[int, str] = {}
    for type_, slot in target.slots.items():
        try:
            endpoints[slot] = transport.endpoint(type_)
        except ConfigError:
            if slot in agreed:
                raise
            endpoints[slot] = ""
    return endpoints


def check_endpoints(endpoints: Mapping[int, str], contract_of: Mapping[int, Contract]) -> None:
    """Several endpoints can be sent to only if each event goes by itself, and none has to wait for all others.

    ``endpoints``: slot -> the endpoint that takes it. Raises ``ConfigError``.
    """
    if len(set(endpoints.values())) < 2:
        return
    contracts = [contract_of[slot] for slot in endpoints]
    if any(contract.order == "bulk" or contract.max_items > 1 for contract in contracts):
        raise ConfigError("its types go to several URLs, which needs an order other than bulk, and one event a request")


def open_delivery(means: Means, contract_of: Callable[[int], Contract]) -> Delivery:
    """The delivery that the contract asks for. All types of one protocol have the same order.

    ``contract_of`` gives a slot's contract, with the options applied.
    """
    contract = contract_of(means.any_slot)
    return BulkDelivery(means, contract) if contract.order == "bulk" else LaneDelivery(means, contract_of)

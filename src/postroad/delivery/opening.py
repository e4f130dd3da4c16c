"""Makes the delivery that a contract's order asks for."""

from collections.abc import Callable, Mapping

from postroad.delivery.bulk import BulkDelivery
from postroad.delivery.delivery import Delivery, Means
from postroad.delivery.lanes import LaneDelivery
from postroad.delivery.options import DeliveryOptions
from postroad.protocols.base import TargetProtocol
from postroad.protocols.contract import Contract


def contracts_of(target: TargetProtocol, options: DeliveryOptions) -> Mapping[int, Contract]:
    """Slot -> how events of that type are delivered, as the subscription has it."""
    return {target.slots[type_]: options.applied_to(contract, type_) for type_, contract in target.contracts.items()}


def open_delivery(means: Means, contract_of: Callable[[int], Contract]) -> Delivery:
    """The delivery that the contract asks for. All types of one protocol have the same order.

    ``contract_of`` gives a slot's contract, with the options applied.
    """
    slots = means.target.slots.values()
    contract = contract_of(min(means.feed.selection.slots, default=min(slots)))
    return BulkDelivery(means, contract) if contract.order == "bulk" else LaneDelivery(means, contract_of)

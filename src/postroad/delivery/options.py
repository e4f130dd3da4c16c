"""What a subscription may change of its protocol's contract."""

from typing import Annotated

import msgspec
from msgspec import Meta

from postroad.protocols.base import Contract, RetryPolicy


class DeliveryOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Overrides of a contract; what is left out stays as the contract says."""

    max_items: Annotated[int, Meta(ge=1, description="Events in one bulk at most.")] | None = None
    max_bytes: Annotated[int, Meta(ge=1024, description="Bytes of one bulk at most.")] | None = None
    linger_ms: (
        Annotated[int, Meta(ge=0, le=60_000, description="How long a bulk that is not full waits for more.")] | None
    ) = None
    retry: Annotated[RetryPolicy, Meta(description="When a failed bulk is tried again.")] | None = None

    def applied_to(self, contract: Contract) -> Contract:
        """The contract as this subscription has it; never beyond the contract's own ceiling."""
        changed = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        result = msgspec.structs.replace(contract, **changed)
        return msgspec.structs.replace(result, max_items=min(result.max_items, contract.item_ceiling))

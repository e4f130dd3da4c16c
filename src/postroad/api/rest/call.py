"""What an operation is given: who asks, what of, and with what it works."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from postroad.access.policy import Operation, Target, allowed, require
from postroad.access.principals import Principal
from postroad.access.streams import StreamIndex
from postroad.administration.shards import Readers
from postroad.delivery.trial import Trial
from postroad.registry.apply import Catalogue, Declared, Declaring
from postroad.registry.records import Destination, RegistryView, Subscription
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.transaction import Transaction

I = TypeVar("I")  # noqa: E741 - an item


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What operations work with."""

    keys: KeyRing
    """Seal secrets."""
    catalogue: Catalogue
    """What may be declared."""
    shard: int
    """For the items of new vehicles."""
    readers: Readers
    """The shards' files."""
    streams: Callable[[], StreamIndex]
    """What may be sent right now."""
    last_message_us: Callable[[int], int | None]
    """When the last message of a provider's queue came in, since the hub started."""
    monotonic_s: Callable[[], float]
    """For how long something takes."""
    try_out: Callable[[Subscription, Destination], Trial]
    """Try a subscription's destination; blocks. Raises ``ConfigError`` and ``StoreCorrupt``."""


class Call:
    """One request, as its handler sees it.

    Attributes:
        principal: who asks.
        view: the registry as the hub goes by it, in memory; what is asked of ``registry`` may be newer.
        registry: acts for who asks. Within a change, what its methods read and do is part of the transaction.
        services: what else there is to work with.
        body: the request's body as plain data, before it was made a struct; ``None`` without one.
    """

    def __init__(
        self,
        principal: Principal,
        may: Operation,
        *,
        view: RegistryView,
        registry: RegistryStore,
        services: Services,
        body: Any = None,
        declared: Declared | None = None,
        under_way: Transaction | None = None,
    ) -> None:
        """``declared`` unless the operation acts outside of a transaction; ``under_way`` of a change."""
        self.principal = principal
        self.view = view
        self.registry = registry
        self.services = services
        self.body = body
        self.asked = False
        """Whether the policy was asked: nothing is answered without."""
        self._may = may
        self._declared = declared
        self._under_way = under_way

    @property
    def declared(self) -> Declared:
        """What is declared, as this request sees it."""
        if self._declared is None:
            raise AssertionError("declared as one that acts outside of a transaction")
        return self._declared

    @property
    def under_way(self) -> Transaction:
        """The transaction of a change; only what is declared as one has it."""
        if self._under_way is None:
            raise AssertionError("declared as one that changes nothing")
        return self._under_way

    @property
    def declaring(self) -> Declaring:
        """Changes what is declared."""
        services = self.services
        return Declaring(self.under_way, catalogue=services.catalogue, keys=services.keys, shard=services.shard)

    def require(self, *targets: Target) -> None:
        """Raises ``Forbidden`` unless who asks may do what the operation does, to one of the targets."""
        self.asked = True
        require(self.principal, self._may, *targets)

    def may(self, *targets: Target) -> bool:
        """Whether who asks may do that, where it depends on it what he is shown."""
        self.asked = True
        return allowed(self.principal, self._may, *targets)

    def reached(self, items: Iterable[I], target: Callable[[I], Target]) -> list[I]:
        """Those of a list to which who asks may do that: a list shows what is his."""
        self.asked = True
        return [item for item in items if allowed(self.principal, self._may, target(item))]

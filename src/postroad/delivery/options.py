"""What a subscription may change of its protocol's contract, and what it asks of delivery beside it."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from postroad.protocols.contract import COMMON, DAY_S, Action, Contract, Order, Response, RetryPolicy


class RetryOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Overrides of a contract's schedule; what is left out stays as the contract says."""

    first_waits_s: (
        Annotated[tuple[Annotated[float, Meta(gt=0)], ...], Meta(description="The first waits, one after another.")]
        | None
    ) = None
    then_s: Annotated[float, Meta(gt=0, description="The wait after those.")] | None = None
    factor: Annotated[float, Meta(ge=1, description="Each later wait is so many times the one before.")] | None = None
    cap_s: Annotated[float, Meta(gt=0, description="No wait is longer.")] | None = None
    jitter: (
        Annotated[float, Meta(ge=0, le=1, description="At most this share is added to a wait, at random.")] | None
    ) = None
    max_attempts: Annotated[int, Meta(ge=1, description="Attempts of an event in all.")] | None = None
    max_age_s: Annotated[float, Meta(gt=0, description="No attempt later than this after the first one.")] | None = None
    urgent_every_s: Annotated[float, Meta(gt=0, description="The wait while an event is fresh.")] | None = None
    urgent_for_s: Annotated[float, Meta(ge=0, description="How long after its own time it is fresh.")] | None = None

    def applied_to(self, policy: RetryPolicy) -> RetryPolicy:
        """The schedule as it is with these overrides."""
        return msgspec.structs.replace(policy, **_given(self, self.__struct_fields__))


class DeliveryOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Overrides of a contract; what is left out stays as the contract says."""

    max_items: Annotated[int, Meta(ge=1, description="Events in one bulk at most.")] | None = None
    max_bytes: Annotated[int, Meta(ge=1024, description="Bytes of one bulk at most.")] | None = None
    linger_ms: (
        Annotated[int, Meta(ge=0, le=60_000, description="How long a bulk that is not full waits for more.")] | None
    ) = None
    retry: Annotated[RetryOptions, Meta(description="When a failed attempt is followed by the next.")] = RetryOptions()
    retry_of: Annotated[
        dict[str, RetryOptions],
        Meta(
            description="The same for single types, over what `retry` says for all. Not in the order `bulk`, where all "
            "wait together."
        ),
    ] = {}
    order: (
        Annotated[
            Order,
            Meta(
                description="What must stay in order: everything, a subject, or nothing. With another order than the "
                "contract's, answers mean what they commonly do."
            ),
        ]
        | None
    ) = None
    split: Annotated[
        bool, Meta(description="Send a bulk that is too large (413) in halves, where the contract would not.")
    ] = False
    isolate: Annotated[
        bool,
        Meta(
            description="Find the event for which a bulk is refused (400, 422) and make it a dead letter, where the "
            "contract would send the whole bulk for ever."
        ),
    ] = False
    disable: Annotated[
        bool,
        Meta(description="Pause the subscription when its destination is gone (410), where the contract would not."),
    ] = False
    window: Annotated[int, Meta(ge=1, le=100_000, description="Items that sends may run ahead of the cursor.")] = 1_000
    max_parked: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Events that may wait beside the log for their next attempt.")
    ] = 10_000
    max_parked_bytes: Annotated[int, Meta(ge=0, description="Bytes of those events.")] = 256 * 1024 * 1024
    max_backlog_age_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Events that wait longer, from their arrival, expire: they are skipped, and recorded. Also "
            "while the subscription is paused. The log keeps them until then, as far as `log.max_bytes` has room.",
        ),
    ] = 30 * DAY_S

    def applied_to(self, contract: Contract, wire_type: str = "") -> Contract:
        """The contract of a type as this subscription has it; never beyond the contract's own ceiling."""
        changed = _given(self, ("max_items", "max_bytes", "linger_ms", "order"))
        retry = self.retry_of.get(wire_type, RetryOptions()).applied_to(self.retry.applied_to(contract.retry))
        if self.order not in (None, contract.order):
            # The vendor's rule speaks of its own order; with another one, answers mean what they commonly do.
            contract = msgspec.structs.replace(
                contract, responses=COMMON, schedule_of="event" if self.order == "none" else "destination"
            )
        responses = self._opted_in() + contract.responses
        result = msgspec.structs.replace(contract, **changed, retry=retry, responses=responses)
        return msgspec.structs.replace(result, max_items=min(result.max_items, contract.item_ceiling))

    def _opted_in(self) -> tuple[Response, ...]:
        """The common responses that this subscription asks for."""
        asked: dict[Action, bool] = {"split": self.split, "isolate": self.isolate, "disable": self.disable}
        return tuple(response for response in COMMON if asked.get(response.action, False))


def _given(options: msgspec.Struct, names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(options, name)) is not None}

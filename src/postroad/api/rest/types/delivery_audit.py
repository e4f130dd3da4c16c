"""Whether each event that a subscription was to have is accounted for, exactly once."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.api.rest.types.scalars import Id
from postroad.delivery.audit import Why

MAX_STRETCHES = 1000


class DeliveryAuditQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which subscription."""

    subscription_id: Annotated[Id, Meta(description="This one.")]


class AuditStretch(msgspec.Struct, frozen=True, kw_only=True):
    """Positions of a shard for which something is recorded."""

    first: Annotated[int, Meta(description="The first position.")]
    last: Annotated[int, Meta(description="The last one.")]
    outcome: Annotated[str, Meta(description="`delivered`, `parked`, `dead`, or why events were skipped.")]
    recorded: Annotated[int, Meta(description="Events, by what is recorded.")]


class AuditGap(AuditStretch, frozen=True, kw_only=True):
    """One for which what is recorded and the log do not agree."""

    found: Annotated[int, Meta(description="Events, by the log. The same number is not the same events.")]


class AuditUnproven(AuditStretch, frozen=True, kw_only=True):
    """One of which nothing can be proven."""

    why: Annotated[Why, Meta(description="Why not; `time`: this request had no more, `postroad audit` has.")]


class ShardAudit(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one shard."""

    shard: Annotated[int, Meta(description="Which.")]
    begins: Annotated[int, Meta(description="The first position that anything is recorded of.")]
    cursor: Annotated[int, Meta(description="All below is settled.")]
    outcomes: Annotated[dict[str, int], Meta(description="Outcome, and how many events met with it.")]
    gaps: Annotated[list[AuditGap], Meta(description=f"The first {MAX_STRETCHES}.")]
    unproven: Annotated[list[AuditUnproven], Meta(description=f"The first {MAX_STRETCHES}.")]


class DeliveryAudit(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a subscription."""

    subscription_id: Annotated[int, Meta(description="Which.")]
    subscription: Annotated[str, Meta(description="Its name.")]
    verdict: Annotated[
        Literal["proven", "unproven", "gaps"],
        Meta(
            description="`proven`: each event has exactly one outcome. `gaps`: that is not so. `unproven`: there are "
            "no gaps, but not all could be looked at."
        ),
    ]
    complete: Annotated[bool, Meta(description="Whether there was time to look at all that can be.")]
    shards: Annotated[list[ShardAudit], Meta(description="Those in which it has come anywhere.")]

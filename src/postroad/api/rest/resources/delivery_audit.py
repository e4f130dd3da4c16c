"""Whether each event that a subscription was to have is accounted for, exactly once."""

from typing import Any

from postroad.access.policy import Operation
from postroad.administration import delivery_audit as auditing
from postroad.api.rest import reach
from postroad.api.rest.call import Call
from postroad.api.rest.resources.showing import in_time
from postroad.api.rest.routes import Resource
from postroad.api.rest.types.delivery_audit import (
    MAX_STRETCHES,
    AuditGap,
    AuditUnproven,
    DeliveryAudit,
    DeliveryAuditQuery,
    ShardAudit,
)
from postroad.delivery.audit import Gap, Unproven
from postroad.errors import NotFound

delivery_audit = Resource("delivery-audit", "What was delivered, held against the log.")


@delivery_audit.get("/delivery-audit", Operation.READ_AUDIT)
def audit_deliveries(call: Call, query: DeliveryAuditQuery) -> DeliveryAudit:
    """Hold what is recorded of a subscription against the log: what was delivered, and what not, and why.

    Each event that it was to have, up to where it has come, must have exactly one outcome; where that is not so there
    is a gap. What cannot be looked at, or not in the time of a request, is told as unproven: that is an answer, too.
    """
    subscription = call.view.subscriptions.get(query.subscription_id)
    call.require(reach.of_subscription(subscription))
    if subscription is None:
        raise NotFound("there is no such subscription")
    with call.services.readers.lend() as shards:
        found = auditing.audit(call.registry, shards, subscription, in_time=in_time(call))
    gaps, unproven = (any(getattr(one.audit, name) for one in found) for name in ("gaps", "unproven"))
    return DeliveryAudit(
        subscription_id=subscription.id,
        subscription=subscription.name,
        verdict="gaps" if gaps else "unproven" if unproven else "proven",
        complete=all(one.complete for one in found),
        shards=[_shown(one) for one in found],
    )


def _shown(one: auditing.Audited) -> ShardAudit:
    audit = one.audit
    return ShardAudit(
        shard=one.shard,
        begins=audit.begins,
        cursor=audit.cursor,
        outcomes=dict(one.outcomes),
        gaps=[AuditGap(**_stretch(gap), found=gap.found) for gap in audit.gaps[:MAX_STRETCHES]],
        unproven=[AuditUnproven(**_stretch(some), why=some.why) for some in audit.unproven[:MAX_STRETCHES]],
    )


def _stretch(one: Gap | Unproven) -> dict[str, Any]:
    return {"first": one.first, "last": one.end - 1, "outcome": one.outcome, "recorded": one.recorded}

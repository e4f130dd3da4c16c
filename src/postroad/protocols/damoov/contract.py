"""How notifications are delivered: as far as the transport's own acknowledgement goes, each by itself.

The vendor publishes no schedule: its notifications are put into a customer's topic or queue, and the cloud service
that runs it does the rest.
"""

from postroad.protocols.contract import DAY_S, Contract, RetryPolicy

STANDARD_SCHEDULE = RetryPolicy(
    first_waits_s=(5.0,), then_s=10.0, factor=2.0, cap_s=3600.0, jitter=0.1, max_age_s=7 * DAY_S
)
"""The schedule of contracts whose vendor names none: soon again, at last each hour, for a week."""

CONTRACT = Contract(
    name="damoov",
    order="none",
    schedule_of="event",
    retry=STANDARD_SCHEDULE,
    max_items=1,
    item_ceiling=1,
    inferred=(
        "Delivered is what the transport has acknowledged: a queue's or topic's own answer, any 2xx over HTTPS.",
        "The schedule is Postroad's standard one: 5, 10, 20 s ... to an hour, for 7 days.",
    ),
)

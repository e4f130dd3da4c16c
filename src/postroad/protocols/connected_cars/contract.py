"""How data streams are delivered: in bulks, each tried again whole until it has gone through."""

from postroad.protocols.contract import WHOLE_BULK, Contract, RetryPolicy

CONTRACT = Contract(
    name="connected_cars",
    order="bulk",
    success=(200, 299),
    responses=WHOLE_BULK,
    retry=RetryPolicy(first_waits_s=(20.0, 20.0, 20.0), then_s=120.0, cap_s=3600.0),
    max_items=1_000,
    item_ceiling=10_000,
    inferred=(
        "The schedule of retries and the size of a bulk are those of the vendor's older feed.",
        "The cap on waits is ours.",
    ),
)
"""A bulk goes through whole before the next one is sent (source document, "Events are sent in bulk")."""

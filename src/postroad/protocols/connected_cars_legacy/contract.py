"""How the account feed and the car feed are delivered: in bulks, the full bulk again until the answer is 200."""

from postroad.protocols.contract import WHOLE_BULK, Contract, RetryPolicy

CONTRACT = Contract(
    name="connected_cars_legacy",
    order="bulk",
    success=(200, 200),
    responses=WHOLE_BULK,
    retry=RetryPolicy(first_waits_s=(20.0, 20.0, 20.0), then_s=120.0, cap_s=3600.0),
    max_items=10_000,
    item_ceiling=10_000,
    inferred=(
        "The back-off that begins at 2 minutes doubles; the page names no base.",
        "Waits are capped at an hour; the page names no cap.",
        "Nothing is given up by age; the page names no end.",
        "An answer other than 200 in the first three attempts is treated as none would be.",
    ),
)
"""Source document, "Requests will be retried 3 times after 20 seconds delay" and what follows it."""

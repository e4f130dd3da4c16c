"""How events are injected: each until it is answered 200, in order per vehicle, old ones marked as such."""

from postroad.protocols.contract import Contract, Response, RetryPolicy

CONTRACT = Contract(
    name="drivetech",
    order="subject",
    success=(200, 200),
    responses=(
        Response(400, 400, "repair"),
        Response(401, 401, "renew"),
        Response(100, 599, "retry"),
    ),
    retry=RetryPolicy(first_waits_s=(5.0,), then_s=10.0, factor=2.0, cap_s=300.0),
    credentials_probe_s=60.0,
    max_items=1,
    item_ceiling=1,
    late_after_s=60.0,
    inferred=(
        "The waits; the page asks only that every event is sent again until it is taken.",
        "From 60 s after its own time an event goes out with buff: true.",
        "401 holds everything and is tried again each minute.",
        "400 moves the event to the dead letters with the answer's description; later events go on.",
    ),
)
"""Source document, section on resilience: 200 alone means saved."""

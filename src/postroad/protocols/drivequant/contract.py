"""How the six push services are delivered: each push by a schedule of its own.

Source document, "Http response code" (any 2xx is success, any other answer a failure) and "Retry Policy" (each service
has its own); the figures are those of each service's page.
"""

from collections.abc import Mapping

from postroad.protocols.contract import DAY_S, Contract, Response, RetryPolicy

_RESPONSES = (
    Response(401, 401, "renew"),
    Response(403, 403, "renew"),
    Response(408, 408, "retry"),
    Response(425, 425, "retry"),
    Response(429, 429, "retry"),
    Response(400, 499, "park"),
    Response(300, 599, "retry"),
)
"""Whatever failed, the push has its next attempt by its own schedule; what looks like the endpoint's fault also counts
for the destination's circuit."""

_DAILY = RetryPolicy(then_s=DAY_S, factor=1.0, cap_s=DAY_S)
_FIRST_COUNTS = "The first attempt counts among the 30."


def _contract(service: str, retry: RetryPolicy, *inferred: str) -> Contract:
    return Contract(
        name=f"drivequant.{service}",
        order="none",
        success=(200, 299),
        responses=_RESPONSES,
        retry=retry,
        schedule_of="event",
        max_items=1,
        item_ceiling=1,
        inferred=inferred,
    )


_THIRTY_DAYS = RetryPolicy(then_s=DAY_S, factor=1.0, cap_s=DAY_S, max_attempts=30)

TRIP = _contract("trip", _THIRTY_DAYS, _FIRST_COUNTS)
TRIP_DELETED = _contract("trip_deleted", _THIRTY_DAYS, _FIRST_COUNTS)
DRIVER_DELETED = _contract("driver_deleted", _DAILY)
CRASH = _contract(
    "crash",
    RetryPolicy(
        urgent_every_s=60.0,
        urgent_for_s=1800.0,
        then_s=DAY_S,
        factor=1.0,
        cap_s=DAY_S,
        max_age_s=30 * DAY_S,
    ),
    "The wait within the first half hour is 60 s.",
    "The half hour begins at the accident's own time.",
    "Daily attempts end 30 days after the first attempt.",
)
CRASH_REPORT = _contract("crash_report", _THIRTY_DAYS, "Daily, 30 attempts in all, as for trips.")
DIAGNOSIS = _contract("diagnosis", _THIRTY_DAYS, "Daily, 30 attempts in all, as for trips.")

CONTRACTS: Mapping[str, Contract] = {
    contract.name.partition(".")[2]: contract
    for contract in (TRIP, TRIP_DELETED, DIAGNOSIS, CRASH, CRASH_REPORT, DRIVER_DELETED)
}
"""By service."""

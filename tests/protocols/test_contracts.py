"""What the contracts say, figure by figure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.protocols import CONTRACTS
from postroad.protocols.contract import (
    COMMON,
    DAY_S,
    WHOLE_BULK,
    Contract,
    GiveUp,
    Repeat,
    RetryPolicy,
    plan_of,
)

HOUR_S = 3600.0
LEGACY = [0, 20, 40, 60, 180, 420, 900, 1860, 3780, 7380]
DAILY_30 = [n * DAY_S for n in range(30)]
CRASH = [n * 60 for n in range(31)] + [n * DAY_S for n in range(1, 31)]
PLANS = {
    "connected_cars": (LEGACY, Repeat(HOUR_S)),
    "connected_cars_legacy": (LEGACY, Repeat(HOUR_S)),
    "drivequant.trip": (DAILY_30, GiveUp()),
    "drivequant.trip_deleted": (DAILY_30, GiveUp()),
    "drivequant.diagnosis": (DAILY_30, GiveUp()),
    "drivequant.crash_report": (DAILY_30, GiveUp()),
    "drivequant.crash": (CRASH, GiveUp()),
    "drivequant.driver_deleted": ([0, DAY_S], Repeat(DAY_S)),
    "drivetech": ([0, 5, 15, 35, 75, 155, 315, 615], Repeat(300.0)),
}


def test_there_is_a_contract_for_each_protocol_and_service():
    assert set(CONTRACTS) == {*PLANS, "damoov"}
    assert all(name == contract.name for name, contract in CONTRACTS.items())


@pytest.mark.parametrize("name", PLANS)
def test_a_failing_delivery_goes_through_the_documented_attempts(name):
    attempts, then = PLANS[name]
    plan = plan_of(CONTRACTS[name])
    assert [attempt.at_s for attempt in plan.attempts] == attempts
    assert [attempt.n for attempt in plan.attempts] == list(range(1, len(attempts) + 1))
    assert plan.then == then


def test_a_contract_whose_vendor_names_no_schedule_has_the_standard_one():
    plan = plan_of(CONTRACTS["damoov"])
    at = [attempt.at_s for attempt in plan.attempts]
    assert at[:5] == [0, 5, 15, 35, 75]
    assert at[-1] <= 7 * DAY_S < at[-1] + HOUR_S
    assert plan.then == GiveUp()


SUCCESS = {
    "connected_cars": {200, 202, 204, 299},
    "connected_cars_legacy": {200},
    "drivetech": {200},
    "damoov": {200, 202, 204, 299},
} | {name: {200, 202, 204, 299} for name in PLANS if name.startswith("drivequant")}


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_statuses_that_mean_delivered(name):
    contract = CONTRACTS[name]
    statuses = {200, 202, 204, 299}
    assert {status for status in statuses if contract.action(status) == "delivered"} == SUCCESS[name]
    assert all(contract.action(status) != "delivered" for status in (199, 300, 302, 400, 404, 500))


TABLE = {
    "connected_cars": {
        302: "retry", 400: "retry", 401: "renew", 403: "renew", 410: "retry", 413: "retry", 422: "retry", 503: "retry",
    },
    "connected_cars_legacy": {
        204: "retry", 400: "retry", 401: "renew", 403: "renew", 410: "retry", 413: "retry", 422: "retry", 503: "retry",
    },
    "drivetech": {201: "retry", 302: "retry", 400: "repair", 401: "renew", 404: "retry", 405: "retry", 500: "retry"},
    "drivequant.trip": {302: "retry", 400: "park", 401: "renew", 403: "renew", 404: "park", 429: "retry", 500: "retry"},
    "damoov": {
        302: "retry", 400: "isolate", 401: "renew", 403: "renew", 404: "retry", 408: "retry", 409: "park",
        410: "disable", 413: "split", 422: "isolate", 425: "retry", 429: "retry", 500: "retry", 503: "retry",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "action"),
    [(name, status, action) for name, table in TABLE.items() for status, action in table.items()],
)
def test_what_an_answer_asks_for(name, status, action):
    assert CONTRACTS[name].action(status) == action


@pytest.mark.parametrize(
    ("reason", "action"),
    [
        *[
            (reason, "retry")
            for reason in ("dns", "connect", "tls", "timeout", "broken", "refused_address", "throttled")
        ],
        ("credentials", "renew"),
        ("too_large", "split"),
        ("rejected", "isolate"),
    ],
)
def test_what_a_failure_without_a_status_asks_for(reason, action):
    assert CONTRACTS["damoov"].action(None, reason) == action


def test_a_transport_without_statuses_delivers_by_its_own_acknowledgement():
    assert all(contract.action(None) == "delivered" for contract in CONTRACTS.values())


@pytest.mark.parametrize("table", [COMMON, WHOLE_BULK, *[c.responses for c in CONTRACTS.values()]])
def test_a_redirect_is_never_taken_for_a_delivery(table):
    contract = Contract(name="any", order="none", responses=table)
    assert all(contract.action(status) == "retry" for status in range(300, 400))


def test_a_crash_is_urgent_from_its_own_time_not_from_its_first_attempt():
    crash = CONTRACTS["drivequant.crash"].retry
    minute_us = 60_000_000
    tried_late = crash.next_attempt_us(attempts=1, first_us=29 * minute_us, now_us=29 * minute_us, recorded_us=0)
    assert tried_late == 30 * minute_us
    too_late = crash.next_attempt_us(attempts=1, first_us=31 * minute_us, now_us=31 * minute_us, recorded_us=0)
    assert too_late == 31 * minute_us + round(DAY_S * 1e6)


def test_daily_attempts_do_not_drift_with_the_length_of_an_attempt():
    crash = CONTRACTS["drivequant.crash"].retry
    day_us = round(DAY_S * 1e6)
    late = crash.next_attempt_us(attempts=40, first_us=0, now_us=3 * day_us + 7_000_000, recorded_us=0)
    assert late == 4 * day_us


def test_jitter_only_adds_and_at_most_its_share():
    policy = RetryPolicy(then_s=100.0, factor=1.0, jitter=0.1)
    due = [
        policy.next_attempt_us(attempts=1, first_us=0, now_us=0, recorded_us=None, chance=chance)
        for chance in (0.0, 1.0)
    ]
    assert due == [100_000_000, 110_000_000]


@given(
    attempts=st.integers(1, 10_000),
    first_us=st.integers(0, 10**15),
    elapsed_us=st.integers(0, 10**14),
    age_us=st.integers(-(10**10), 10**14),
    chance=st.floats(0, 1),
    name=st.sampled_from(sorted(CONTRACTS)),
)
def test_a_next_attempt_is_always_later_than_the_last(attempts, first_us, elapsed_us, age_us, chance, name):
    now_us = first_us + elapsed_us
    due_us = CONTRACTS[name].retry.next_attempt_us(
        attempts=attempts, first_us=first_us, now_us=now_us, recorded_us=first_us - age_us, chance=chance
    )
    assert due_us is None or due_us > now_us

"""What an answer means: each contract's own table against every status and every reason."""

from typing import Any, get_args

import pytest
from msgspec import structs

from postroad.delivery.judge import judged, shut_for
from postroad.delivery.options import DeliveryOptions
from postroad.protocols import CONTRACTS
from postroad.protocols.contract import COMMON, Contract, Response, RetryPolicy
from postroad.transports.base import Delivered, Failed, Reason

ALL_OPTED_IN = DeliveryOptions(split=True, isolate=True, disable=True)

WHOLE = {(100, 199): "retry", (200, 299): "delivered", (300, 400): "retry", (401, 401): "renew", (402, 402): "retry",
         (403, 403): "renew", (404, 599): "retry"}  # fmt: skip
"""The full bulk again whatever the answer was; credentials at their own pace."""

OPTED_IN = {(100, 199): "retry", (200, 299): "delivered", (300, 399): "retry", (400, 400): "isolate",
            (401, 401): "renew", (402, 402): "retry", (403, 403): "renew", (404, 409): "retry", (410, 410): "disable",
            (411, 412): "retry", (413, 413): "split", (414, 421): "retry", (422, 422): "isolate",
            (423, 599): "retry"}  # fmt: skip

EACH_ITS_OWN = {(100, 199): "retry", (200, 299): "delivered", (300, 399): "retry", (400, 400): "repair",
                (401, 401): "renew", (402, 402): "park", (403, 403): "renew", (404, 405): "retry", (406, 407): "park",
                (408, 408): "retry", (409, 409): "park", (410, 410): "disable", (411, 412): "park",
                (413, 413): "repair", (414, 421): "park", (422, 422): "repair", (423, 424): "park",
                (425, 425): "retry", (426, 428): "park", (429, 429): "retry", (430, 499): "park",
                (500, 599): "retry"}  # fmt: skip
"""``COMMON`` for events that go singly, as long as the destination's schedule counts."""

ONLY_200 = {**WHOLE, (200, 299): "retry", (200, 200): "delivered"}

DRIVEQUANT = {(100, 199): "retry", (200, 299): "delivered", (300, 399): "retry", (400, 499): "park",
              (401, 401): "renew", (403, 403): "renew", (408, 408): "retry", (425, 425): "retry", (429, 429): "retry",
              (500, 599): "retry"}  # fmt: skip
"""Whatever failed, each push goes on by its own schedule; what the endpoint did counts for its circuit."""

STREAMS = CONTRACTS["connected_cars"]
EXACTLY_200 = CONTRACTS["connected_cars_legacy"]
SINGLY = Contract(name="singly", order="subject", responses=COMMON)
TABLES: dict[str, tuple[Contract, int, dict[tuple[int, int], str]]] = {
    "streams": (STREAMS, 1000, WHOLE),
    "streams, one event": (STREAMS, 1, WHOLE),
    "opted in": (ALL_OPTED_IN.applied_to(STREAMS), 1000, OPTED_IN),
    "opted in, one event": (
        ALL_OPTED_IN.applied_to(STREAMS), 1,
        {**OPTED_IN, (400, 400): "repair", (413, 413): "repair", (422, 422): "repair"},
    ),
    "singly": (SINGLY, 1, EACH_ITS_OWN),
    "connected_cars_legacy": (CONTRACTS["connected_cars_legacy"], 10_000, ONLY_200),
    "drivetech": (
        CONTRACTS["drivetech"], 1,
        {**ONLY_200, (300, 400): "retry", (400, 400): "repair", (403, 403): "retry"},
    ),
    **{
        name: (contract, 1, DRIVEQUANT)
        for name, contract in CONTRACTS.items() if name.startswith("drivequant.")
    },
    "damoov": (
        CONTRACTS["damoov"], 1,
        {**EACH_ITS_OWN, (400, 400): "park", (413, 413): "park", (422, 422): "park"},
    ),
    "common, in order": (  # nowhere to park
        structs.replace(SINGLY, order="bulk"), 2,
        {**{span: "retry" if action == "park" else action for span, action in EACH_ITS_OWN.items()},
         (400, 400): "isolate", (413, 413): "split", (422, 422): "isolate"},
    ),
}  # fmt: skip


def test_no_vendors_contract_is_left_out() -> None:
    judged_here = {contract.name for contract, _, _ in TABLES.values()}
    assert judged_here >= set(CONTRACTS)


def reason_for(status: int) -> Any:
    return "redirected" if 300 <= status <= 399 else "throttled" if status == 429 else "rejected"


@pytest.mark.parametrize("case", TABLES)
def test_each_status_asks_for_what_the_table_says(case: str) -> None:
    contract, events, table = TABLES[case]
    spans = sorted(table.items(), key=lambda entry: entry[0][0] - entry[0][1])  # wide ones first
    wanted = {status: action for (first, last), action in spans for status in range(first, last + 1)}
    assert set(wanted) == set(range(100, 600))
    seen = {}
    for status in wanted:
        confirmed = 200 <= status <= 299
        failure = Failed(reason=reason_for(status), status=status)
        outcome = Delivered(status=status, elapsed_s=1) if confirmed else failure
        judgement = judged(contract, outcome, events=events)
        seen[status] = judgement.action
        assert isinstance(judgement.outcome, Delivered) == (judgement.action == "delivered")
        endpoint = {"delivered": "delivered", "retry": "endpoint", "renew": "endpoint", "disable": "endpoint"}
        verdict = "throttled" if status == 429 else endpoint.get(judgement.action, "event")
        assert judgement.verdict == verdict
    assert seen == wanted


@pytest.mark.parametrize(
    ("contract", "exceptions"),
    [
        (STREAMS, {"credentials": "renew", "too_large": "split"}),
        (ALL_OPTED_IN.applied_to(STREAMS), {"credentials": "renew", "too_large": "split", "rejected": "isolate"}),
        (structs.replace(SINGLY, order="bulk"), {"credentials": "renew", "too_large": "split", "rejected": "isolate"}),
    ],
    ids=["streams", "opted in", "common"],
)
def test_a_failure_without_a_status_asks_for_what_the_status_would_that_says_the_same(
    contract: Contract, exceptions: dict[str, str]
) -> None:
    for reason in get_args(Reason):
        judgement = judged(contract, Failed(reason=reason), events=5)
        assert judgement.action == exceptions.get(reason, "retry"), reason
        if reason == "throttled":
            assert judgement.verdict == "throttled"


@pytest.mark.parametrize("name", CONTRACTS)
def test_one_event_that_the_transport_can_never_carry_is_not_tried_again(name: str) -> None:
    judgement = judged(CONTRACTS[name], Failed(reason="too_large"), events=1)
    assert (judgement.action, judgement.verdict) == ("repair", "event")


def test_a_confirmation_without_a_status_is_one() -> None:
    assert judged(STREAMS, Delivered(status=None, elapsed_s=0)).action == "delivered"


def test_a_redirect_is_never_a_confirmation_whatever_a_contract_says() -> None:
    lax = structs.replace(STREAMS, success=(200, 399))
    for status in range(300, 400):
        assert judged(lax, Failed(reason="redirected", status=status)).action == "retry"
        assert judged(lax, Delivered(status=status, elapsed_s=0)).action == "retry"


def test_a_contract_may_take_an_error_for_a_confirmation() -> None:
    known_already = structs.replace(SINGLY, responses=(Response(409, 409, "delivered"), *COMMON))
    judgement = judged(known_already, Failed(reason="rejected", status=409, elapsed_s=2))
    assert judgement.outcome == Delivered(status=409, elapsed_s=2)
    assert judgement.verdict == "delivered"


def test_a_confirmation_that_the_contract_does_not_take_becomes_a_failure_that_says_so() -> None:
    outcome = judged(EXACTLY_200, Delivered(status=202, elapsed_s=3)).outcome
    assert outcome == Failed(reason="unexpected", status=202, elapsed_s=3)


@pytest.mark.parametrize(
    ("asked", "given"), [(None, None), (-1.0, 0.0), (0.0, 0.0), (7.5, 7.5), (1e300, 86_400.0), (float("nan"), None)]
)
def test_a_retry_after_stays_within_a_day(asked: float | None, given: float | None) -> None:
    assert judged(STREAMS, Failed(reason="throttled", status=429, retry_after_s=asked)).retry_after_s == given


# How long the gate stays shut


def test_the_schedule_is_the_contracts_with_its_jitter() -> None:
    contract = structs.replace(STREAMS, retry=RetryPolicy(first_waits_s=(20.0,), then_s=100.0, jitter=0.5))
    waits = shut_for(contract, "retry", lambda: 0.5)
    assert waits is not None
    assert [waits(n) for n in (1, 2, 3)] == [25.0, 125.0, 250.0]


def test_refused_credentials_are_tried_by_the_schedule_where_the_contract_names_no_pace() -> None:
    waits = shut_for(STREAMS, "renew", lambda: 0.0)
    assert waits is not None
    assert [waits(n) for n in (1, 4)] == [20.0, 120.0]


def test_refused_credentials_are_tried_at_their_own_pace() -> None:
    for contract in (STREAMS, structs.replace(SINGLY, schedule_of="event")):
        waits = shut_for(structs.replace(contract, credentials_probe_s=33.0), "renew", lambda: 1.0)
        assert waits is not None
        assert [waits(n) for n in (1, 50)] == [33.0, 33.0]


@pytest.mark.parametrize("action", ["split", "isolate", "park", "repair", "delivered"])
def test_what_is_not_the_endpoints_fault_shuts_nothing(action: Any) -> None:
    assert shut_for(STREAMS, action, lambda: 0.0) is None


def test_where_each_event_has_its_schedule_the_gate_keeps_its_own() -> None:
    own = structs.replace(SINGLY, schedule_of="event")
    assert shut_for(own, "retry", lambda: 0.0) is None
    assert shut_for(structs.replace(own, order="bulk"), "retry", lambda: 0.0) is not None

"""What a subscription changes of a contract, and what it cannot."""

import msgspec
import pytest

from postroad.delivery.options import DeliveryOptions, RetryOptions
from postroad.protocols import CONTRACTS
from postroad.protocols.contract import COMMON

LEGACY, CRASH, TRIP = (CONTRACTS[n] for n in ("connected_cars_legacy", "drivequant.crash", "drivequant.trip"))


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_without_options_a_contract_stays_as_it_is(contract):
    assert DeliveryOptions().applied_to(contract) == contract


def test_a_cap_alone_leaves_the_rest_of_the_schedule():
    changed = DeliveryOptions(retry=RetryOptions(cap_s=600)).applied_to(LEGACY).retry
    assert [changed.wait_s(n) for n in range(1, 8)] == [20, 20, 20, 120, 240, 480, 600]


def test_a_type_may_have_a_schedule_of_its_own():
    options = DeliveryOptions(retry=RetryOptions(jitter=0.5), retry_of={"crash": RetryOptions(urgent_every_s=30)})
    assert options.applied_to(CRASH, "crash").retry == msgspec.structs.replace(
        CRASH.retry, urgent_every_s=30, jitter=0.5
    )
    assert options.applied_to(TRIP, "trip").retry == msgspec.structs.replace(TRIP.retry, jitter=0.5)


def test_no_bulk_is_larger_than_the_contract_allows():
    assert DeliveryOptions(max_items=50_000).applied_to(LEGACY).max_items == 10_000
    assert DeliveryOptions(max_items=5).applied_to(LEGACY).max_items == 5


@pytest.mark.parametrize(
    ("option", "status", "action"),
    [("split", 413, "split"), ("isolate", 400, "isolate"), ("isolate", 422, "isolate"), ("disable", 410, "disable")],
)
def test_what_a_vendor_does_not_do_is_off_unless_it_is_asked_for(option, status, action):
    assert DeliveryOptions().applied_to(LEGACY).action(status) == "retry"
    asked = DeliveryOptions(**{option: True}).applied_to(LEGACY)
    assert asked.action(status) == action
    others = {413, 400, 422, 410} - ({400, 422} if option == "isolate" else {status})
    assert all(asked.action(other) == "retry" for other in others)


def test_with_another_order_answers_mean_what_they_commonly_do():
    changed = DeliveryOptions(order="none").applied_to(LEGACY)
    assert (changed.order, changed.schedule_of, changed.responses) == ("none", "event", COMMON)
    assert DeliveryOptions(order="subject").applied_to(LEGACY).schedule_of == "destination"
    assert DeliveryOptions(order="bulk").applied_to(LEGACY) == LEGACY
    assert changed.success == (200, 200)

"""DriveQuant's numbers and the shapes of its monitoring calls."""

from datetime import UTC, datetime

import msgspec

from postroad.protocols.drivequant import CONTRACTS
from postroad.protocols.drivequant.monitoring import RetryAnswer, TaskAnswer, date_text
from postroad.protocols.drivequant.slots import SLOTS


def test_slots_are_pinned() -> None:
    assert SLOTS == {
        "trip": 0,
        "trip_deleted": 1,
        "diagnosis": 2,
        "crash": 3,
        "crash_report": 4,
        "driver_deleted": 5,
    }
    assert SLOTS.keys() == CONTRACTS.keys()


def test_dates_have_milliseconds_and_an_offset_without_a_colon() -> None:
    assert date_text(datetime(2025, 1, 30, 7, 23, 22, tzinfo=UTC)) == "2025-01-30T07:23:22.000+0000"
    assert date_text(datetime(2025, 9, 15, 8, 0, 0, 120_999, tzinfo=UTC)) == "2025-09-15T08:00:00.120+0000"


def test_answers_have_the_documented_fields() -> None:
    assert msgspec.json.encode(RetryAnswer(task_id="68c7d2f00b5e4a19d3c0aa41", nb_items=42)) == (
        b'{"taskId":"68c7d2f00b5e4a19d3c0aa41","nbItems":42}'
    )
    answer = TaskAnswer(
        task_id="68c7d2f00b5e4a19d3c0aa41",
        created_at="2025-09-15T08:00:00.120+0000",
        type="PUSH_FAILED_TRIPS",
        status="COMPLETED",
        nb_items=42,
        nb_remaining_items=0,
    )
    assert msgspec.to_builtins(answer) == {
        "taskId": "68c7d2f00b5e4a19d3c0aa41",
        "createdAt": "2025-09-15T08:00:00.120+0000",
        "type": "PUSH_FAILED_TRIPS",
        "status": "COMPLETED",
        "nbItems": 42,
        "nbRemainingItems": 0,
    }

"""The calls by which a customer has failed pushes sent again, and follows that.

Source   DriveQuant enterprise API, "Monitoring": request to retry failed trips, request to retry failed crashes, get
         the status of a task. Paths, header, fields, types, states and the form of dates are as documented there.
Inferred 409 for a retry while a task of the same kind is not finished: an error is documented, its status is not. So
         are the 401 of the retry calls and every body of an error. ``completedAt`` is given for ``COMPLETED`` only.
Unknown  Whether ``FAILED`` pushes are those past their last attempt. Here they are: what still has attempts before it
         goes on by its own schedule.
"""

from datetime import datetime
from typing import Literal

import msgspec

from postroad.protocols.drivequant.slots import SLOTS

API_KEY_HEADER = "x-dq-enterprise-api-key"
TASK_PATH = "/v1/enterprise/task/{task_id}"

TaskType = Literal["PUSH_FAILED_TRIPS", "PUSH_FAILED_CRASHES"]
TaskStatus = Literal["PENDING", "IN_PROGRESS", "COMPLETED", "CANCELED", "FAILED"]


class Retry(msgspec.Struct, frozen=True):
    """A retry call: which pushes it is about."""

    path: str
    type: TaskType
    slot: int


RETRIES = (
    Retry("/v1/enterprise/push/trips/failed/retry", "PUSH_FAILED_TRIPS", SLOTS["trip"]),
    Retry("/v1/enterprise/push/crashes/failed/retry", "PUSH_FAILED_CRASHES", SLOTS["crash"]),
)


class RetryAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a retry call is answered."""

    task_id: str
    nb_items: int
    """How many pushes are sent again."""


class TaskAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How a task stands."""

    task_id: str
    created_at: str
    completed_at: str | None = None
    type: TaskType
    status: TaskStatus
    nb_items: int
    """In all."""
    nb_remaining_items: int


def date_text(instant: datetime) -> str:
    """``yyyy-MM-dd'T'HH:mm:ss.SSSZ``, of a UTC instant: ``2025-01-30T07:23:22.000+0000``."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}+0000"

"""A task per event: say it in the customer's words, and POST it."""

import os
import zlib
from typing import Any

import requests
from celery import Celery

celery = Celery("homemade", broker=os.environ.get("HOMEMADE_BROKER", "redis://127.0.0.1"))
celery.conf.task_ignore_result = True


@celery.task(bind=True, max_retries=3, default_retry_delay=20)
def deliver(self: Any, number: int, report: dict[str, Any]) -> None:
    """One request, one event."""
    event = {
        "id": number,
        "type": "gps_position",
        "vehicleId": zlib.crc32(report["plate"].encode()),
        "time": report["datetime"],
        "latitude": report["latitude"],
        "longitude": report["longitude"],
        "speed": report["speed"],
        "direction": report["azimuth"],
    }
    try:
        answer = requests.post(
            os.environ["HOMEMADE_CUSTOMER"],
            json=[event],
            headers={"Authorization": f"Bearer {os.environ['HOMEMADE_CUSTOMER_TOKEN']}"},
            verify=os.environ["HOMEMADE_CUSTOMER_CA"],
            timeout=30,
        )
        answer.raise_for_status()
    except requests.RequestException as error:
        raise self.retry(exc=error) from error

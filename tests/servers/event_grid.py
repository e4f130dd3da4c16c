"""An Event Grid custom topic: takes events as azure-eventgrid publishes them, and delivers them to webhooks.

Sources  Microsoft, "Authenticate publishing clients using access keys or SAS", "Azure Event Grid event schema",
         "Endpoint validation with Event Grid event schema" and "... with CloudEvents schema", "Message delivery and
         retry".
"""

import hmac
import json
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import ClientSession

from fixtures.remote import Remote, Reply, Request

KEY: Final = "dG9waWMta2V5LTA4MTUtYWJjZGVmZ2hpamtsbW5vcA=="
MAX_BYTES: Final = 1_048_576
ORIGIN: Final = "eventgrid.azure.net"
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "event_grid": ("id", "subject", "eventType", "eventTime", "dataVersion"),
    "cloud_events": ("id", "source", "type", "specversion"),
}


@dataclass
class Topic:
    """One topic, behind a ``Remote``."""

    remote: Remote
    schema: str = "event_grid"
    key: str = KEY
    received: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
    """Of those that were taken."""
    faults: deque[Reply] = field(default_factory=deque)
    """What the next requests are answered, whatever they hold."""

    def __post_init__(self) -> None:
        self.remote.answer = self._answer

    @property
    def endpoint(self) -> str:
        return f"{self.remote.url}/api/events"

    def _answer(self, request: Request) -> Reply:
        if not hmac.compare_digest(request.headers.get("aeg-sas-key", ""), self.key):
            return refusal(401, "Unauthorized", "The request authorization key is not authorized for the topic.")
        if self.faults:
            return self.faults.popleft()
        if len(request.body) > MAX_BYTES:
            return refusal(413, "PayloadTooLarge", "The maximum size has been exceeded.")
        is_cloud = request.headers["content-type"].startswith("application/cloudevents-batch+json")
        if is_cloud != (self.schema == "cloud_events"):
            return refusal(400, "BadRequest", "The schema is not the topic's input schema.")
        events = json.loads(request.body)
        if any(name not in event for event in events for name in REQUIRED[self.schema]):
            return refusal(400, "BadRequest", "An event lacks a required property.")
        if any(event.get("data") == "refuse me" for event in events):
            return refusal(400, "BadRequest", "An event cannot be taken.")
        self.received += events
        self.requests += 1
        return Reply(200, b"")


def refusal(status: int, code: str, message: str, **headers: str) -> Reply:
    """An error as Event Grid words it."""
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, body, {"Content-Type": "application/json", **named})


class Webhooks:
    """Delivers events to a subscriber's URL, as the service does, once each."""

    def __init__(self, session: ClientSession, schema: str = "event_grid") -> None:
        self._session = session
        self._schema = schema

    async def handshake(self, url: str, headers: Mapping[str, str] | None = None) -> bool:
        """Whether the subscriber agrees to get events."""
        if self._schema == "cloud_events":
            asked = {"WebHook-Request-Origin": ORIGIN, "WebHook-Request-Rate": "120", **(headers or {})}
            async with self._session.options(url, headers=asked) as answer:
                return answer.status == 200 and answer.headers.get("WebHook-Allowed-Origin") in ("*", ORIGIN)
        code = str(uuid.uuid4())
        data = {"validationCode": code, "validationUrl": f"https://rp.eventgrid.azure.net/validate?id={code}"}
        event = self.event(data, event_type="Microsoft.EventGrid.SubscriptionValidationEvent")
        told = {"aeg-event-type": "SubscriptionValidation", **(headers or {})}
        async with self._session.post(url, json=[event], headers=told) as answer:
            if answer.status != 200:
                return False
            return bool((await answer.json(content_type=None)).get("validationResponse") == code)

    async def deliver(self, url: str, *data: Any, headers: Mapping[str, str] | None = None) -> int:
        """The status of one delivery of events that carry ``data``."""
        told = {"aeg-event-type": "Notification", "aeg-delivery-count": "0", **(headers or {})}
        if self._schema == "cloud_events":
            body: Any = self.event(data[0])
            told["Content-Type"] = "application/cloudevents+json; charset=utf-8"
        else:
            body = [self.event(each) for each in data]
        async with self._session.post(url, data=json.dumps(body), headers=told) as answer:
            return answer.status

    def event(self, data: Any, event_type: str = "TrackProcessed") -> dict[str, Any]:
        """An event with ``data``, with what the service adds to it."""
        now = datetime.now(UTC).isoformat()
        if self._schema == "cloud_events":
            attributes = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/topics/in", "type": event_type}
            return {**attributes, "time": now, "subject": "s", "data": data}
        return {
            "id": str(uuid.uuid4()),
            "topic": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.EventGrid/topics/in",
            "subject": "s",
            "eventType": event_type,
            "eventTime": now,
            "data": data,
            "dataVersion": "1.0",
            "metadataVersion": "1",
        }

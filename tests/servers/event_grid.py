"""An Event Grid custom topic: takes events as azure-eventgrid publishes them.

Sources  Microsoft, "Authenticate publishing clients using access keys or SAS", "Azure Event Grid event schema".
"""

import hmac
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fixtures.remote import Remote, Reply, Request

KEY: Final = "dG9waWMta2V5LTA4MTUtYWJjZGVmZ2hpamtsbW5vcA=="
JWT: Final = "eyJhbGciOiJub25lIn0.e30.of-a-test"
"""Taken for a token of Microsoft Entra ID."""
MAX_BYTES: Final = 1_048_576
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
    jwt: str = JWT
    received: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
    """Of those that were taken."""
    faults: deque[Reply] = field(default_factory=deque)
    """What the next requests are answered, whatever they hold."""

    poison: bytes | None = None
    """No request is taken that holds it."""

    def __post_init__(self) -> None:
        self.remote.answer = self.answer

    @property
    def endpoint(self) -> str:
        return f"{self.remote.url}/api/events"

    def answer(self, request: Request) -> Reply:
        """What the topic says; what it takes is in ``received``."""
        shown = request.headers.get("aeg-sas-key", "")
        if not hmac.compare_digest(shown, self.key) and request.headers.get("authorization") != f"Bearer {self.jwt}":
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
        if self.poison is not None and self.poison in request.body.replace(b": ", b":").replace(b", ", b","):
            return refusal(400, "BadRequest", "An event cannot be taken.")
        self.received += events
        self.requests += 1
        return Reply(200, b"")


def refusal(status: int, code: str, message: str, **headers: str) -> Reply:
    """An error as Event Grid words it."""
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, body, {"Content-Type": "application/json", **named})

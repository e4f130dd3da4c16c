"""Azure Event Grid, in: a webhook that events are delivered to, in Event Grid's schema or as CloudEvents.

Sources  Microsoft, "Endpoint validation with Event Grid event schema", "... with CloudEvents schema", "Message delivery
         and retry", "Secure webhook with a secret as query parameter"; CloudEvents, "HTTP 1.1 Web Hooks for Event
         Delivery" 1.0.

Needs no SDK. An event's ``data`` is the message, as the bytes that stand there. A body that can be no envelope is kept
whole in quarantine, and acknowledged.
"""

import base64
import hmac
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from postroad.transports.auth import Secret
from postroad.transports.receiving import (
    NOT_JSON,
    STRANGER,
    Push,
    PushAnswer,
    PushHead,
    PushRequest,
    PushSpec,
    Received,
    ReceiverMeans,
    Take,
)

VALIDATION: Final = "Microsoft.EventGrid.SubscriptionValidationEvent"
EVENTS: Final = "notification"
"""The ``aeg-event-type`` of what carries events."""
ALLOWED_RATE: Final = "*"
RETRY_AFTER_S: Final = 10
STORED: Final = PushAnswer(status=200)
LATER: Final = PushAnswer(status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
WRONG: Final = PushAnswer(status=400)
MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""A batch, or an event, of 1 MB, and what is around it."""


class EventGridPushConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``config`` of a provider's ``receive`` with ``transport: event_grid``."""

    secret: Annotated[
        Secret,
        Meta(
            min_length=16,
            description="Shown in the webhook's URL, `?code=...`, or by a delivery header `Authorization: Bearer ...`.",
        ),
    ]

    def __repr__(self) -> str:
        """Without the secret."""
        return "EventGridPushConfig(secret=<hidden>)"


class _Event(msgspec.Struct):
    """As much of an event as is looked at, in either schema."""

    id: str
    data: msgspec.Raw = msgspec.Raw()
    data_base64: str | None = None
    event_type: str | None = msgspec.field(default=None, name="eventType")


class EventGridPush:
    """See ``Push``."""

    def __init__(self, config: EventGridPushConfig, _means: ReceiverMeans) -> None:
        self._secret = config.secret.encode()

    async def refuses(self, head: PushHead) -> PushAnswer | None:
        """See ``Push``."""
        known = any(hmac.compare_digest(shown, self._secret) for shown in _shown(head))
        return None if known else STRANGER

    async def answer(self, request: PushRequest, take: Take) -> PushAnswer:
        """See ``Push``."""
        if request.method == "OPTIONS":
            return _allowed(request)
        if request.headers.get("aeg-event-type", EVENTS).lower() not in (EVENTS, "subscriptionvalidation"):
            return STORED  # the subscription was deleted, or the like
        try:
            events = _events(request.body)
        except NOT_JSON:
            return await _taken([Received(body=request.body)], take)
        if len(events) == 1 and events[0].event_type == VALIDATION:
            return _validated(events[0])
        return await _taken([Received(body=_body(event), request_id=event.id) for event in events], take)

    async def close(self) -> None:
        """See ``Push``."""


async def _taken(messages: list[Received], take: Take) -> PushAnswer:
    """One after the other. If one cannot be taken now, all of them come again; those that were taken are known then."""
    for received in messages:
        if await take(received) == "later":
            return LATER
    return STORED


def _shown(head: PushHead) -> Iterator[bytes]:
    """What the caller shows for a secret."""
    yield head.query.get("code", "").encode()
    scheme, _, token = head.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield token.strip().encode()


def _allowed(request: PushRequest) -> PushAnswer:
    """CloudEvents' handshake: whoever shows the secret may deliver."""
    origin = request.headers.get("webhook-request-origin")
    if not origin:
        return WRONG
    return PushAnswer(
        status=200, headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": ALLOWED_RATE, "Allow": "POST"}
    )


def _validated(event: _Event) -> PushAnswer:
    """Event Grid's handshake: the code is said back."""
    try:
        code = msgspec.json.decode(event.data, type=_Validation).validation_code
    except NOT_JSON:
        return WRONG
    return PushAnswer(status=200, body=msgspec.json.encode({"validationResponse": code}))


class _Validation(msgspec.Struct):
    validation_code: str = msgspec.field(name="validationCode")


def _events(body: bytes) -> list[_Event]:
    """The events of a request: an array, or a single CloudEvent. Raises one of ``NOT_JSON``."""
    decoded: Any = msgspec.json.decode(body, type=list[_Event] | _Event)
    return decoded if isinstance(decoded, list) else [decoded]


def _body(event: _Event) -> bytes:
    """What the event carries. JSON that was put into a string, as some senders do, is taken out of it."""
    if event.data_base64 is not None:
        try:
            return base64.b64decode(event.data_base64, validate=True)
        except ValueError:
            return event.data_base64.encode()
    raw = bytes(event.data)
    try:
        return msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw
    except NOT_JSON:
        return raw


def open_event_grid_push(config: EventGridPushConfig, means: ReceiverMeans) -> Push:
    """See ``PushSpec.open``."""
    return EventGridPush(config, means)


EVENT_GRID_PUSH = PushSpec(
    config_type=EventGridPushConfig,
    open=open_event_grid_push,
    max_body_bytes=MAX_BODY_BYTES,
    methods=("POST", "OPTIONS"),
)

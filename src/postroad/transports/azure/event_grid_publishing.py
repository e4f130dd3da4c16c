"""Azure Event Grid by ``azure-eventgrid``: needs the extra ``azure``.

The SDK's own retries are off: they know 503, not 429. When to try again is delivery's to say.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import AzureError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent
from azure.eventgrid.aio import EventGridPublisherClient

from postroad.clock import Clock, from_us
from postroad.egress.client import Answer, EgressClient, Timeouts
from postroad.egress.failures import EgressFailed
from postroad.errors import EgressRefused
from postroad.transports.answers import MAX_DETAIL_CHARS, excerpt, mask, reason_of, retry_after_s
from postroad.transports.azure.credential import Credential
from postroad.transports.azure.event_grid import MAX_REQUEST_BYTES, EventGridConfig
from postroad.transports.azure.namespace import ENVELOPE_BYTES
from postroad.transports.azure.pipeline import EgressHttp, EgressResponse
from postroad.transports.base import Delivered, Failed, Message, Outcome
from postroad.transports.gathering import Gathered
from postroad.transports.headers import WEBHOOK_SIGNATURE
from postroad.transports.spec import Step, answer_step

MAX_EVENTS: Final = 500
"""Of a request; Event Grid takes more, and counts the bytes all the same."""
CALLS: Final = 4
"""Requests under way: there is no order to keep."""
_CLOSE_ENOUGH_BYTES: Final = 65_536
"""Below it an event's size is estimated, not measured."""
_OF_AN_EVENT: Final = frozenset({400, 413})
"""Statuses that one event of several may be the reason of."""


class EventGrid:
    """A ``Transport``. What waits goes in one request, which is taken whole or not at all.

    A request that is refused for what is in it is sent once more event by event, and only what is at fault fails.
    """

    def __init__(self, config: EventGridConfig, egress: EgressClient, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._secrets = tuple(config.secrets())
        self._pool = egress.pool(ca_file=config.ca_file)
        self._credential: Credential | None = None
        if config.identity is not None:
            self._credential = Credential(config.identity, egress, ca_file=config.ca_file)
        self._client = EventGridPublisherClient(
            config.endpoint,
            self._credential or AzureKeyCredential(str(config.topic_key)),
            transport=EgressHttp(self._pool, Timeouts(config.timeout_s, config.connect_timeout_s)),
            retry_total=0,
            permit_redirects=False,
        )
        self._gathered = Gathered(
            self._call, max_items=MAX_EVENTS, max_bytes=MAX_REQUEST_BYTES, size=_request_bytes, calls=CALLS
        )

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        if message.copy is not None:
            return Failed(
                reason="rejected", detail="its data is to be copied first, and the destination has no storage"
            )
        if WEBHOOK_SIGNATURE in message.headers:
            return Failed(reason="refused_address", detail="Event Grid carries no signature, and nothing goes unsigned")
        try:
            size = _request_bytes(message)
        except msgspec.DecodeError:
            return Failed(reason="rejected", detail="Event Grid carries JSON, and this is none")
        if size > MAX_REQUEST_BYTES:
            return Failed(reason="too_large", detail=f"{size} bytes as an event, of {MAX_REQUEST_BYTES} at most")
        return await self._gathered.send(message)

    def endpoint(self, wire_type: str) -> str:  # noqa: ARG002  # one topic takes all
        """See ``Transport``."""
        return ""

    async def close(self) -> None:
        """See ``Transport``."""
        await self._gathered.close()
        await self._client.close()
        if self._credential is not None:
            await self._credential.close()
        await self._pool.close()

    async def probe(self, message: Message | None) -> tuple[Step, ...]:
        """See ``TransportSpec.probe``."""
        taken: list[Step] = []
        try:
            for name, step in (("addresses", self._addresses), ("tls", self._tls)):
                taken.append(await _step(name, step))
                if not taken[-1].ok:
                    return tuple(taken)
            if message is not None:
                taken.append(await self._answer(message))
        finally:
            await self.close()
        return tuple(taken)

    # --- sending

    async def _call(self, messages: Sequence[Message]) -> list[Outcome]:
        outcome = await self._publish(messages)
        if len(messages) > 1 and isinstance(outcome, Failed) and outcome.status in _OF_AN_EVENT:
            return [await self._publish([message]) for message in messages]
        return [outcome] * len(messages)

    async def _publish(self, messages: Sequence[Message]) -> Outcome:
        started = self._clock.monotonic_s()
        now = from_us(self._clock.now_us())
        try:
            await self._client.send([self._event(message, now) for message in messages])
        except AzureError as exc:
            failed = self._refused(exc)
        except EgressRefused as exc:
            failed = Failed(reason="refused_address", detail=self._masked(str(exc)))
        except EgressFailed as exc:
            failed = Failed(reason=exc.reason, detail=self._masked(exc.detail))
        else:
            return Delivered(status=200, elapsed_s=self._clock.monotonic_s() - started)
        return msgspec.structs.replace(failed, elapsed_s=self._clock.monotonic_s() - started)

    def _event(self, message: Message, now: datetime) -> EventGridEvent | CloudEvent[Any]:
        config = self._config
        kind = config.event_type or message.wire_type or "postroad.bulk"
        data = msgspec.json.decode(message.body)
        if config.schema == "event_grid":
            return EventGridEvent(
                subject=config.subject,
                event_type=kind,
                data=data,
                data_version=config.data_version,
                id=message.request_id,
                event_time=now,
            )
        return CloudEvent(
            source=config.source,
            type=kind,
            subject=config.subject,
            data=data,
            datacontenttype="application/json",
            id=message.request_id,
            time=now,
        )

    def _refused(self, exc: AzureError) -> Failed:
        for each in (exc, exc.__cause__):  # of a 404 the SDK makes an exception of its own
            response = getattr(each, "response", None)
            if isinstance(response, EgressResponse):
                return self._answered(response.answer)
        return Failed(reason="credentials", detail=self._masked(str(exc)))  # an identity's, over its own connections

    def _answered(self, answer: Answer) -> Failed:
        return Failed(
            reason=reason_of(answer.status) or "unexpected",
            status=answer.status,
            detail=excerpt(answer, self._secrets),
            retry_after_s=retry_after_s(answer.headers.get("retry-after"), self._clock.now_us()),
        )

    def _masked(self, detail: str) -> str:
        return mask(" ".join(detail.split()), self._secrets, MAX_DETAIL_CHARS)

    # --- trying it out

    async def _addresses(self) -> str:
        return ", ".join(await self._pool.addresses(self._config.endpoint))

    async def _tls(self) -> str:
        peer = await self._pool.peer(self._config.endpoint, timeout_s=self._config.connect_timeout_s)
        return f"{peer.tls_version}; certificate for {', '.join(peer.names)} by {peer.issuer}"

    async def _answer(self, message: Message) -> Step:
        return answer_step(await self.send(message))


async def _step(name: str, step: Callable[[], Awaitable[str]]) -> Step:
    try:
        return Step(name=name, ok=True, detail=await step())
    except (EgressFailed, EgressRefused) as exc:
        return Step(name=name, ok=False, detail=str(exc))


def _request_bytes(message: Message) -> int:
    """What the message takes in a request. Raises ``msgspec.DecodeError`` if it is no JSON.

    The SDK writes JSON in ASCII, with a space after each mark: at most three times what it was, but for odd numbers.
    """
    most = 3 * len(message.body) + ENVELOPE_BYTES
    data = msgspec.json.decode(message.body)
    return most if most <= _CLOSE_ENOUGH_BYTES else len(json.dumps(data)) + ENVELOPE_BYTES

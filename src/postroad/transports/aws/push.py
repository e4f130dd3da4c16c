"""What a topic pushes by HTTPS: one message a request, signed by Amazon; and the handshake of a subscription.

Source   Amazon, "Sending Amazon SNS notifications to HTTP(S) endpoints".

Any answer of 2xx acknowledges; what could not be kept is answered 503 and comes again by the topic's delivery policy.
"""

from typing import Final

from postroad.egress.client import Answer, Timeouts
from postroad.egress.failures import EgressFailed
from postroad.errors import EgressRefused
from postroad.transports.aws.config import SnsPushConfig
from postroad.transports.aws.envelope import Envelope, envelopes
from postroad.transports.aws.signature import BadSignature, Hosts, NoCertificate, SignatureCheck
from postroad.transports.receiving import (
    NOT_JSON,
    STRANGER,
    PushAnswer,
    PushHead,
    PushRequest,
    Received,
    ReceiverMeans,
    Take,
)

ACKNOWLEDGED: Final = PushAnswer(status=204)
LATER: Final = PushAnswer(status=503, headers={"Retry-After": "5"})
TOPIC_HEADER: Final = "x-amz-sns-topic-arn"
MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""256 KiB, each byte of which may be written as an escape of six, and what is around them."""
ENDED: Final = "the subscription was ended: subscribe the topic again"
MAX_ANSWER_BYTES: Final = 64 * 1024
TIMEOUTS: Final = Timeouts(10.0, 5.0)


class SnsPush:
    """A ``Push``."""

    def __init__(self, config: SnsPushConfig, means: ReceiverMeans) -> None:
        """Certificates are fetched when the first message comes."""
        self._config = config
        self._tell = means.tell
        self._pool = means.egress.pool(ca_file=config.ca_file)
        self._hosts = Hosts(config.topic_arn, config.endpoint)
        self._signatures = SignatureCheck(self._certificate, hosts=self._hosts, clock=means.clock)

    async def refuses(self, head: PushHead) -> PushAnswer | None:
        """See ``Push``. Only a body is signed; who does not even name the topic is not read."""
        return None if head.headers.get(TOPIC_HEADER) == self._config.topic_arn else STRANGER

    async def answer(self, request: PushRequest, take: Take) -> PushAnswer:
        """See ``Push``."""
        try:
            envelope = envelopes.decode(request.body)
        except NOT_JSON:
            return STRANGER
        if envelope.topic_arn != self._config.topic_arn:
            return STRANGER
        try:
            await self._signatures.check(envelope)
        except BadSignature:
            return STRANGER
        except NoCertificate as exc:
            self._tell(str(exc))
            return LATER
        if envelope.type == "SubscriptionConfirmation":
            return await self._confirm(envelope)
        if envelope.type == "UnsubscribeConfirmation":
            self._tell(ENDED)
            return ACKNOWLEDGED
        self._tell(None)
        verdict = await take(Received(body=envelope.message.encode(), request_id=envelope.message_id))
        return LATER if verdict == "later" else ACKNOWLEDGED

    async def close(self) -> None:
        """See ``Push``."""
        await self._pool.close()

    async def _confirm(self, envelope: Envelope) -> PushAnswer:
        """Say yes to a subscription, by asking for the URL that the topic gives."""
        url = envelope.subscribe_url
        if not isinstance(url, str) or not self._hosts.allows(url):
            return STRANGER
        try:
            answer = await self._get(url)
        except (EgressFailed, EgressRefused) as exc:
            self._tell(f"the subscription cannot be confirmed: {exc}")
            return LATER
        if answer.status != 200:
            self._tell(f"the subscription cannot be confirmed: answered {answer.status}")
            return LATER
        self._tell(None)
        return ACKNOWLEDGED

    async def _certificate(self, url: str) -> bytes:
        try:
            answer = await self._get(url)
        except (EgressFailed, EgressRefused) as exc:
            raise NoCertificate(f"the certificate of a push's signature cannot be fetched: {exc}") from exc
        if 400 <= answer.status <= 499:
            raise BadSignature  # it names a certificate that Amazon does not have
        if answer.status != 200:
            raise NoCertificate(f"the certificate of a push's signature cannot be fetched: answered {answer.status}")
        return answer.body

    async def _get(self, url: str) -> Answer:
        return await self._pool.get(url, {}, TIMEOUTS, max_bytes=MAX_ANSWER_BYTES)

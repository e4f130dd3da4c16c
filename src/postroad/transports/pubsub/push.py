"""What a subscription pushes: one message a request, with a token that Google signed for its service account.

Source   Google's documentation of push subscriptions: the wrapped body, and authentication by an OIDC token.

Any answer of 2xx acknowledges, so what could not be kept is answered 503 and comes again.
"""

import base64
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from postroad.egress.client import Timeouts
from postroad.egress.failures import EgressFailed
from postroad.errors import EgressRefused
from postroad.transports.pubsub.config import PubSubPushConfig
from postroad.transports.pubsub.tokens import BadToken, NoCertificates, TokenCheck
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
NO_MESSAGE: Final = PushAnswer(status=400)
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""10 MB of data in base64, a hundred attributes of 1,280 bytes, and what is around them."""
MAX_CERTIFICATES_BYTES: Final = 256 * 1024
CERTIFICATE_TIMEOUTS: Final = Timeouts(10.0, 5.0)


class _Wrapped(msgspec.Struct, rename="camel"):
    message_id: Annotated[str, Meta(max_length=1024)] = ""
    data: str = ""


class _Pushed(msgspec.Struct):
    message: _Wrapped


_decoder = msgspec.json.Decoder(_Pushed)


class PubSubPush:
    """A ``Push``."""

    def __init__(self, config: PubSubPushConfig, means: ReceiverMeans) -> None:
        """Certificates are fetched when the first token comes."""
        self._config = config
        self._tell = means.tell
        self._pool = means.egress.pool(ca_file=config.ca_file)
        self._tokens = TokenCheck(
            self._certificates,
            audience=config.audience,
            email=config.service_account_email,
            clock=means.clock,
        )

    async def refuses(self, head: PushHead) -> PushAnswer | None:
        """See ``Push``."""
        try:
            await self._tokens.check(head.headers.get("authorization", ""))
        except BadToken:
            return STRANGER
        except NoCertificates as exc:
            self._tell(str(exc))
            return LATER
        self._tell(None)
        return None

    async def answer(self, request: PushRequest, take: Take) -> PushAnswer:
        """See ``Push``."""
        try:
            message = _decoder.decode(request.body).message
            data = base64.b64decode(message.data, validate=True)
        except NOT_JSON:
            return NO_MESSAGE
        verdict = await take(Received(body=data, request_id=message.message_id))
        return LATER if verdict == "later" else ACKNOWLEDGED

    async def close(self) -> None:
        """See ``Push``."""
        await self._pool.close()

    async def _certificates(self) -> bytes:
        try:
            answer = await self._pool.get(
                self._config.certs_url, {}, CERTIFICATE_TIMEOUTS, max_bytes=MAX_CERTIFICATES_BYTES
            )
        except (EgressFailed, EgressRefused) as exc:
            raise NoCertificates(f"the certificates of push tokens cannot be fetched: {exc}") from exc
        if answer.status != 200:
            raise NoCertificates(f"the certificates of push tokens cannot be fetched: answered {answer.status}")
        return answer.body

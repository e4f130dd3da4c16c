"""HTTPS: one POST for a bulk, confirmed by a status of 2xx."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad import __version__
from postroad.clock import Clock
from postroad.egress.client import Answer, EgressClient, Timeouts
from postroad.egress.failures import EgressFailed
from postroad.egress.tokens import TokenFailed
from postroad.errors import EgressRefused
from postroad.transports.answers import MAX_DETAIL_CHARS, excerpt, mask, reason_of, retry_after_s
from postroad.transports.auth import Auth, BasicAuth, ClientCredentialsAuth, NoAuth, Secret
from postroad.transports.base import Delivered, Failed, Message, Outcome, Reason
from postroad.transports.credentials import credentials_for
from postroad.transports.headers import check_headers

_Seconds = Annotated[float, Meta(gt=0, le=600)]
_SECRET_CHARS = 8


class HttpsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``config`` of a destination with ``transport: https``."""

    url: Annotated[str, Meta(description="Where to POST, https.")]
    staging_url: Annotated[str | None, Meta(description="Where to POST while environment is staging, https.")] = None
    environment: Annotated[
        Literal["production", "staging"], Meta(description="Which of the two URLs is used: url, or staging_url.")
    ] = "production"
    auth: Annotated[Auth, Meta(description="How we authenticate.")] = NoAuth()
    headers: Annotated[dict[str, Secret], Meta(description="Headers sent with every request.")] = {}
    ca_file: Annotated[
        str | None, Meta(description="PEM file of certificate authorities to trust beside the system's.")
    ] = None
    client_cert_file: Annotated[
        str | None, Meta(description="PEM file of the certificate, and its chain, that we show when asked for one.")
    ] = None
    client_key_file: Annotated[
        str | None, Meta(description="PEM file of that certificate's key; without it the key is in client_cert_file.")
    ] = None
    timeout_s: Annotated[_Seconds, Meta(description="For one request and its whole answer, in seconds.")] = 30.0
    connect_timeout_s: Annotated[_Seconds, Meta(description="For TCP and TLS to one address, in seconds.")] = 10.0

    def __post_init__(self) -> None:
        """Check the headers (``Authorization`` is fine unless ``auth`` makes one), and that no key stands alone."""
        check_headers(self.headers, also=() if isinstance(self.auth, NoAuth) else ("authorization",))
        if self.environment == "staging" and self.staging_url is None:
            raise ValueError("environment is staging and no staging_url is given")
        if self.client_key_file is not None and self.client_cert_file is None:
            raise ValueError("client_key_file is given without client_cert_file")

    @property
    def target_url(self) -> str:
        """The URL of the environment."""
        return self.staging_url if self.environment == "staging" and self.staging_url is not None else self.url

    def __repr__(self) -> str:
        """Without secrets: query, header values and credentials can be."""
        return (
            f"HttpsConfig(url={self.target_url.partition('?')[0]!r}, auth={self.auth!r}, "
            f"headers={sorted(self.headers)}, "
            f"ca_file={self.ca_file!r}, client_cert_file={self.client_cert_file!r}, "
            f"client_key_file={self.client_key_file!r}, timeout_s={self.timeout_s}, "
            f"connect_timeout_s={self.connect_timeout_s})"
        )


class Https:
    """A ``Transport``. One attempt is one request; or two, with a token request between, when a token was refused."""

    def __init__(self, config: HttpsConfig, egress: EgressClient, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self.pool = egress.pool(
            ca_file=config.ca_file, client_cert_file=config.client_cert_file, client_key_file=config.client_key_file
        )
        self._timeouts = Timeouts(config.timeout_s, config.connect_timeout_s)
        self.credentials = credentials_for(config.auth, self.pool, clock, self._timeouts)
        self._secrets = tuple(_secrets(config))

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        started = self._clock.monotonic_s()

        def failed(reason: Reason, detail: str) -> Failed:
            hidden = mask(detail, self._secrets, MAX_DETAIL_CHARS)
            return Failed(reason=reason, detail=hidden, elapsed_s=self._clock.monotonic_s() - started)

        try:
            authorization = await self.credentials.authorization()
            answer = await self._post(message, authorization)
            sent = [authorization]
            if self.credentials.refused(authorization, answer.status):
                authorization = await self.credentials.authorization()
                answer = await self._post(message, authorization)
                sent.append(authorization)
        except TokenFailed as exc:
            return failed("credentials", str(exc))
        except EgressRefused as exc:
            return failed("refused_address", str(exc))
        except EgressFailed as exc:
            return failed(exc.reason, exc.detail)
        return self._outcome(answer, sent, self._clock.monotonic_s() - started)

    async def close(self) -> None:
        """See ``Transport``."""
        await self.credentials.close()
        await self.pool.close()

    async def _post(self, message: Message, authorization: str | None) -> Answer:
        headers = {
            **self._config.headers,
            **message.headers,
            "Content-Type": message.content_type,
            "X-Request-Id": message.request_id,
            "User-Agent": f"postroad/{__version__}",
        }
        if authorization is not None:
            headers["Authorization"] = authorization
        return await self.pool.post(self._config.target_url, message.body, headers, self._timeouts)

    def _outcome(self, answer: Answer, sent: list[str | None], elapsed_s: float) -> Outcome:
        reason = reason_of(answer.status)
        if reason is None:
            return Delivered(status=answer.status, elapsed_s=elapsed_s)
        secrets = (*self._secrets, *(value.partition(" ")[2] for value in sent if value is not None))
        return Failed(
            reason=reason,
            status=answer.status,
            detail=excerpt(answer, secrets),
            retry_after_s=retry_after_s(answer.headers.get("retry-after"), self._clock.now_us()),
            elapsed_s=elapsed_s,
        )


def _secrets(config: HttpsConfig) -> Iterator[str]:
    """What must not appear in a detail, should the remote side echo it."""
    # Headers, form fields and query may be keys or plain words; hiding every "1" would only spoil the sentence.
    maybe = [*_with_words(config.headers.values()), config.target_url.partition("?")[2]]
    match config.auth:
        case BasicAuth(password=password):
            yield password
        case ClientCredentialsAuth() as auth:
            yield auth.client_secret
            maybe += [*_with_words(auth.headers.values()), *auth.params.values()]
        case _:
            pass
    yield from (value for value in maybe if len(value) >= _SECRET_CHARS)


def _with_words(values: Iterable[str]) -> Iterator[str]:
    """Values, and their words: of ``Bearer abc`` the remote side may echo ``abc`` alone."""
    for value in values:
        yield value
        yield from value.split()

"""HTTPS: one POST for a bulk, confirmed by a status of 2xx.

A destination has one URL, or one for each type of event: then each URL is an endpoint of its own, and all of them share
the rest, credentials above all.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from postroad import __version__
from postroad.clock import Clock
from postroad.egress.client import Answer, EgressClient, Timeouts
from postroad.egress.failures import EgressFailed
from postroad.egress.tokens import TokenFailed
from postroad.errors import ConfigError, EgressRefused
from postroad.transports.answers import MAX_DETAIL_CHARS, excerpt, mask, reason_of, retry_after_s
from postroad.transports.auth import Auth, BasicAuth, BearerAuth, ClientCredentialsAuth, NoAuth, Secret
from postroad.transports.base import Delivered, Failed, Message, Outcome, Reason, Transport
from postroad.transports.credentials import credentials_for
from postroad.transports.headers import check_headers
from postroad.transports.storage.config import S3Storage, StorageConfig
from postroad.transports.storage.storing import StoringTransport, open_storage

_Seconds = Annotated[float, Meta(gt=0, le=600)]
_Urls = Annotated[dict[str, str], Meta(min_length=1)]
_SECRET_CHARS = 8


class HttpsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``config`` of a destination with ``transport: https``."""

    url: Annotated[str | None, Meta(description="Where to POST, https.")] = None
    urls: Annotated[_Urls | None, Meta(description="In place of url: where to POST events of each type, https.")] = None
    staging_url: Annotated[str | None, Meta(description="In place of url while environment is staging, https.")] = None
    staging_urls: Annotated[_Urls | None, Meta(description="In place of urls while environment is staging, https.")] = (
        None
    )
    environment: Annotated[
        Literal["production", "staging"],
        Meta(description="Whether url or urls is used, or staging_url or staging_urls."),
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
    storage: Annotated[
        StorageConfig | None,
        Meta(description="Where data is copied before a message speaks of it, for subscriptions that want that."),
    ] = None
    timeout_s: Annotated[_Seconds, Meta(description="For one request and its whole answer, in seconds.")] = 30.0
    connect_timeout_s: Annotated[_Seconds, Meta(description="For TCP and TLS to one address, in seconds.")] = 10.0

    def __post_init__(self) -> None:
        """Check the URLs, the headers (``Authorization`` is fine unless ``auth`` makes one), and the key's file."""
        check_headers(self.headers, also=() if isinstance(self.auth, NoAuth) else ("authorization",))
        if (self.url is None) == (self.urls is None):
            raise ValueError("give either url or urls")
        if (self.staging_urls if self.urls is None else self.staging_url) is not None:
            raise ValueError("staging_url goes with url, staging_urls with urls")
        if self.environment == "staging" and self.staging_url is None and self.staging_urls is None:
            raise ValueError(f"environment is staging and no {'staging_url' if self.url else 'staging_urls'} is given")
        if self.client_key_file is not None and self.client_cert_file is None:
            raise ValueError("client_key_file is given without client_cert_file")

    @property
    def endpoints(self) -> "Mapping[str, Endpoint]":
        """Those of the environment, by their names."""
        staging = self.environment == "staging"
        url, urls = (self.staging_url, self.staging_urls) if staging else (self.url, self.urls)
        if urls is None:
            return {"": Endpoint("", str(url), None)}
        types: dict[str, list[str]] = {}
        for wire_type, target in urls.items():
            types.setdefault(target, []).append(wire_type)
        found = [Endpoint(",".join(sorted(sharing)), target, frozenset(sharing)) for target, sharing in types.items()]
        return {endpoint.name: endpoint for endpoint in found}

    @property
    def types(self) -> Collection[str] | None:
        """The types that there is a URL for in this environment; ``None``: the one URL takes any."""
        urls = self.staging_urls if self.environment == "staging" else self.urls
        return None if urls is None else frozenset(urls)

    def __repr__(self) -> str:
        """Without secrets: query, header values and credentials can be."""
        urls = {name: endpoint.url.partition("?")[0] for name, endpoint in self.endpoints.items()}
        shown = f"url={urls['']!r}" if "" in urls else f"urls={urls!r}"
        return (
            f"HttpsConfig({shown}, auth={self.auth!r}, "
            f"headers={sorted(self.headers)}, "
            f"ca_file={self.ca_file!r}, client_cert_file={self.client_cert_file!r}, "
            f"client_key_file={self.client_key_file!r}, storage={self.storage!r}, timeout_s={self.timeout_s}, "
            f"connect_timeout_s={self.connect_timeout_s})"
        )


class Endpoint(NamedTuple):
    """A URL and what goes there."""

    name: str
    """Empty where there is one URL; else the types, sorted and joined by commas: fit for a metric label."""
    url: str
    types: Collection[str] | None
    """``None``: any."""


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
        self._by_type = {type_: endpoint for endpoint in config.endpoints.values() for type_ in endpoint.types or ()}
        self._only = config.endpoints.get("")

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        started = self._clock.monotonic_s()
        endpoint = self._endpoint(message.wire_type)

        def failed(reason: Reason, detail: str) -> Failed:
            hidden = mask(detail, self._secrets, MAX_DETAIL_CHARS)
            return Failed(reason=reason, detail=hidden, elapsed_s=self._clock.monotonic_s() - started)

        if message.copy is not None:
            return failed("rejected", "its data is to be copied first, and the destination has no storage")
        if endpoint is None:
            return failed("refused_address", "the destination has no URL for events of this type")
        try:
            authorization = await self.credentials.authorization()
            answer = await self._post(endpoint.url, message, authorization)
            sent = [authorization]
            if self.credentials.refused(authorization, answer.status):
                authorization = await self.credentials.authorization()
                answer = await self._post(endpoint.url, message, authorization)
                sent.append(authorization)
        except TokenFailed as exc:
            return failed("credentials", str(exc))
        except EgressRefused as exc:
            return failed("refused_address", str(exc))
        except EgressFailed as exc:
            return failed(exc.reason, exc.detail)
        return self._outcome(answer, sent, self._clock.monotonic_s() - started)

    def endpoint(self, wire_type: str) -> str:
        """See ``Transport``."""
        endpoint = self._endpoint(wire_type)
        if endpoint is None:
            raise ConfigError(f"its destination has no URL for {wire_type}", field="urls")
        return endpoint.name

    async def close(self) -> None:
        """See ``Transport``."""
        await self.credentials.close()
        await self.pool.close()

    def _endpoint(self, wire_type: str | None) -> Endpoint | None:
        return self._only or (None if wire_type is None else self._by_type.get(wire_type))

    async def _post(self, url: str, message: Message, authorization: str | None) -> Answer:
        headers = {
            **self._config.headers,
            **message.headers,
            "Content-Type": message.content_type,
            "X-Request-Id": message.request_id,
            "User-Agent": f"postroad/{__version__}",
        }
        if authorization is not None:
            headers["Authorization"] = authorization
        return await self.pool.post(url, message.body, headers, self._timeouts)

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


def open_https(config: HttpsConfig, egress: EgressClient, clock: Clock) -> Transport:
    """See ``TransportSpec.open``: with a storage, it is filled first."""
    https = Https(config, egress, clock)
    if config.storage is None:
        return https
    return StoringTransport(https, open_storage(config.storage, egress, clock, ca_file=config.ca_file), clock)


def _secrets(config: HttpsConfig) -> Iterator[str]:
    """What must not appear in a detail, should the remote side echo it."""
    # Headers, form fields and query may be keys or plain words; hiding every "1" would only spoil the sentence.
    queries = [endpoint.url.partition("?")[2] for endpoint in config.endpoints.values()]
    maybe = [*_with_words(config.headers.values()), *queries]
    if isinstance(config.storage, S3Storage) and config.storage.secret_access_key is not None:
        yield config.storage.secret_access_key
    match config.auth:
        case BasicAuth(password=password):
            yield password
        case BearerAuth(token=token):
            yield token
        case ClientCredentialsAuth() as auth:
            yield auth.client_secret
            maybe += [*_with_words(auth.headers.values()), *auth.params.values(), *auth.query.values()]
        case _:
            pass
    yield from (value for value in maybe if len(value) >= _SECRET_CHARS)


def _with_words(values: Iterable[str]) -> Iterator[str]:
    """Values, and their words: of ``Bearer abc`` the remote side may echo ``abc`` alone."""
    for value in values:
        yield value
        yield from value.split()

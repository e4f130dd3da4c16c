"""How Google's SDK is opened by a config: channel, credentials; and what its errors mean."""

import asyncio
import json
from pathlib import Path
from typing import Final, Literal

import google.auth
import google.auth.exceptions
import google.auth.jwt
import grpc
from google.api_core import exceptions
from google.auth.credentials import Credentials, with_scopes_if_required
from google.auth.transport.grpc import AuthMetadataPlugin
from google.auth.transport.requests import Request

from postroad.errors import ConfigError
from postroad.transports.base import Failed, Reason
from postroad.transports.pubsub.config import HOST, PubSubAccess

Service = Literal["Publisher", "Subscriber"]
"""Of ``google.pubsub.v1``."""
SCOPES: Final = ("https://www.googleapis.com/auth/pubsub",)
_PLUGIN_FAILED: Final = "metadata from plugin failed"
"""What gRPC says when no token could be had."""
_KEY_FIELD: Final = "service_account_key"
_NOTHING_HAD: Final = "no token could be had"
_DETAIL_CHARS: Final = 200
_OPTIONS: Final = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.initial_reconnect_backoff_ms", 100),  # who sends waits by its own schedule: the channel need not as well
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class _Tokens(AuthMetadataPlugin):
    """Gives gRPC a token for each call, or says that there is none: not why.

    gRPC logs what a plugin raises, and the SDK's errors quote whatever the token's endpoint answered.
    """

    def __call__(self, context: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback) -> None:
        try:
            super().__call__(context, callback)  # type: ignore[no-untyped-call]  # the SDK's
        except Exception:  # noqa: BLE001 - whatever it is, no token came of it
            callback((), google.auth.exceptions.RefreshError(_NOTHING_HAD))  # type: ignore[no-untyped-call]  # the SDK's


async def open_channel(config: PubSubAccess, service: Service) -> grpc.aio.Channel:
    """A channel to the service; it connects with the first call. Raises ``ConfigError``."""
    target = config.endpoint or HOST
    if config.plaintext:
        return grpc.aio.insecure_channel(target, options=_OPTIONS)
    credentials, authority = await asyncio.to_thread(_secured, config, service)  # the machine may be asked for them
    plugin = _Tokens(credentials, Request())  # type: ignore[no-untyped-call]  # the SDK's
    calls = grpc.metadata_call_credentials(plugin)
    both = grpc.composite_channel_credentials(grpc.ssl_channel_credentials(authority), calls)
    return grpc.aio.secure_channel(target, both, options=_OPTIONS)


def _secured(config: PubSubAccess, service: Service) -> tuple[Credentials, bytes | None]:
    """Credentials, and the authority to trust; ``None``: those that gRPC comes with."""
    return credentials_of(config, service), None if config.ca_file is None else _authority(config.ca_file)


def credentials_of(config: PubSubAccess, service: Service) -> Credentials:
    """Those of the key, or the machine's own. Raises ``ConfigError``.

    With a key each token is signed here, for this service: nobody is asked for one.
    """
    if config.service_account_key is None:
        return _of_this_machine()
    try:
        account: Credentials = google.auth.jwt.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]  # the SDK's
            json.loads(config.service_account_key), audience=f"https://pubsub.googleapis.com/google.pubsub.v1.{service}"
        )
    except (ValueError, KeyError, TypeError, AttributeError, google.auth.exceptions.GoogleAuthError) as exc:
        raise ConfigError("no key file of a service account", field=_KEY_FIELD) from exc
    return account


def _of_this_machine() -> Credentials:
    """What the environment says, or the metadata server. Raises ``ConfigError``."""
    try:
        found, _ = google.auth.default()  # with scopes it would ask for a token, and with that for the project's id
    except (ValueError, KeyError, TypeError, AttributeError, OSError, google.auth.exceptions.GoogleAuthError) as exc:
        raise ConfigError("this machine has no default credentials for Google", field=_KEY_FIELD) from exc
    scoped: Credentials = with_scopes_if_required(found, SCOPES)  # type: ignore[no-untyped-call]  # the SDK's
    return scoped


def failed(error: Exception, elapsed_s: float) -> Failed:
    """What an error of the SDK says of an attempt. Statuses are the HTTP statuses that Google gives its codes.

    Source   ``google/rpc/code.proto``, which maps each code to an HTTP status.
    """
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        return Failed(reason="credentials", detail=_NOTHING_HAD, elapsed_s=elapsed_s)
    if isinstance(error, ConfigError):
        reason: Reason = "credentials" if error.field == _KEY_FIELD else "unexpected"  # no message's fault, either way
        return Failed(reason=reason, detail=str(error), elapsed_s=elapsed_s)
    if not isinstance(error, exceptions.GoogleAPICallError):
        return Failed(reason="broken", detail=type(error).__name__, elapsed_s=elapsed_s)
    reason, status = _reason(error)
    detail = error.message[:_DETAIL_CHARS] if isinstance(error.message, str) else ""
    if reason == "credentials" and status is None:
        detail = _NOTHING_HAD  # the rest quotes an exception, and what that quotes nobody knows
    return Failed(reason=reason, status=status, detail=detail, elapsed_s=elapsed_s)


def _reason(error: exceptions.GoogleAPICallError) -> tuple[Reason, int | None]:
    match error:
        case exceptions.Unauthenticated():
            return "credentials", 401
        case exceptions.Forbidden():
            return "credentials", 403
        case exceptions.ResourceExhausted() | exceptions.TooManyRequests():
            return "throttled", 429
        case exceptions.ServiceUnavailable():
            if _PLUGIN_FAILED in str(error):
                return "credentials", None
            return "connect", None  # gRPC gives this code itself when it cannot connect, or loses the connection
        case exceptions.DeadlineExceeded() | exceptions.GatewayTimeout():
            return "timeout", None
        case exceptions.NotFound():
            return "rejected", 404
        case exceptions.ClientError():
            return "rejected", 400
        case exceptions.ServerError():
            return "server_error", 500
        case _:
            return "unexpected", None


def _authority(ca_file: str) -> bytes:
    try:
        return Path(ca_file).read_bytes()
    except OSError as exc:
        raise ConfigError("cannot be read", field="ca_file") from exc

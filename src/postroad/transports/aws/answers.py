"""What the SDK's errors and a batch's failed entries say of an attempt.

Source   Amazon's lists of common errors and of the errors of PublishBatch and SendMessageBatch.
"""

from collections.abc import Mapping
from typing import Any, Final

from botocore import exceptions

from postroad.errors import ConfigError
from postroad.transports.base import Failed, Reason

_CREDENTIALS: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_THROTTLED: Final = frozenset({"TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "OverLimit"})
_OF_ITS_KEY: Final = "kms"
"""How the names of errors begin that come of the key by which a topic or queue is encrypted: no message's fault."""
_FOR_CREDENTIALS: Final = ("AssumeRole", "GetRoleCredentials", "CreateToken")
"""How the operations' names begin by which the SDK gets credentials."""
_TOO_LARGE: Final = frozenset({"BatchRequestTooLong"})
_MISSING: Final = frozenset({"NotFound", "NotFoundException", "QueueDoesNotExist"})
_MISSING_QUEUE: Final = "NonExistentQueue"
"""How SQS's name of that ends, which begins with a namespace in some answers."""
_DETAIL_CHARS: Final = 200
_UNANSWERED: Final[tuple[tuple[type[Exception], Reason], ...]] = (
    (exceptions.ConnectTimeoutError, "timeout"),
    (exceptions.ReadTimeoutError, "timeout"),
    (exceptions.SSLError, "tls"),
    (exceptions.ConnectionClosedError, "broken"),
    (exceptions.EndpointConnectionError, "connect"),
    (exceptions.ProxyConnectionError, "connect"),
    (exceptions.HTTPClientError, "broken"),
    (exceptions.ParamValidationError, "rejected"),
)
_NO_CREDENTIALS: Final = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
    exceptions.RefreshWithMFAUnsupportedError,
    FileNotFoundError,  # the file of a workload's token; what comes of a socket is wrapped by the SDK
    PermissionError,
)


def failed(error: Exception, elapsed_s: float) -> Failed:
    """What an error of a whole request says."""
    if isinstance(error, exceptions.ClientError):
        given = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status is not None and status < 500 and error.operation_name.startswith(_FOR_CREDENTIALS):
            status = 403  # a role that is not there is no message's fault either
        return _told(str(given.get("Code", "")), str(given.get("Message", "")), status, elapsed_s)
    if isinstance(error, _NO_CREDENTIALS):
        return Failed(reason="credentials", detail="no credentials could be had", elapsed_s=elapsed_s)
    if isinstance(error, ConfigError):
        return Failed(reason="unexpected", detail=str(error), elapsed_s=elapsed_s)  # no message's fault
    for kind, reason in _UNANSWERED:
        if isinstance(error, kind):
            return Failed(reason=reason, detail=type(error).__name__, elapsed_s=elapsed_s)
    return Failed(reason="broken", detail=type(error).__name__, elapsed_s=elapsed_s)


def entry_failed(entry: Mapping[str, Any], elapsed_s: float) -> Failed:
    """What one of a batch's failed entries says."""
    status = 400 if entry.get("SenderFault", False) else 500
    return _told(str(entry.get("Code", "")), str(entry.get("Message", "")), status, elapsed_s)


def _told(code: str, message: str, status: int | None, elapsed_s: float) -> Failed:
    reason, status = _reason(code, status)
    # An answer about credentials can quote what was signed, or who we are: its code says enough.
    detail = code if reason == "credentials" else f"{code}: {message}"[:_DETAIL_CHARS]
    return Failed(reason=reason, status=status, detail=detail, elapsed_s=elapsed_s)


def _reason(code: str, status: int | None) -> tuple[Reason, int | None]:
    if "throttl" in code.lower() or code in _THROTTLED or status == 429:
        return "throttled", 429
    if code in _CREDENTIALS or code.lower().startswith(_OF_ITS_KEY) or status in (401, 403):
        return "credentials", status if status in (401, 403) else 403
    if code in _TOO_LARGE or status == 413:
        return "too_large", 413
    if code in _MISSING or code.endswith(_MISSING_QUEUE) or status == 404:
        return "rejected", 404
    if status is None:
        return "unexpected", None
    if status >= 500:
        return "server_error", status
    return ("rejected" if status >= 400 else "unexpected"), status

"""Calls of Azure's AMQP SDKs: how long one may take, and what it means when it fails."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Final, TypeVar

from azure.core.exceptions import ClientAuthenticationError

from postroad.egress.failures import EgressFailed
from postroad.errors import EgressRefused, PostroadError
from postroad.transports.base import Reason

CLOSE_S: Final = 5.0
"""How long an SDK may take to say goodbye."""
_CANCEL_AGAIN_S: Final = 0.2
_UNAUTHORIZED: Final = frozenset({401, 403, "401", "403"})
_AGAIN: Final = re.compile(r"\s*(?:Error condition|Error): ")
_T = TypeVar("_T")


class AmqpFailed(PostroadError):
    """What an SDK raised, as a reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


async def bounded(call: Coroutine[Any, Any, _T], timeout_s: float | None) -> _T:
    """What ``call`` returns, or raises. Raises ``TimeoutError`` when it takes longer; then, or cancelled, it has ended.

    An SDK asks ``asyncio.wait_for`` for each frame. Before Python 3.12 that loses a cancellation which arrives together
    with a frame: so it is cancelled until it ends.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=timeout_s)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CANCEL_AGAIN_S)
        if not task.cancelled():
            task.exception()  # looked at: nobody else will


@contextlib.contextmanager
def translated(reason_of: Callable[[BaseException], Reason | None]) -> Iterator[None]:
    """Around calls of an SDK: what it raises becomes ``AmqpFailed``; ``reason_of`` knows the SDK's own exceptions."""
    try:
        yield
    except PostroadError:
        raise
    except Exception as exc:  # an SDK raises what its parts raise, from OSError to KeyError
        for cause in _causes(exc):
            if isinstance(cause, EgressFailed | EgressRefused):  # of a token, which comes by the hub's egress
                raise cause from exc
            if (reason := _reason_beneath(cause)) is not None:
                raise AmqpFailed(reason, _sentence(cause)) from exc
        raise AmqpFailed(reason_of(exc) or "unexpected", _sentence(exc)) from exc


def reason_of_condition(condition: str) -> Reason | None:
    """What an AMQP error condition means for an attempt; ``None``: nothing that is known.

    Source   OASIS AMQP 1.0, part 2, section 2.8.15 ff.; Microsoft, "AMQP errors in Azure Service Bus".
    """
    return _CONDITIONS.get(condition.rpartition(":")[2])


_CONDITIONS: Mapping[str, Reason] = {
    "unauthorized-access": "credentials",
    "not-found": "unexpected",
    "auth-failed": "credentials",
    "server-busy": "throttled",
    "resource-limit-exceeded": "throttled",
    "timeout": "timeout",
    "message-size-exceeded": "too_large",
    "frame-size-too-small": "too_large",
    "argument-error": "rejected",
    "argument-out-of-range": "rejected",
    "decode-error": "rejected",
    "invalid-field": "rejected",
    "not-implemented": "rejected",
    "internal-error": "server_error",
    "forced": "broken",
    "detach-forced": "broken",
    "framing-error": "broken",
    "socket-error": "broken",
    "client-error": "broken",
    "operation-cancelled": "broken",
}


def told(exc: BaseException) -> tuple[Reason, str]:
    """A failure's reason, and a sentence in which secrets are not hidden yet."""
    match exc:
        case AmqpFailed(reason=reason):
            return reason, str(exc)
        case EgressFailed(reason=reason, detail=detail):
            return reason, detail
        case EgressRefused():
            return "refused_address", str(exc)
        case _:
            return "timeout", "no answer in time"


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    """``exc`` and what it came from."""
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _reason_beneath(cause: BaseException) -> Reason | None:
    """What the socket, TLS, Entra ID or ``$cbs`` said, which the SDKs' own exceptions hide."""
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "tls"
    if isinstance(cause, ConnectionResetError | BrokenPipeError | ssl.SSLError):
        return "broken"
    if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
        return "connect"
    if isinstance(cause, ClientAuthenticationError) or getattr(cause, "status_code", None) in _UNAUTHORIZED:
        return "credentials"
    return None


def _sentence(exc: BaseException) -> str:
    """On one line, of printable characters, without what the SDKs say twice."""
    words = " ".join(_AGAIN.split(str(exc))[0].split()) or type(exc).__name__
    return "".join(char if char.isprintable() else " " for char in words)

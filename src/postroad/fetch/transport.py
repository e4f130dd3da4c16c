"""One attempt to fetch: a GET with the user's credential to a host that may be asked, and what came is appended.

The URL, the credential and the answer stay out of everything that is told: details are sentences of the hub's own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from yarl import URL

from postroad import __version__
from postroad.clock import Clock
from postroad.egress.client import Answer, Pool, Timeouts
from postroad.egress.failures import EgressFailed
from postroad.errors import EgressRefused, StoreUnavailable, WireError
from postroad.fetch.orders import Order, order_in
from postroad.ingest.inflate import TooLarge, gunzip
from postroad.log.interface import MAX_ITEM_BYTES
from postroad.protocols import damoov
from postroad.protocols.base import Item
from postroad.protocols.damoov import FetchSettings
from postroad.transports.answers import reason_of, retry_after_s
from postroad.transports.base import Delivered, Failed, Message, Outcome, Reason

MAX_DATASET_BYTES: Final = 32 * 1024 * 1024
"""Of an answer, inflated."""
_IN_PASSING_BYTES: Final = 64 * 1024
"""A larger answer is looked through in a thread."""

Keep = Callable[[bytes, Item | WireError, int], Awaitable[StoreUnavailable | None]]
"""Append a dataset (its bytes; what it says, or why it cannot be read; the notification's position), durably.

Gives why it could not be kept, or ``None``; also for what is there already.
"""


class FetchTransport:
    """A ``Transport`` that gets in place of giving."""

    def __init__(self, pool: Pool, settings: FetchSettings, *, keep: Keep, clock: Clock) -> None:
        """``pool`` is this provider's own, and closed with this."""
        self._pool = pool
        self._hosts = frozenset(settings.hosts)
        self._timeouts = Timeouts(settings.timeout_s, settings.connect_timeout_s)
        self._keep = keep
        self._clock = clock

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        started_s = self._clock.monotonic_s()
        order = order_in(message.body)
        if order is None:
            return Delivered(status=None, elapsed_s=0.0)
        try:
            status = await self._fetch(order)
        except _NotFetched as exc:
            return Failed(
                reason=exc.reason,
                status=exc.status,
                detail=exc.detail,
                retry_after_s=exc.retry_after_s,
                elapsed_s=self._clock.monotonic_s() - started_s,
            )
        return Delivered(status=status, elapsed_s=self._clock.monotonic_s() - started_s)

    def endpoint(self, wire_type: str) -> str:
        """See ``Transport``: the vendor has tracks at one host and accidents at another."""
        return "accidents" if wire_type.startswith("accident") else "tracks"

    async def close(self) -> None:
        """See ``Transport``."""
        await self._pool.close()

    async def _fetch(self, order: Order) -> int:
        """The status of the answer whose dataset is durable now. Raises ``_NotFetched``."""
        notification = bytes(order.notification)
        found = damoov.reference(damoov.read(notification))
        if found is None:
            raise AssertionError  # no order is made of it
        if not self._may_be_asked(found.url):
            raise _NotFetched("refused_address", "the URL's host is none of fetch.hosts")
        answer = await self._get(found.url, found.device_token)
        reason = reason_of(answer.status)
        if reason is not None:
            wait_s = retry_after_s(answer.headers.get("retry-after"), self._clock.now_us())
            raise _NotFetched(reason, status=answer.status, retry_after_s=wait_s)
        if len(answer.body) <= _IN_PASSING_BYTES and not _coded(answer):
            raw, says = _read(notification, answer)
        else:
            raw, says = await asyncio.to_thread(_read, notification, answer)
        failure = await self._keep(raw, says, order.position)
        if failure is not None:
            raise _NotFetched("unexpected", f"the log cannot take the dataset now ({failure.reason})")
        return answer.status

    async def _get(self, url: str, device_token: str) -> Answer:
        headers = {
            damoov.DEVICE_TOKEN_HEADER: device_token,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": f"postroad/{__version__}",
        }
        try:
            return await self._pool.get(url, headers, self._timeouts, max_bytes=MAX_DATASET_BYTES + 1)
        except EgressRefused as exc:
            raise _NotFetched("refused_address", str(exc)) from exc
        except EgressFailed as exc:
            raise _NotFetched(exc.reason, exc.detail) from exc

    def _may_be_asked(self, url: str) -> bool:
        """Whether the host is one of the settings', with the port that they say."""
        try:
            parsed = URL(url)
            host, port = (parsed.host or "").lower(), parsed.port
        except ValueError:
            return False
        named = host if port == 443 else f"{host}:{port}"
        return parsed.scheme == "https" and parsed.user is None and parsed.password is None and named in self._hosts


class _NotFetched(Exception):
    """Carries how an attempt failed to ``send``."""

    def __init__(
        self, reason: Reason, detail: str = "", *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.detail = detail
        self.status = status
        self.retry_after_s = retry_after_s


def _read(notification: bytes, answer: Answer) -> tuple[bytes, Item | WireError]:
    """The item that an answer gives, and what it says. Raises ``_NotFetched``.

    An answer without the dataset may have it later; a dataset that cannot be read is kept, for quarantine.
    """
    try:
        raw = damoov.fetched(notification, _inflated(answer))
    except WireError as exc:
        raise _NotFetched("unexpected", "the answer is no JSON") from exc
    if len(raw) > MAX_ITEM_BYTES:
        raise _too_large()
    try:
        return raw, damoov.read(raw)
    except WireError as exc:
        if exc.code == "missing":
            raise _NotFetched("unexpected", "the answer has no dataset") from exc
        return raw, WireError(exc.code, exc.field)


def _inflated(answer: Answer) -> bytes:
    """The body itself. Raises ``_NotFetched``."""
    body: bytes | None = answer.body
    if _coded(answer):
        try:
            coding = answer.headers["content-encoding"].lower()
            body = gunzip(answer.body, MAX_DATASET_BYTES) if coding == "gzip" else None
        except TooLarge as exc:
            raise _too_large() from exc
    if body is None and len(answer.body) <= MAX_DATASET_BYTES:
        raise _NotFetched("broken", "the answer is not what its Content-Encoding says")
    if body is None or len(body) > MAX_DATASET_BYTES:
        raise _too_large()
    return body


def _coded(answer: Answer) -> bool:
    return answer.headers.get("content-encoding", "identity").lower() != "identity"


def _too_large() -> _NotFetched:
    return _NotFetched("too_large", f"the dataset is larger than {MAX_DATASET_BYTES // 1024**2} MiB")

"""The fetch API: the datasets that notifications announce, at the vendor's paths, for whoever has the user's token.

Whoever asks shows a token in the header ``DeviceToken``. One that is nobody's is answered 401, whatever is asked for.
With a good one, what does not exist, is another user's, is gone or was never this instance's to have is answered 404
in the same words, so that nobody learns which of these it is. While it is not certain who may have what, all are
answered 503.
"""

import asyncio
import gzip
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postroad.access.confirmed import Confirmation
from postroad.datasets.shelf import Shelf
from postroad.errors import PostroadError, StoreUnavailable
from postroad.ingest.http.app import Page
from postroad.ingest.http.limits import RateLimit, client_key
from postroad.protocols.damoov import DEVICE_TOKEN_HEADER, PATHS, DatasetKind

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Before compression. A dataset that is longer is not given."""
AT_ONCE: Final = 4
"""Datasets that are built at the same time: each may take tens of megabytes."""
COMPRESS_FROM_BYTES: Final = 1024
RETRY_AFTER_S: Final = 5

_PRIVATE: Final = {"cache-control": "no-store", "vary": "accept-encoding"}
_log = logging.getLogger(__name__)


class FetchApi:
    """``pages`` are for the hub's HTTP server."""

    def __init__(
        self,
        shelves: Mapping[int, Shelf],
        *,
        confirmed: Confirmation,
        token_rate: RateLimit | None,
        address_rate: RateLimit | None,
    ) -> None:
        """``shelves`` are the shards'. The rates are those of one user's token, and of one address."""
        self._shelves = shelves
        self._confirmed = confirmed
        self._token_rate = token_rate
        self._address_rate = address_rate
        self._slots = asyncio.Semaphore(AT_ONCE)

    def pages(self) -> list[Page]:
        """One for each kind of dataset. Another method at these paths is answered 405."""
        return [_page(kind, partial(self._answer, kind)) for kind in PATHS]

    async def _answer(self, kind: DatasetKind, request: Request) -> Response:
        if self._address_rate is not None and request.client is not None:
            wait_s = self._address_rate.take(client_key(request.client.host))
            if wait_s:
                return _error(429, wait_s)
        if not self._confirmed.holds:
            return _error(503, RETRY_AFTER_S)
        token = request.headers.get(DEVICE_TOKEN_HEADER, "")
        known = (shelf.instances.user(token) for shelf in self._shelves.values())
        user_id = next((user for user in known if user is not None), None)
        if user_id is None:
            return _error(401)
        if self._token_rate is not None and (wait_s := self._token_rate.take(user_id)):
            return _error(429, wait_s)
        object_id = _uuid(_asked(request))
        if object_id is None:
            return _error(404)
        try:
            async with self._slots:
                found = await self._found(kind, object_id, user_id, token, zipped=_takes_gzip(request))
        except StoreUnavailable as exc:
            _log.warning("A dataset cannot be given now: %s", exc)
            return _error(503, RETRY_AFTER_S)
        except PostroadError as exc:
            _log.error("A dataset cannot be given: %s", exc)
            return _error(500)
        return found if self._confirmed.holds else _error(503, RETRY_AFTER_S)

    async def _found(
        self, kind: DatasetKind, object_id: uuid.UUID, user_id: int, token: str, *, zipped: bool
    ) -> Response:
        for shelf in self._shelves.values():
            body = await shelf.dataset(object_id, kind, user_id=user_id, token=token)
            if body is None:
                continue
            if len(body) > MAX_ANSWER_BYTES:
                _log.warning("A dataset of %d bytes is not given: it is too long", len(body))
                return _error(404)
            if not zipped or len(body) < COMPRESS_FROM_BYTES:
                return Response(body, media_type="application/json", headers=_PRIVATE)
            packed = await asyncio.to_thread(gzip.compress, body, 6, mtime=0)
            return Response(packed, media_type="application/json", headers=_PRIVATE | {"content-encoding": "gzip"})
        return _error(404)


TITLES: Final = {
    401: "The header DeviceToken holds no token that is valid here",
    404: "There is no such dataset",
    429: "Too many requests; try again later",
    500: "It cannot be answered",
    503: "It cannot be answered now; try again later",
}
"""Status -> what its answer says."""


class _Failure(msgspec.Struct, frozen=True, rename="pascal"):
    """As the vendor's own services say that something failed."""

    status: int
    title: str
    result: None = None
    errors: tuple[()] = ()


def _error(status: int, retry_after_s: int = 0) -> Response:
    headers = dict(_PRIVATE)
    if retry_after_s:
        headers["retry-after"] = str(retry_after_s)
    body = msgspec.json.encode(_Failure(status, TITLES[status]))
    return Response(body, status, media_type="application/json", headers=headers)


def _page(kind: DatasetKind, handler: Callable[[Request], Awaitable[Response]]) -> Page:
    return Page(PATHS[kind].partition("?")[0], handler)


def _asked(request: Request) -> str:
    """The id in the path, or in the query by a name in any case."""
    if "id" in request.path_params:
        return str(request.path_params["id"])
    return next((value for name, value in request.query_params.multi_items() if name.casefold() == "tracktoken"), "")


def _uuid(text: str) -> uuid.UUID | None:
    """With hyphens or without, in any case; None for anything else."""
    try:
        return uuid.UUID(text) if len(text) in (32, 36) else None
    except ValueError:
        return None


def _takes_gzip(request: Request) -> bool:
    for accepted in ",".join(request.headers.getlist("accept-encoding")).split(","):
        coding, _, weight = accepted.replace(" ", "").partition(";")
        if coding.lower() in ("gzip", "*"):
            return weight not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False

"""Damoov as the hub meets it: it notifies of what it has, and serves the datasets that it notifies of.

Source   Damoov "Backend notifications": one JSON object for each event; the dataset is at the URL in it, for
         whoever shows the user's DeviceToken in a header of that name.
Inferred That a notification is sent again until it is answered 2xx; 401 for a missing or wrong token, 404 for an id
         that is not there; ``{"Result": ..., "Status": 200}`` around accidents.
Troubles of the fetch API, for all datasets or for one: see ``Trouble``.
"""

import asyncio
import datetime as dt
import gzip
from collections import Counter
from collections.abc import Mapping
from ssl import SSLContext
from typing import Any, Final, Literal

import aiohttp
import aiohttp.web
import msgspec

from postroad.clock import Clock, from_us
from postroad.protocols.damoov import DATASET_OF, DEVICE_TOKEN_HEADER, PATHS, DatasetKind, url_of
from postroad.simulate.web_server import WebServer

SLOW_S: Final = 1.5
"""How long a slow API says nothing; a client may give up before."""
LARGE_BYTES: Final = 40 * 1024 * 1024
ELSEWHERE: Final = "/elsewhere"
"""Where a redirect leads; ``wandered`` counts who follows it."""

Trouble = Literal["down", "slow", "redirect", "large", "bomb", "no_json", "cut_gzip"] | int
"""A status: answered with it. ``down``: the connection breaks. ``large``: 40 MiB of JSON; ``bomb``: that as gzip."""

_TRACKS: Final[frozenset[DatasetKind]] = frozenset({"removed_track", "received_track", "processed_track"})
"""Answered within a frame, ``{"Result": {"Track": ...}}``."""


class Shelf(msgspec.Struct):
    """A dataset that the API has."""

    device_token: str
    body: bytes


class DamoovPlatform(WebServer):
    """The vendor's side: ``start`` the fetch API, then have things happen, each with its notification.

    Attributes:
        trouble: what is wrong with the API: by path, or ``""`` for all of it.
        compressed: whether answers are gzip for whoever takes it.
        fetches: requests of the API by path and status; ``None`` where the connection broke.
        asked: set with each request of the API; whoever waits clears it.
        tokens_shown: the ``DeviceToken`` of each request, in order.
        refused: how often a notification was not answered 2xx.
        wandered: requests that followed a redirect.
    """

    def __init__(
        self,
        notify_url: str,
        headers: Mapping[str, str],
        *,
        session: aiohttp.ClientSession,
        clock: Clock,
        again_s: float = 5.0,
    ) -> None:
        """Notifications go to ``notify_url`` with ``headers``; those that are not taken again after ``again_s``."""
        super().__init__()
        self.trouble: dict[str, Trouble] = {}
        self.compressed = False
        self.fetches: Counter[tuple[str, int | None]] = Counter()
        self.asked = asyncio.Event()
        self.tokens_shown: list[str | None] = []
        self.refused = 0
        self.wandered = 0
        self.base_url = ""
        self._notify_url = notify_url
        self._headers = dict(headers)
        self._session = session
        self._clock = clock
        self._again_s = again_s
        self._shelves: dict[str, Shelf] = {}
        self._last_us = 0

    # The fetch API.

    def application(self) -> aiohttp.web.Application:
        """See ``WebServer``."""
        app = aiohttp.web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        return app

    async def start(self, ssl_context: SSLContext | None, *, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the base URL, which notifications name from then on."""
        self.base_url = await super().start(ssl_context, host=host, port=port)
        return self.base_url

    def shelve(self, kind: DatasetKind, object_id: str, device_token: str, dataset: Mapping[str, Any]) -> None:
        """Have a dataset to be fetched; one of the same kind and id before is replaced."""
        answer = {"Result": {"Track": dataset} if kind in _TRACKS else dataset, "Status": 200}
        self._shelves[path_of(kind, object_id)] = Shelf(device_token, msgspec.json.encode(answer))

    def clear(self, kind: DatasetKind, object_id: str) -> None:
        """Have it no more."""
        self._shelves.pop(path_of(kind, object_id), None)

    async def _serve(self, request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        path = request.path_qs
        self.asked.set()
        if path == ELSEWHERE:
            self.wandered += 1
        token = request.headers.get(DEVICE_TOKEN_HEADER)
        self.tokens_shown.append(token)
        trouble = self.trouble.get(path, self.trouble.get(""))
        if trouble == "down" and request.transport is not None:
            self.fetches[path, None] += 1
            request.transport.abort()
            return aiohttp.web.Response()
        if trouble == "slow":
            await self._clock.sleep(SLOW_S)
        response = self._answer(path, token, trouble, takes_gzip="gzip" in request.headers.get("Accept-Encoding", ""))
        self.fetches[path, response.status] += 1
        return response

    def _answer(
        self, path: str, token: str | None, trouble: Trouble | None, *, takes_gzip: bool
    ) -> aiohttp.web.Response:
        match trouble:
            case int():
                return aiohttp.web.Response(status=trouble)
            case "redirect":
                return aiohttp.web.Response(status=302, headers={"Location": self.base_url + ELSEWHERE})
            case "large":
                return _json(b'{"Track":"' + b"x" * LARGE_BYTES + b'"}')
            case "bomb":
                return _gzipped(b'{"Track":"' + b"x" * LARGE_BYTES + b'"}')
            case "no_json":
                return aiohttp.web.Response(body=b"<html>busy</html>", content_type="text/html")
        shelf = self._shelves.get(path)
        if token is None or (shelf is not None and shelf.device_token != token):
            return aiohttp.web.Response(status=401)
        if shelf is None:
            return aiohttp.web.Response(status=404)
        if trouble == "cut_gzip":
            cut = gzip.compress(shelf.body)[:-9]
            return aiohttp.web.Response(body=cut, content_type="application/json", headers={"Content-Encoding": "gzip"})
        return _gzipped(shelf.body) if self.compressed and takes_gzip else _json(shelf.body)

    # What happens.

    def notification(self, event: str, user: str, object_id: str, *, at_us: int | None = None, **said: Any) -> bytes:
        """A notification of an event; the fields of ``said`` are in its ``Details``, ``Url`` in its ``Object``."""
        kind = DATASET_OF.get(event)
        about: dict[str, Any] = {"Id": object_id, "Type": "Object"}
        if kind is not None:
            about["Url"] = said.pop("Url", url_of(self.base_url, kind, object_id))
        return msgspec.json.encode(
            {
                "Sender": "Data Motion",
                "UserId": user,
                "Event": event,
                "Object": about,
                "Details": said,
                "Timestamp": self._timestamp(at_us),
            }
        )

    async def notify(self, notification: bytes) -> int:
        """Send a notification until it is taken; the status of the last answer."""
        while True:
            status = await self.attempt(notification)
            if status is not None and 200 <= status < 300:
                return status
            self.refused += 1
            await self._clock.sleep(self._again_s)

    async def attempt(self, notification: bytes) -> int | None:
        """Send once; the answer's status, ``None`` if none came."""
        try:
            async with self._session.post(self._notify_url, data=notification, headers=self._headers) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def happens(
        self, event: str, user: str, object_id: str, dataset: Mapping[str, Any] | None = None, **said: Any
    ) -> bytes:
        """A dataset is there (if one is given), and its notification is sent until it is taken; the notification."""
        kind = DATASET_OF.get(event)
        if kind is not None and dataset is not None:
            self.shelve(kind, object_id, user, dataset)
        notification = self.notification(event, user, object_id, **said)
        await self.notify(notification)
        return notification

    def _timestamp(self, at_us: int | None) -> str:
        """Seven digits of fraction, as the vendor writes; each later than the one before unless it is given."""
        if at_us is None:
            at_us = self._last_us = max(self._clock.now_us(), self._last_us + 1)
        return from_us(at_us).astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def path_of(kind: DatasetKind, object_id: str) -> str:
    """Path and query of a dataset."""
    return PATHS[kind].format(id=object_id)


def _json(body: bytes) -> aiohttp.web.Response:
    return aiohttp.web.Response(body=body, content_type="application/json")


def _gzipped(body: bytes) -> aiohttp.web.Response:
    headers = {"Content-Encoding": "gzip"}
    return aiohttp.web.Response(body=gzip.compress(body, 1), content_type="application/json", headers=headers)

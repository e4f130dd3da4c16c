"""A customer of Damoov: takes notifications by POST, fetches the dataset that each announces, and keeps what counts.

Source   Damoov "Backend notifications": JSON envelope with ``Event``, ``UserId``, ``Object.Url``, ``Details``; the
         dataset is got from the URL with the ``UserId``, which is the user's token, in the header ``DeviceToken``.
Inferred That a notification is taken by any 2xx and that its dataset is fetched afterwards, apart from the answer; that
         401 and 404 are final and all other failures are tried again; that of two notifications the newer one counts.
Answers  200 once a notification is in ``notifications``; 400 for what is none; the status of ``trouble``, if any.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import aiohttp
import aiohttp.web
import msgspec

from postroad.clock import Clock
from postroad.errors import WireError
from postroad.protocols import damoov
from postroad.protocols.damoov import DatasetKind, DatasetReference
from postroad.simulate.web_server import WebServer

PATH: Final = "/damoov"
MAX_BODY_BYTES: Final = 1024 * 1024
TRIES: Final = 5
AGAIN_S: Final = 0.2
FINAL: Final = frozenset({200, 401, 404})


class Fetched(NamedTuple):
    """What a fetch gave."""

    kind: DatasetKind
    object_id: str
    status: int
    """Of the last answer; 0: there was none."""
    body: Any
    """The JSON of the answer; None for anything but 200."""


class DamoovCustomer(WebServer):
    """The customer's web server, and its fetcher.

    Attributes:
        notifications: what was taken, in order, repeats included.
        fetched: what the fetches gave, in the order in which they ended.
        datasets: what counts now, by kind and object: the newest of each, and nothing that was removed since.
        trouble: the status with which notifications are refused; None: they are taken.
        arrived: set with each notification and each fetch that ended; whoever waits clears it.
    """

    def __init__(self, session: aiohttp.ClientSession, *, clock: Clock) -> None:
        """``session`` trusts the platform's certificate; ``clock`` waits between tries."""
        super().__init__()
        self.notifications: list[Mapping[str, Any]] = []
        self.fetched: list[Fetched] = []
        self.datasets: dict[tuple[DatasetKind, str], Any] = {}
        self.trouble: int | None = None
        self.arrived = asyncio.Event()
        self._session = session
        self._clock = clock
        self._revisions: dict[tuple[DatasetKind, str], int] = {}
        self._fetches: set[asyncio.Task[None]] = set()

    def application(self) -> aiohttp.web.Application:
        """See ``WebServer``."""
        app = aiohttp.web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post(PATH, self._take)
        return app

    async def stop(self) -> None:
        """Stop listening and fetching, and close every connection."""
        for task in self._fetches:
            task.cancel()
        await asyncio.gather(*self._fetches, return_exceptions=True)
        await super().stop()

    def events(self) -> list[str]:
        """The events of the notifications, in order."""
        return [str(one["Event"]) for one in self.notifications]

    async def get(self, url: str, device_token: str | None) -> tuple[int, Any]:
        """One request of the fetch API: status and JSON."""
        headers = {} if device_token is None else {damoov.DEVICE_TOKEN_HEADER: device_token}
        async with self._session.get(url, headers=headers) as response:
            body = await response.read()
            return response.status, msgspec.json.decode(body) if body else None

    async def _take(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        if self.trouble is not None:
            self.arrived.set()
            return aiohttp.web.Response(status=self.trouble)
        raw = await request.read()
        try:
            item = damoov.read(raw)
        except WireError as exc:
            return aiohttp.web.json_response({"error": str(exc)}, status=400)
        self.notifications.append(msgspec.json.decode(raw))
        self._forget_removed(item.wire)
        wanted = damoov.reference(item)
        if wanted is not None:
            task = asyncio.create_task(self._fetch(wanted))
            self._fetches.add(task)
            task.add_done_callback(self._fetches.discard)
        self.arrived.set()
        return aiohttp.web.Response(status=200)

    def _forget_removed(self, said: damoov.Said) -> None:
        told = said.notification
        if said.event == "IncomingTrackRemoved":
            gone = [said.object_id]
        else:
            removed = getattr(told.details, "tracks_removed", None) if hasattr(told, "details") else None
            gone = [damoov.canonical(one.id) for one in removed or ()]
        for token in gone:
            self.datasets.pop(("received_track", token), None)
            self.datasets.pop(("processed_track", token), None)

    async def _fetch(self, wanted: DatasetReference) -> None:
        status, body = 0, None
        for _ in range(TRIES):
            try:
                status, body = await self.get(wanted.url, wanted.device_token)
            except aiohttp.ClientError:
                status = 0
            if status in FINAL:
                break
            await self._clock.sleep(AGAIN_S)
        key = wanted.kind, wanted.object_id
        found = body if status == 200 else None
        self.fetched.append(Fetched(*key, status, found))
        if found is not None and wanted.revision >= self._revisions.get(key, 0):
            damoov.decode_dataset(wanted.kind, found)
            self.datasets[key], self._revisions[key] = found, wanted.revision
        self.arrived.set()

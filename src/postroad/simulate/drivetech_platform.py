"""Drivetech's platform: takes injected events over HTTPS and checks each.

Source   Drivetech's page on event injection: one request for each event, a bearer token, the documented bodies.
Answers  200 once the event is in ``taken``; 401 without the token; 400 for what the strict profile refuses; or
         whatever ``steer`` says of an event that came with the token.
Unknown  What the vendor's server does with an event that it has: here it is counted as a repeat and answered with 200.
"""

from collections.abc import Callable

import aiohttp.web
import msgspec

from postroad.clock import Clock
from postroad.errors import WireError
from postroad.protocols.base import Item
from postroad.protocols.drivetech import DrivetechSettings, answers, read
from postroad.simulate.record import MALFORMED_KEPT
from postroad.simulate.web_server import WebServer

EVENTS_PATH = "/provider/event/new/"
MAX_BODY_BYTES = 64 * 1024

Steer = Callable[[Item], int | None]
"""With which status an event is refused; ``None``: it is taken as ever."""


class Taken(msgspec.Struct, frozen=True):
    """An event that was taken."""

    item: Item
    at_us: int


class Platform(WebServer):
    """The platform's web server.

    Attributes:
        taken: first deliveries by the protocol's own key, in the order of arrival.
        repeated: events that it had before.
        refused: answers other than 200 that ``steer`` asked for.
        malformed: sentences about events that break the documented shape.
        unauthorized: requests without the token.
        token: the one that counts; change it and every client is refused.
        steer: asked for each event.
    """

    def __init__(self, token: str, *, clock: Clock) -> None:
        """``clock`` dates what is taken."""
        super().__init__()
        self.taken: dict[bytes, Taken] = {}
        self.repeated = 0
        self.refused = 0
        self.malformed: list[str] = []
        self.unauthorized = 0
        self.token = token
        self.steer: Steer | None = None
        self._clock = clock

    def application(self) -> aiohttp.web.Application:
        """See ``WebServer``."""
        app = aiohttp.web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post(EVENTS_PATH, self._event)
        return app

    @property
    def items(self) -> list[Item]:
        """What was taken, in the order of arrival."""
        return [one.item for one in self.taken.values()]

    async def _event(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            self.unauthorized += 1
            return _answer(401, answers.BY_STATUS[401])
        try:
            item = read(await request.read(), DrivetechSettings(profile="strict"))
        except WireError as error:
            if len(self.malformed) < MALFORMED_KEPT:
                self.malformed.append(str(error))
            return _answer(400, answers.refusal(error))
        status = self.steer(item) if self.steer is not None else None
        if status is not None:
            self.refused += 1
            return _answer(status, answers.BY_STATUS.get(status, answers.INVALID_JSON))
        if item.dedup in self.taken:
            self.repeated += 1
        else:
            self.taken[item.dedup] = Taken(item, self._clock.now_us())
        return _answer(200, answers.SAVED)


def _answer(status: int, body: bytes) -> aiohttp.web.Response:
    return aiohttp.web.Response(status=status, body=body, content_type="application/json")

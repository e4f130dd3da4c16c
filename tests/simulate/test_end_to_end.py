"""Provider, customer and counter around a hub of a few lines that stumbles: the figures tell a good one from a bad."""

import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import islice
from random import Random

import aiohttp
import aiohttp.web
import msgspec
import pytest
import trustme

from postroad.simulate.counter import Count, compare
from postroad.simulate.customer import Customer, CustomerSettings
from postroad.simulate.fleet import Vehicle, make_fleet
from postroad.simulate.injector import Injector, Resending
from postroad.simulate.traces import Traces

START_US = 1_700_000_000_000_000


class SmallHub:
    """Passes each injection on before it answers. ``forgets`` and ``doubles`` make it a bad one."""

    def __init__(self, customer: aiohttp.ClientSession, *, forgets: int = 0, doubles: int = 0) -> None:
        self._customer = customer
        self._forgets, self._doubles = forgets, doubles
        self._known: set[tuple[str, str]] = set()
        self._vehicles: dict[str, int] = {}
        self._bearer = ""
        self._position = 0
        self._requests = 0

    async def inject(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        item = msgspec.json.decode(await request.read())
        self._requests += 1
        if self._requests % 17 == 0:
            return aiohttp.web.Response(status=503)
        key = item["plate"], item["datetime"]
        if key not in self._known:
            self._known.add(key)
            if not self._forgets or self._position % self._forgets:
                await self._pass_on(item)
            if self._doubles and self._position % self._doubles == 0:
                await self._pass_on(item)
            self._position += 1
        if self._requests % 19 == 0 and request.transport is not None:
            request.transport.abort()  # it is saved, but the provider does not know
        return aiohttp.web.Response(status=200)

    async def _pass_on(self, item: dict) -> None:
        self._position += 1
        event = {
            "type": "gps_position",
            "id": self._position << 6,
            "vehicleId": self._vehicles.setdefault(item["plate"], 100 + len(self._vehicles)),
            "time": item["datetime"],
            "latitude": item["latitude"],
            "longitude": item["longitude"],
            "speed": round(item["speed"]),
            "direction": round(item["azimuth"]),
            "eph": None,
            "hdop": None,
        }
        while (status := await self._send(event)) != 200:
            if status == 401:
                await self._renew()

    async def _send(self, event: dict) -> int | None:
        try:
            headers = {"Authorization": f"Bearer {self._bearer}"}
            async with self._customer.post("/events", data=msgspec.json.encode([event]), headers=headers) as response:
                return response.status
        except aiohttp.ClientError:
            return None

    async def _renew(self) -> None:
        headers = {"Authorization": aiohttp.encode_basic_auth("hub", "s3cret")}
        form = {"grant_type": "client_credentials"}
        async with self._customer.post("/oauth/token", data=form, headers=headers) as response:
            self._bearer = (await response.json())["access_token"]


@pytest.fixture
def run(traces: Traces, clock) -> Callable[..., Awaitable[Count]]:
    @asynccontextmanager
    async def parts(**hub_options):
        authority = trustme.CA()
        server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
        authority.issue_cert("127.0.0.1").configure_cert(server)
        authority.configure_trust(client)
        customer = Customer(CustomerSettings(client_id="hub", client_secret="s3cret"), clock=clock)
        url = await customer.start(server)
        app = aiohttp.web.Application()
        runner = aiohttp.web.AppRunner(app, access_log=None)
        async with (
            aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(ssl=client)) as to_customer,
            aiohttp.ClientSession() as to_hub,
        ):
            app.router.add_post("/provider/event/new/", SmallHub(to_customer, **hub_options).inject)
            await runner.setup()
            await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
            fleet = make_fleet(traces, count=10, seed=4, start_us=START_US - 3_600_000_000)
            yield (
                customer,
                Injector(
                    [Vehicle(plate, islice(reports, 40)) for plate, reports in fleet],
                    session=to_hub,
                    url=f"http://127.0.0.1:{runner.addresses[0][1]}/provider/event/new/",
                    token="t",
                    clock=clock,
                    random=Random(1),
                    concurrency=5,
                    resending=Resending(first_s=0.5, cap_s=2),
                ),
            )
        await runner.cleanup()
        await customer.stop()

    async def run(troubles: bool = False, **hub_options) -> Count:
        async with parts(**hub_options) as (customer, injector):
            if troubles:
                bother(customer)
            await injector.run()
            return compare([injector.ledger], customer.record)

    return run


def bother(customer: Customer) -> None:
    """Let every hundredth bulk meet another trouble, and the bulk after it none."""
    add, count = customer.record.add, 0

    def added(*bulk):
        nonlocal count
        add(*bulk)
        count += 1
        customer.trouble = "answer_lost" if count % 100 == 50 else None
        if count % 100 == 0:
            customer.revoke_tokens()

    customer.record.add = added


async def test_a_good_hub_loses_nothing_between_failing_ends(run):
    count = await run(troubles=True)
    assert count.acknowledged == count.delivered == 400
    assert count.redelivered == 4
    assert (count.lost, count.doubled, count.unknown, count.altered, count.out_of_order, count.malformed) == (0,) * 6


async def test_a_hub_that_forgets_is_found_out(run):
    count = await run(forgets=10)
    assert count.lost > 20
    assert count.delivered == 400 - count.lost


async def test_a_hub_that_says_things_twice_is_found_out(run):
    count = await run(doubles=10)
    assert count.doubled > 10
    assert count.lost == 0

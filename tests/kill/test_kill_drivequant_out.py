"""DriveQuant's pushes to a difficult customer while the hub is killed: in the end he has what counts."""

import asyncio
import datetime as dt
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import aiohttp
import msgspec
import pytest
import yaml

from fixtures.drivequant import BY_TOKEN, ENVIRONMENT, TOKENS, declaration, trip, trip_deleted
from fixtures.prepared_hub import PreparedHub
from postroad.clock import SystemClock
from postroad.egress.tokens import basic
from postroad.log.reader import open_reader
from postroad.simulate.certificates import make_server_context
from postroad.simulate.drivequant_customer import TOKEN_PATH, DriveQuantCustomer, Trouble

TRIPS = 60
EDITIONS = 3
DELETED = 0.3
TROUBLES: tuple[Trouble | None, ...] = (None, None, 500, 409, 401, "down")
DELIVERY = {"window": 20, "retry": {"then_s": 0.2, "cap_s": 0.2, "max_attempts": 1_000_000}}
WITHIN_S = 60.0


class Phones:
    """Say trips, corrections and deletions, each again until it is acknowledged."""

    def __init__(self, url: str, headers: dict[str, str], random: Random) -> None:
        self._url, self._headers, self._random = url, headers, random
        self.final: dict[str, float | None] = {}
        """By trip: the distance that it was told last, or ``None`` for one that was deleted."""

    async def run(self) -> None:
        async with aiohttp.ClientSession(headers=self._headers) as session:
            for edition in range(1, EDITIONS + 1):
                for number in range(TRIPS):
                    name = f"trip-{number}"
                    if self.final.get(name, 0.0) is None:
                        continue
                    deleted = edition > 1 and self._random.random() < DELETED
                    said = trip_deleted(name) if deleted else trip(name, distance=float(edition))
                    await self._say(session, "trip_deleted" if deleted else "trip", said)
                    self.final[name] = None if deleted else float(edition)

    async def _say(self, session: aiohttp.ClientSession, service: str, said: bytes) -> None:
        while True:
            try:
                async with session.post(f"{self._url}/in/drivequant/{service}", data=said) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)  # until the hub is back


def had_last(customer: DriveQuantCustomer) -> dict[str, float | None]:
    """By trip, what the customer has of it at last."""
    return {
        push.body["itinId"]: push.body["itineraryStatistics"]["distance"] if push.service == "trip" else None
        for push in customer.pushes
    }


def parked(folder: Path) -> int:
    """Pushes that the hub still has beside its log."""
    reader = open_reader(folder / "shard-00.db")
    try:
        return sum(counts.parked for counts in reader.letter_counts().values())
    finally:
        reader.close()


async def trouble(customer: DriveQuantCustomer, random: Random) -> None:
    while True:
        for service in ("trip", "trip_deleted"):
            chosen = random.choice(TROUBLES)
            customer.trouble.pop(service, None)
            if chosen is not None:
                customer.trouble[service] = chosen
        if random.random() < 0.2:
            customer.revoke_tokens()
        await asyncio.sleep(random.uniform(0.05, 0.3))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kills", [2, pytest.param(6, marks=pytest.mark.slow)])
async def test_after_kills_the_customer_has_the_last_edition_of_each_trip_or_its_deletion(
    tmp_path: Path, kills: int
) -> None:
    random = Random(5)
    context, ca_file = make_server_context(tmp_path, dt.datetime.now(dt.UTC))
    customer = DriveQuantCustomer(TOKENS, clock=SystemClock())
    hub = PreparedHub(tmp_path / "hub", environment=ENVIRONMENT)
    async with AsyncExitStack() as stack:
        base = await customer.start(context)
        stack.push_async_callback(customer.stop)
        auth = {**BY_TOKEN, "token_url": base + TOKEN_PATH}
        said = declaration({"name": "all", "delivery": DELIVERY}, base=base, ca_file=str(ca_file), auth=auth)
        await asyncio.to_thread(hub.prepare, yaml.safe_dump(said))
        issued = await asyncio.to_thread(hub.postroad, "token", "issue", "phones", "--client", "--json")
        client = msgspec.json.decode(issued)
        await hub.start()
        stack.push_async_callback(hub.stop)
        phones = Phones(hub.url, {"Authorization": basic(client["client_id"], client["client_secret"])}, random)
        troubling = asyncio.create_task(trouble(customer, Random(6)))
        speaking = asyncio.create_task(phones.run())
        for _ in range(kills):
            await asyncio.sleep(random.uniform(0.3, 1.0))
            await hub.kill()
            await hub.start()
        await speaking
        troubling.cancel()
        await asyncio.gather(troubling, return_exceptions=True)
        customer.trouble.clear()
        until_s = time.monotonic() + WITHIN_S
        while had_last(customer) != phones.final or await asyncio.to_thread(parked, tmp_path / "hub"):
            assert time.monotonic() < until_s, hub.log_path.read_text(errors="replace")[-2000:]
            await asyncio.sleep(0.2)
    assert had_last(customer) == phones.final, "nothing older came behind"
    assert None in phones.final.values()
    assert float(EDITIONS) in phones.final.values()

"""The live page: what it says of a real hub, who sees it, and that nothing a provider sends becomes markup."""

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from starlette.requests import Request

from fixtures import chromium
from fixtures.drivetech import sample
from fixtures.prepared_hub import PreparedHub
from postroad import layout, service
from postroad.api import figures
from postroad.api.live import is_local
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service import Hub
from postroad.settings import DeliverySettings, EgressSettings, HubSettings, LivePageAccess, LogSettings, Settings

NOBODY = "https://127.0.0.1:1/"
"""A customer that never answers."""

DECLARATION = f"""\
organizations:
  - name: Andes
    providers: [{{name: gps, protocol: drivetech}}]
    integrations:
      - name: insurer
        destinations:
          - name: webhook
            transport: https
            config: {{url: "{NOBODY}", auth: {{type: basic, username: hub, password: {{env: SECRET}}}}}}
        subscriptions:
          - {{name: telemetry, protocol: connected_cars, destination: webhook, types: [gps_position], vehicles: all,
              delivery: {{retry: {{first_waits_s: [], then_s: 0.1, cap_s: 0.1}}}}}}
          - {{name: ignitions, protocol: connected_cars, destination: webhook, types: [car_ignition], vehicles: all,
             options: {{admin_events: false}}}}
"""
HOSTILE = "<script>alert(1)</script>"


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = RegistryStore.open(folder / layout.REGISTRY_FILE)
        file = folder / "declared.yaml"
        file.write_text(DECLARATION, encoding="utf-8")
        keys = KeyRing.load_or_create(folder / layout.KEY_FILE)
        apply_file(self.registry, file, catalogue=service.catalogue(), keys=keys, environment={"SECRET": "s3cret"})
        self.token = self.registry.issue_token("gps", "test")[1]
        self.hub: Hub

    async def start(self, live_page: LivePageAccess = "loopback", host: str = "127.0.0.1") -> str:
        settings = Settings(
            hub=HubSettings(host=host, port=0, stop_within_s=1.0, live_page=live_page),
            egress=EgressSettings(allow_cidrs=("127.0.0.1/32",)),
            delivery=DeliverySettings(registry_poll_ms=20),
            log=LogSettings(reserve_bytes=0),
        )
        self.hub = Hub(self.folder, settings)
        await self.hub.start()
        return f"http://127.0.0.1:{self.hub.port}"

    async def close(self) -> None:
        await self.hub.stop()
        self.registry.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path)
    yield site
    await site.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def post(session: aiohttp.ClientSession, url: str, token: str, **changes: Any) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(f"{url}/provider/event/new/", json=sample(**changes), headers=headers) as answer:
        return answer.status


async def look(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(f"{url}/live.json") as answer:
        assert answer.status == 200
        data: dict[str, Any] = await answer.json()
        return data


async def until(
    session: aiohttp.ClientSession, url: str, condition: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Look until it is so: the page has no other way to know either."""
    async with asyncio.timeout(20):
        while not condition(data := await look(session, url)):  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.1)
    return data


def state_of(data: dict[str, Any]) -> dict[str, Any]:
    subscription: dict[str, Any] = data["subscriptions"][0]
    return subscription


async def test_figures_say_what_came_in_and_what_a_dead_customer_has_not_got(
    site: Site, session: aiohttp.ClientSession
) -> None:
    url = await site.start()
    assert (await look(session, url))["vehicles"] == []
    for second in range(3):
        assert await post(session, url, site.token, datetime=f"2026-07-02T14:00:0{second}Z") == 200
    data = await until(session, url, lambda data: bool(data["vehicles"]) and state_of(data)["last_failure"] is not None)
    words = 2  # of the hub: that each subscription may have the vehicle
    assert data["items_stored"] == 3 + words
    assert data["delivered"] == 0
    assert 0 < data["disk_free_bytes"] <= data["disk_bytes"]
    subscription = state_of(data)
    assert (subscription["name"], subscription["state"], subscription["lag"]) == ("telemetry", "active", 3 + words)
    assert 0 <= subscription["oldest_undelivered_age_s"] < 20
    assert subscription["last_failure"]["reason"]


async def test_a_vehicle_is_shown_with_its_last_known_position(site: Site, session: aiohttp.ClientSession) -> None:
    url = await site.start()
    assert await post(session, url, site.token, plate="aa-bb 11", latitude=-36.5, longitude=-73.25, speed=50) == 200
    assert await post(session, url, site.token, plate="CCDD22", speed=0, ign_input=False) == 200
    assert await post(session, url, site.token, plate="EEFF33", speed=0, ign_input=True) == 200
    data = await until(session, url, lambda data: len(data["vehicles"]) == 3)
    vehicles = {vehicle["plate"]: vehicle for vehicle in data["vehicles"]}
    shown = vehicles["AABB11"]
    assert (shown["latitude_deg"], shown["longitude_deg"], shown["speed_kmh"]) == (-36.5, -73.25, 50)
    assert {plate: vehicle["motion"] for plate, vehicle in vehicles.items()} == {
        "AABB11": "moving", "CCDD22": "off", "EEFF33": "standing",
    }  # fmt: skip


async def test_an_answer_holds_no_more_vehicles_than_it_may_and_those_with_the_newest_positions(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MAX_VEHICLES", 2)
    url = await site.start()
    for minute, plate in enumerate(("AAAA11", "DDDD44", "BBBB22", "CCCC33")):
        assert await post(session, url, site.token, plate=plate, datetime=f"2026-07-02T14:0{minute}:00Z") == 200
    data = await until(session, url, lambda data: data["vehicles_known"] == 4)
    assert [vehicle["plate"] for vehicle in data["vehicles"]] == ["CCCC33", "BBBB22"]


async def test_a_long_backlog_is_looked_at_a_stretch_at_a_time_and_each_item_once(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "LOOK_BYTES", 1)  # one batch a look
    site.registry.set_subscription_state("ignitions", "paused")  # before it has a cursor
    url = await site.start()
    for second in range(3):
        assert await post(session, url, site.token, datetime=f"2026-07-02T14:00:0{second}Z") == 200
    event = {"type": "IGN", "status": True}
    assert await post(session, url, site.token, datetime="2026-07-02T14:00:09Z", event=event) == 200
    looks = [(await site.hub.figures()).subscriptions[1] for _ in range(8)]
    assert {look.lag for look in looks} == {6}, "with the hub's words that each subscription may have the vehicle"
    ages = [look.oldest_undelivered_age_s for look in looks]
    assert ages[:3] == [None] * 3
    assert ages[-1] is not None


async def test_the_page_allows_its_own_style_and_script_and_nothing_else(
    site: Site, session: aiohttp.ClientSession
) -> None:
    url = await site.start()
    async with session.get(url) as answer:
        html, headers = await answer.text(), answer.headers
    policy = headers["Content-Security-Policy"]
    assert re.search(r"default-src 'none'; style-src 'sha256-[^' ]+'; script-src 'sha256-[^' ]+';", policy)
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert not re.search(r"(https?:)?//[a-z]|innerHTML|insertAdjacent|document\.write| style=| on[a-z]+=", html)


@pytest.mark.parametrize("path", ["/", "/live.json"])
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"Host": "rebound.example"},
    ],
)
async def test_what_a_proxy_or_a_foreign_name_asks_for_is_answered_as_if_there_were_no_page(
    site: Site, session: aiohttp.ClientSession, path: str, headers: dict[str, str]
) -> None:
    url = await site.start()
    async with session.get(url + path, headers=headers) as answer, session.get(f"{url}/no-such-page") as none:
        assert (answer.status, await answer.read()) == (404, await none.read())
        assert dict(answer.headers) == dict(none.headers)


@pytest.mark.parametrize(
    ("client", "host", "local"),
    [
        ("127.0.0.1", "127.0.0.1:8480", True),
        ("127.8.8.8", "localhost:8480", True),
        ("::1", "[::1]:8480", True),
        ("::ffff:127.0.0.1", "localhost", True),
        ("192.168.1.7", "localhost", False),
        ("192.168.1.7", "127.0.0.1", False),
        ("::ffff:192.168.1.7", "localhost", False),
        ("2001:db8::1", "[::1]", False),
        ("127.0.0.1", "127.0.0.1.rebound.example", False),
        ("127.0.0.1", "hub.example", False),
        (None, "localhost", False),
    ],
)
def test_only_a_loopback_client_that_asks_for_a_loopback_host_is_local(
    client: str | None, host: str, local: bool
) -> None:
    scope = {
        "type": "http", "scheme": "http", "method": "GET", "path": "/", "query_string": b"", "root_path": "",
        "server": ("127.0.0.1", 8480), "client": client and (client, 50000), "headers": [(b"host", host.encode())],
    }  # fmt: skip
    assert is_local(Request(scope)) is local


def own_address() -> str | None:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return None if address.startswith("127.") else address


@pytest.mark.parametrize(("access", "status"), [("loopback", 404), ("on", 200), ("off", 404)])
async def test_the_setting_decides_for_a_client_of_another_address(
    site: Site, session: aiohttp.ClientSession, access: LivePageAccess, status: int
) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    await site.start(access, host="0.0.0.0")
    for path in ("", "live.json"):
        async with session.get(f"http://{address}:{site.hub.port}/{path}") as answer:
            assert answer.status == status


async def test_a_browser_shows_a_hostile_plate_as_text(
    site: Site, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    browser = chromium.installed()
    url = await site.start()
    assert await post(session, url, site.token, plate=HOSTILE) == 200
    await until(session, url, lambda data: len(data["vehicles"]) == 1)
    process = await asyncio.create_subprocess_exec(
        browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}",
        "--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom", url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = (text.decode() for text in await asyncio.wait_for(process.communicate(), 60))
    assert "<td>&lt;SCRIPT&gt;ALERT(1)&lt;/SCRIPT&gt;</td>" in out
    assert out.lower().count("<script") == 1
    assert "Map of 1 vehicle: 1 moving" in out
    assert '<dd id="items">3</dd>' in out
    assert "CONSOLE" not in err, "the policy lets the page work, and the script has no error"


async def test_two_roles_on_one_folder_share_the_work(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    folder = tmp_path / "hub"
    hub = PreparedHub(folder, environment={"SECRET": "s3cret"})
    await asyncio.to_thread(hub.prepare, DECLARATION)
    token = await asyncio.to_thread(hub.issue_token, "gps")
    code, _, err = await run_api(folder, wait=True)
    assert (code, "start one first" in err) == (1, True), err
    await hub.start("--role", "hub")
    api, url, _ = await run_api(folder)
    try:
        assert await post(session, hub.url, token) == 200
        for path in ("/", "/live.json"):
            async with session.get(hub.url + path) as answer:
                assert answer.status == 404, "the role hub has no page"
        data = await until(session, url, lambda data: data["items_stored"] == 3 and bool(data["vehicles"]))
        assert data["vehicles"][0]["plate"] == "KXRT41"
        async with session.get(f"{url}/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"role": "api", "status": "ok"})
        assert await post(session, url, token, datetime="2026-07-02T15:00:00Z") == 404, "the role api takes nothing in"
        opened = opened_by(api.pid)
        assert opened["shard-00.db"] == {"read"}
        assert "postroad.lock" not in opened

        await hub.stop()
        assert (await look(session, url))["items_stored"] == 3, "the page outlives the hub"
        await hub.start("--role", "hub")
        assert await post(session, hub.url, token, plate="NEWW99", datetime="2026-07-02T16:00:00Z") == 200
        data = await until(session, url, lambda data: len(data["vehicles"]) == 2)
        assert {vehicle["plate"] for vehicle in data["vehicles"]} == {"KXRT41", "NEWW99"}

        api.kill()
        await api.wait()
        assert await post(session, hub.url, token, datetime="2026-07-02T17:00:00Z") == 200, "the hub outlives the page"
    finally:
        if api.returncode is None:
            api.kill()
            await api.wait()
        await hub.stop()


async def run_api(folder: Path, *, wait: bool = False) -> Any:
    """The process and its URL; or, to its end: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "postroad", "serve", "--role", "api", "--port", "0", "--data", str(folder),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    if wait:
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return process.returncode, out.decode(), err.decode()
    async with asyncio.timeout(30):
        while not (found := re.search(r"listens on (http://\S+)", (await process.stderr.readline()).decode())):
            assert process.returncode is None
    return process, found[1], None


def opened_by(pid: int) -> dict[str, set[str]]:
    """File name -> how the process has it open."""
    opened: dict[str, set[str]] = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        flags = int(re.search(r"flags:\s+([0-7]+)", Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text())[1], 8)  # type: ignore[index]  # the kernel always says
        opened.setdefault(Path(entry.readlink()).name, set()).add("write" if flags & 3 else "read")
    return opened

"""The whole way, over real sockets: a browser, the hub as a process, and the service."""

import asyncio
import json
import os
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import yaml

from fixtures.chromium import Chromium, chromium
from fixtures.consent_page import PASSWORD, declared, feeds, service_of
from fixtures.drivetech import sample
from fixtures.prepared_hub import PreparedHub, run_here
from fixtures.remote import Remote, Reply, Request, StartRemote

RETRY = {"retry": {"first_waits_s": [], "then_s": 0.1, "cap_s": 0.1}, "linger_ms": 0}
WITHIN_S = 30.0
CONTRASTS = """(() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => {
    const [r, g, b] = channels(color).slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = one => {
    for (; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor, alpha = channels(color)[3];
      if (alpha === undefined || alpha > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const one of document.querySelectorAll("body *")) {
    const text = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!text || !one.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) low.push(`${one.tagName} ${one.className}: ${contrast.toFixed(2)}`);
  }
  return low;
})()"""
"""Whose text stands out too little from what is behind it."""
UNNAMED = """[...document.querySelectorAll("input:not([type=hidden]), button, a, section, fieldset")].filter(one =>
  !(one.labels?.length || one.innerText?.trim() || one.getAttribute("aria-labelledby"))).map(one => one.outerHTML)"""
"""What somebody who cannot see it is not told the name of."""


class Service(Remote):
    """The service: takes both feeds, and has a page where it welcomes who comes."""

    @property
    def account(self) -> list[Any]:
        """What the account feed said."""
        return self._said("/account")

    @property
    def car(self) -> list[Any]:
        return self._said("/car")

    @property
    def welcomed(self) -> list[Request]:
        return [request for request in self.requests if request.path.startswith("/welcome")]

    def _said(self, path: str) -> list[Any]:
        return [message for request in self.requests if request.path == path for message in json.loads(request.body)]


class Place:
    """The hub's folder and process, and the service."""

    def __init__(self, folder: Path, remote: Remote, ca_file: str) -> None:
        self.folder, self.remote = folder, remote
        self.service = Service()
        self.service.requests = remote.requests
        self.hub = PreparedHub(folder, environment={})
        self.welcome = remote.url.replace("127.0.0.1", "localhost")
        """Another host than the hub's, as a browser sees it."""
        to = {feed: {"url": f"{remote.url}/{feed}", "ca_file": ca_file} for feed in ("account", "car")}
        insurer = service_of("insurer", "Nordic Insurance", f"{self.welcome}/welcome?from=hub")
        insurer["subscriptions"] = feeds(delivery=RETRY)
        insurer["destinations"] = [{"name": name, "transport": "https", "config": at} for name, at in to.items()]
        garage = service_of("garage", "The garage on the corner")
        self.hub.prepare(yaml.safe_dump(declared(insurer, garage)), f'[consent]\nurl = "{self.hub.url}"\n')
        for login, plates in {"ida": ("AA11", "BB22"), "bo": ("CC33",)}.items():
            person = ("--first-names", "Ida", "--email", "ida@example.org") if login == "ida" else ()
            added = run_here(
                folder, "owner", "add", login, "--organization", "nord", *person, "--password-stdin",
                stdin=f"{PASSWORD}\n",
            )  # fmt: skip
            assert added.code == 0, added.err
            for plate in plates:
                self.hub.postroad("owner", "give-vehicle", login, plate)
        self.token = self.hub.issue_token("gps")

    @property
    def page(self) -> str:
        return f"{self.hub.url}/consent"

    async def drive(self, *plates: str) -> None:
        """Each of these vehicles reports where it is."""
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"}) as session:
            for plate in plates:
                event = sample(plate=plate, datetime=datetime.now(UTC).isoformat(), odometer=time.time())
                async with session.post(f"{self.hub.url}/provider/event/new/", json=event) as answer:
                    assert answer.status == 200

    async def until(self, condition: Callable[[], bool]) -> None:
        """Look with each request that the service gets, and between: other processes have no other signal."""
        async with asyncio.timeout(WITHIN_S):
            while not condition():
                self.remote.arrived.clear()
                try:
                    await asyncio.wait_for(self.remote.arrived.wait(), 0.2)
                except TimeoutError:
                    continue

    def car(self, plate: str) -> str:
        return self._sql(
            "SELECT text FROM issued_texts t JOIN identifiers i ON i.subject_id = t.subject_id"
            " WHERE t.namespace = 'connected_cars_legacy.car_id' AND i.value = ?", plate,
        )  # fmt: skip

    def grants(self) -> int:
        return int(self._sql("SELECT COUNT(*) FROM grants"))

    def _sql(self, query: str, *parameters: str) -> str:
        """Asked by a command of the hub's machine; not by a plain file descriptor of a process that has it open."""
        with sqlite3.connect(f"file:{self.folder / 'registry.db'}?mode=ro", uri=True) as database:
            return str(database.execute(query, parameters).fetchone()[0])


@pytest.fixture
async def place(tmp_path: Path, start_remote: StartRemote, ca_file: str) -> AsyncIterator[Place]:
    remote = await start_remote()
    remote.answer = lambda request: Reply(headers={"Content-Type": "text/html"} if request.method == "GET" else {})
    place = await asyncio.to_thread(Place, tmp_path / "hub", remote, ca_file)
    await place.hub.start()
    yield place
    await place.hub.stop()


async def test_a_browser_all_the_way(place: Place, tmp_path: Path) -> None:
    """From the service's link to its page, then to what it is sent; change, and withdrawal. By keyboard at first."""
    resolve = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    async with chromium(tmp_path, "--ignore-certificate-errors", resolve) as browser:
        await browser.open(f"{place.page}/connect?integration=shop/insurer")
        await _looked_at(browser, tmp_path, "sign-in")
        await _signs_in_by_keyboard(browser, "ida", "not the password")
        await browser.until("document.title.startsWith('Error')")
        assert await browser.evaluate("document.activeElement.id") == "password"
        await _looked_at(browser, tmp_path, "sign-in-wrong")
        await browser.write(PASSWORD)
        await browser.press("Enter")
        await browser.until("document.querySelector('[name=scope]')")
        await _looked_at(browser, tmp_path, "connect")
        assert "CC33" not in await browser.evaluate("document.body.innerText")
        for name in ("user_email", "vehicle_position"):
            await browser.evaluate(f"document.querySelector('[value={name}]').click()")
        await browser.evaluate(
            "[...document.querySelectorAll('.choice')].find(l => l.innerText.includes('AA11')).click()"
        )
        await browser.evaluate("document.querySelector('main form button').click()")
        await place.until(lambda: bool(place.service.welcomed))
        [welcome] = place.service.welcomed
        ids = parse_qs(urlsplit(welcome.path).query)
        assert ids.keys() == {"from", "userId", "carId"}
        assert ids["carId"] == [place.car("AA11")]
        assert "referer" not in welcome.headers
        assert "cookie" not in welcome.headers

        await place.until(lambda: bool(place.service.account))
        assert place.service.account == [
            {
                "type": "user_signup", "userId": ids["userId"][0], "email": "ida@example.org",
                "cars": [{"carId": place.car("AA11")}],
            }
        ]  # fmt: skip
        await place.drive("AA11", "BB22", "CC33")
        await place.until(lambda: bool(place.service.car))
        assert {(message["type"], message["carId"]) for message in place.service.car} == {
            ("position", place.car("AA11"))
        }

        await browser.open(place.page)
        await _looked_at(browser, tmp_path, "overview")
        await browser.evaluate(
            "[...document.querySelectorAll('a')].find(a => a.innerText.startsWith('Change')).click()"
        )
        await browser.until("document.querySelector('[name=scope]')")
        assert await browser.evaluate("[...document.querySelectorAll('[name=scope]:checked')].map(b => b.value)") == [
            "user_email", "vehicle_position"
        ]  # fmt: skip
        await _looked_at(browser, tmp_path, "change")
        await browser.evaluate("document.querySelector('[value=vehicle_odometer]').click()")
        await browser.evaluate("document.querySelector('main form button').click()")
        await browser.until("document.querySelector('.done')")
        await place.drive("AA11")
        await place.until(lambda: "odometer" in {message["type"] for message in place.service.car})
        await browser.evaluate("document.querySelector('.danger').click()")
        await browser.until("document.querySelector('.done')?.innerText.includes('not shared')")
        await _looked_at(browser, tmp_path, "withdrawn")
        await place.until(lambda: len(place.service.account) == 2)
        assert place.service.account[-1] == {"type": "user_remove", "userId": ids["userId"][0]}
        sent = len(place.service.car)
        await place.drive("AA11")
        await browser.evaluate("document.querySelector('.account button').click()")
        await browser.until("document.querySelector('#password')")
        assert len(place.service.car) == sent
    assert [line for line in browser.said if "status of 422" not in line and "status of 404" not in line] == []
    outside = [url for url in browser.asked if not url.startswith((place.hub.url, place.welcome))]
    assert outside == []


async def test_killed_once_it_is_committed_it_goes_on_where_it_was(place: Place) -> None:
    """Nobody was told anything yet, and the browser has no answer; it sends the form again to the hub that is back."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Sec-Fetch-Site": "same-origin"}) as session:
        form = {"token": await _form_token(session, f"{place.page}/sign-in"), "login": "ida", "password": PASSWORD}
        async with session.post(f"{place.page}/sign-in", data=form) as answer:
            assert answer.status == 200
        connect = f"{place.page}/connect"
        form = {
            "token": await _form_token(session, f"{connect}?integration=shop/insurer"),
            "integration": "shop/insurer", "car": place.car("AA11"), "scope": "vehicle_position",
        }  # fmt: skip
        asked = asyncio.create_task(session.post(connect, data=form, allow_redirects=False))
        async with asyncio.timeout(WITHIN_S):
            while not await asyncio.to_thread(place.grants):
                pass  # the process that is to be killed in this very moment gives no signal
        await place.hub.kill()
        await asyncio.gather(asked, return_exceptions=True)
        await place.hub.start()
        async with session.post(connect, data=form, allow_redirects=False) as answer:
            assert answer.status == 303, "he is signed in still"
            assert answer.headers["Location"].startswith(f"{place.welcome}/welcome?from=hub&userId=")
    await place.until(lambda: bool(place.service.account))
    await place.drive("AA11")
    await place.until(lambda: bool(place.service.car))
    assert {message["type"] for message in place.service.account} == {"user_signup"}
    assert {message["type"] for message in place.service.car} == {"position"}
    assert place.grants() == 1


async def _form_token(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url) as answer:
        return re.findall(r'name="token" value="([^"]+)"', await answer.text())[0]


async def _signs_in_by_keyboard(browser: Chromium, login: str, password: str) -> None:
    await browser.press("Tab")
    assert await browser.evaluate("document.activeElement.className") == "skip"
    for text in (login, password):
        await browser.press("Tab")
        await browser.write(text)
    await browser.press("Tab")
    assert await browser.evaluate("document.activeElement.tagName") == "BUTTON"
    await browser.press("Enter")


async def _looked_at(browser: Chromium, folder: Path, name: str) -> None:
    """As it is seen on a desk and on a phone, in light and in dark; pictures go beside the browser's own folder."""
    pictures = Path(os.environ.get("POSTROAD_TEST_PICTURES", folder / "pictures"))
    pictures.mkdir(exist_ok=True)  # noqa: ASYNC240 - a moment, in a test
    for width, height in ((1280, 900), (390, 844)):
        for dark in (False, True):
            await browser.look(width=width, height=height, dark=dark)
            await browser.picture(pictures / f"{name}-{width}-{'dark' if dark else 'light'}.png")
            assert await browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
            assert await browser.evaluate(CONTRASTS) == [], (name, width, dark)
    assert await browser.evaluate(UNNAMED) == [], name

"""docs/how-to/client.md, carried out: a hub is set up, used and looked after by the client alone."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from fixtures.remote import Remote, Reply, StartRemote
from fixtures.rest_site import RestSite

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "client.md"
SECOND = "LLBB22"


class Walk:
    """Somebody who types what the page says."""

    def __init__(self, customer: Remote, ca_file: str) -> None:
        text = PAGE.read_text(encoding="utf-8")
        place = f'"url": "{customer.url}/events", "ca_file": "{ca_file}"'
        text = text.replace('"url": "https://customer.example/events"', place)
        self.blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        self.names: dict[str, Any] = {}

    async def on(self) -> None:
        """The next block, beside the hub's event loop."""
        await asyncio.to_thread(exec, self.blocks.pop(0), self.names)


@pytest.mark.timeout(60)  # the page asks until it is so
async def test_a_hub_is_operated_as_the_page_says(
    rest_site: RestSite,
    start_remote: StartRemote,
    ca_file: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await rest_site.start()
    customer = await start_remote()
    monkeypatch.setenv("HUB", f"http://127.0.0.1:{rest_site.hub.port}")
    monkeypatch.setenv("TOKEN", rest_site.tokens["operator"])
    walk = Walk(customer, ca_file)

    def said() -> list[str]:
        return capsys.readouterr().out.splitlines()

    await walk.on()
    await walk.on()
    assert re.fullmatch(r"0:\d+ claims routed delivered", "".join(said()))
    assert [json.loads(request.body)[0]["type"] for request in customer.requests] == ["gps_position"]

    customer.answer = lambda _request: Reply(422)
    await walk.on()
    assert said() == ["rejected 422"]
    assert walk.names["letter"].vehicle == SECOND

    customer.answer = lambda _request: Reply()
    await walk.on()
    assert said() == ["COMPLETED 0"]

    await walk.on()
    assert said() == []
    webhook = await rest_site.get("/organizations/Andes/integrations/insurer/destinations/webhook")
    assert webhook.json["limits"] == {"concurrency": 2}

    await walk.on()
    assert said() == ["422 invalid ['/name']"]
    await walk.on()
    assert said() == [f"['KXRT41', '{SECOND}']"]
    assert walk.blocks == []

"""Secrets are planted in a hub; then everything that it and its commands printed or stored is looked through."""

import asyncio
import base64
import datetime as dt
import logging
import os
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import trustme

from fixtures.drivetech import sample
from postroad.clock import SystemClock
from postroad.layout import KEY_FILE
from postroad.service import Hub
from postroad.settings import load
from postroad.simulate.certificates import make_server_context
from postroad.simulate.customer import EVENTS_PATH, TOKEN_PATH, Customer, CustomerSettings

CLIENT_SECRET, PASSWORD, HEADER, PARAM = "planted-client-5ecret", "planted-pa55word", "planted-h3ader", "planted-par4m"
BEARER = "planted-b3arer"
SIGNING = "whsec_" + base64.b64encode(b"planted-signing-secret-of-one").decode()
ENVIRONMENT = os.environ | {
    "CLIENT_SECRET": CLIENT_SECRET, "PASSWORD": PASSWORD, "HEADER": HEADER, "PARAM": PARAM, "BEARER": BEARER,
    "SIGNING": SIGNING,
}  # fmt: skip

DECLARATION = """\
organizations:
  - name: Andes
    providers: [{{name: gps, protocol: drivetech}}]
    integrations:
      - name: insurer
        destinations:
          - name: good
            transport: https
            config: {{url: "{base}{events}", ca_file: "{ca}", headers: {{X-Api-Key: {{env: HEADER}}}},
              auth: {{type: oauth2_client_credentials, token_url: "{base}{token}", client_id: hub,
                client_secret: {{env: CLIENT_SECRET}}, params: {{audience: {{env: PARAM}}}}}}}}
          - name: refusing
            transport: https
            config: {{url: "{base}{events}", ca_file: "{ca}",
              auth: {{type: basic, username: hub, password: {{env: PASSWORD}}}}}}
          - name: tokens
            transport: https
            config: {{url: "{base}{events}", ca_file: "{ca}", auth: {{type: bearer, token: {{env: BEARER}}}}}}
        subscriptions:
          - {{name: one, protocol: connected_cars, destination: good, vehicles: all, types: [gps_position],
              signing: {{secrets: [{{env: SIGNING}}]}}}}
          - {{name: two, protocol: connected_cars, destination: refusing, vehicles: all, types: [gps_position]}}
          - {{name: three, protocol: connected_cars, destination: tokens, vehicles: all, types: [gps_position]}}
"""

COMMANDS = (
    ("key", "list"),
    ("token", "list"),
    ("events", "tail", "--body"),
    ("events", "refused"),
    ("explain", "1"),
    ("subscriptions", "list"),
    ("subscriptions", "rotate-secret", "one"),
    ("alerts", "list", "--all"),
    ("subscriptions", "test", "one"),
    ("subscriptions", "test", "two"),
    ("subscriptions", "test", "three"),
    ("doctor",),
    ("subscriptions", "pause", "nobody"),
    ("token", "issue", "nobody"),
)

Postroad = Callable[..., Awaitable[bytes]]


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    folder = tmp_path / "hub"
    folder.mkdir(mode=0o700)
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "tls.pem"))
    (folder / "postroad.toml").write_text(
        '[hub]\nport = 0\ntls_cert_file = "tls.pem"\n[egress]\nallow_cidrs = ["127.0.0.1/32"]\n'
        "[delivery]\nregistry_poll_ms = 50\n"
    )
    return folder


ONE_AFTER_THE_OTHER = """
import sys
from postroad.cli.main import main
for line in sys.stdin:
    sys.argv = ["postroad", *line.split()]
    try:
        main()
    except SystemExit:
        pass
"""


async def all_commands(folder: Path) -> bytes:
    """What every command prints, for people and as JSON; in one process, because starting one takes long."""
    lines = "".join(f"{' '.join(command)} --data {folder}{end}\n" for command in COMMANDS for end in ("", " --json"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ONE_AFTER_THE_OTHER, env=ENVIRONMENT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate(lines.encode())
    assert process.returncode == 0, out
    return out


async def until(condition: Callable[[], bool]) -> None:
    """Look until it is so."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the customer's counters have no event
            await asyncio.sleep(0.02)


async def test_nothing_planted_is_in_what_the_hub_prints_logs_or_stores_and_rotation_goes_on_under_load(
    folder: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    context, ca = make_server_context(folder.parent, dt.datetime.now(dt.UTC))
    customer = Customer(CustomerSettings(client_id="hub", client_secret=CLIENT_SECRET), clock=SystemClock())
    base = await customer.start(context)
    printed = b""

    async def postroad(*arguments: str) -> bytes:
        nonlocal printed
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "postroad", *arguments, "--data", str(folder),
            env=ENVIRONMENT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        printed += out
        return out

    declared = folder.parent / "declared.yaml"
    declared.write_text(DECLARATION.format(base=base, events=EVENTS_PATH, token=TOKEN_PATH, ca=ca))
    await postroad("init")
    await postroad("apply", str(declared))
    await postroad("apply", str(declared), "--json")
    token = msgspec.json.decode((await postroad("token", "issue", "gps", "--json")).splitlines()[-1])["token"]
    reader = msgspec.json.decode(await postroad("token", "issue", "--integration", "insurer", "--json"))["token"]
    made = msgspec.json.decode(await postroad("subscriptions", "rotate-secret", "two", "--json"))["secret"]
    for shown in (token, reader, made):  # this once, on purpose
        printed = printed.replace(shown.encode(), b"")
    keys = key_texts(folder)

    hub = Hub(folder, load(folder, {}))
    await hub.start()
    try:
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session:

            async def post(body: dict[str, Any]) -> int:
                url = f"https://127.0.0.1:{hub.port}/provider/event/new/"
                async with session.post(url, json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
                    return answer.status

            assert await post({"plate": "KXRT41"}) == 400
            assert await post(sample()) == 200
            await until(lambda: customer.record.events >= 1)
            await until(lambda: customer.unauthorized >= 1)

            rotated = msgspec.json.decode(await postroad("key", "rotate", "--retire", "--json"))
            assert (rotated["resealed"], len(rotated["retired"])) == (7, 1)
            keys += key_texts(folder)
            assert await post(sample(datetime="2026-07-02T15:00:00Z")) == 200
            await until(lambda: customer.record.events >= 2)
            assert not hub.failed.is_set()

        printed += await all_commands(folder)
    finally:
        await hub.stop()
        await customer.stop()
    basic = base64.b64encode(f"hub:{PASSWORD}".encode()).decode()
    planted = {CLIENT_SECRET, PASSWORD, HEADER, PARAM, BEARER, SIGNING, basic, token, reader, made, *keys}
    assert len(planted) == 12
    logged = "\n".join(logging.Formatter().format(record) for record in caplog.records if ours(record))
    seen = {"commands": printed, "logs": logged.encode()}
    seen |= stored(folder)
    assert {"registry.db", "shard-00.db"} <= seen.keys()
    assert b"KXRT41" in printed
    found = [(where, secret) for where, text in seen.items() for secret in planted if secret.encode() in text]
    assert found == []


def stored(folder: Path) -> dict[str, bytes]:
    """What every file holds, but the one that is the keys' own place. Only once the hub has closed its databases."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != KEY_FILE)
    return {file.name: file.read_bytes() for file in files}


def ours(record: logging.LogRecord) -> bool:
    """All but the customer's own server, which is another party."""
    return not record.name.startswith("aiohttp.access")


def key_texts(folder: Path) -> list[str]:
    return [line.split()[1] for line in (folder / KEY_FILE).read_text().splitlines() if not line.startswith("#")]

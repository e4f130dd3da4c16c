"""First the copy, then the word: over a real socket, with a folder."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from postroad.egress.client import EgressClient
from postroad.transports import TRANSPORTS
from postroad.transports.base import Copy, Delivered, Failed, Message
from postroad.transports.storage.base import StorageFailed
from postroad.transports.storage.storing import StoringTransport

COPY = Copy(key="u/processed_track/a.json", edition=1, body=b'{"Track":1}')
MESSAGE = Message(body=b'{"Event":"x"}', content_type="application/json", request_id="one", copy=COPY)
PLAIN = structs.replace(MESSAGE, copy=None, request_id="plain")
HTTPS = TRANSPORTS["https"]


class Journal:
    """A transport and a storage that write down what they were asked, in order."""

    name = "journal"

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.words: list[Any] = []
        """What the transport answers, one after the other; then that it is delivered."""
        self.failure: StorageFailed | None = None
        self.busy: dict[str, int] = {}
        self.most = 0

    async def put(self, copy: Copy) -> None:
        self.busy[copy.key] = self.busy.get(copy.key, 0) + 1
        self.most = max(self.most, self.busy[copy.key])
        await asyncio.sleep(0)
        self.busy[copy.key] -= 1
        self.said.append(("put", copy.edition))
        if self.failure is not None:
            raise self.failure

    async def send(self, message: Message) -> Any:
        assert message.copy is None
        self.said.append(("send", message.body))
        return self.words.pop(0) if self.words else Delivered(status=200, elapsed_s=0.0)

    def endpoint(self, _wire_type: str) -> str:
        return ""

    async def close(self) -> None:
        self.said.append("closed")


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def storing(journal: Journal, clock: Any) -> StoringTransport:
    return StoringTransport(journal, journal, clock)


async def test_the_word_goes_after_the_copy(storing: StoringTransport, journal: Journal) -> None:
    assert isinstance(await storing.send(MESSAGE), Delivered)
    assert journal.said == [("put", 1), ("send", MESSAGE.body)]


async def test_without_the_copy_there_is_no_word(storing: StoringTransport, journal: Journal) -> None:
    journal.failure = StorageFailed("unexpected", "answered 404 NoSuchBucket")
    outcome = await storing.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.status) == ("unexpected", None)
    assert outcome.detail == "storage, journal: answered 404 NoSuchBucket"
    assert journal.said == [("put", 1)]


async def test_a_message_without_a_copy_needs_no_storage(storing: StoringTransport, journal: Journal) -> None:
    journal.failure = StorageFailed("connect", "down")
    assert isinstance(await storing.send(PLAIN), Delivered)


async def test_what_is_stored_is_not_stored_again_if_only_the_word_failed(
    storing: StoringTransport, journal: Journal
) -> None:
    journal.words = [Failed(reason="server_error", status=500)]
    await storing.send(MESSAGE)
    await storing.send(MESSAGE)
    await storing.send(structs.replace(MESSAGE, request_id="two"))
    assert [what for what, _ in journal.said] == ["put", "send", "send", "put", "send"]


async def test_two_editions_of_one_thing_are_stored_one_after_the_other(
    storing: StoringTransport, journal: Journal
) -> None:
    editions = [structs.replace(MESSAGE, request_id=str(n), copy=structs.replace(COPY, edition=n)) for n in range(9)]
    await asyncio.gather(*(storing.send(one) for one in editions))
    assert journal.most == 1
    assert [edition for what, edition in journal.said if what == "put"] == list(range(9))


async def test_both_are_closed(storing: StoringTransport, journal: Journal) -> None:
    await storing.close()
    assert journal.said == ["closed", "closed"]


# --- as a destination's


@pytest.fixture
def config(remote: Any, ca_file: str, tmp_path: Path) -> Any:
    return {
        "url": f"{remote.url}/events",
        "ca_file": ca_file,
        "storage": {"type": "folder", "path": str(tmp_path)},
    }


async def test_a_destination_with_a_storage_fills_it_first(
    config: Any, egress: EgressClient, clock: Any, remote: Any, tmp_path: Path
) -> None:
    transport = HTTPS.open(msgspec.convert(config, HTTPS.config_type), egress, clock)
    found: list[bytes] = []
    reply = remote.answer(None)

    def answer(_request: Any) -> Any:
        found.append((tmp_path / COPY.key).read_bytes())
        return reply

    remote.answer = answer
    assert isinstance(await transport.send(MESSAGE), Delivered)
    assert found == [COPY.body]
    assert remote.requests[0].body == MESSAGE.body
    await transport.close()


async def test_a_destination_without_a_storage_sends_no_word_of_a_copy(
    config: Any, egress: EgressClient, clock: Any, remote: Any
) -> None:
    transport = HTTPS.open(msgspec.convert(config | {"storage": None}, HTTPS.config_type), egress, clock)
    outcome = await transport.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "rejected"
    assert remote.requests == []
    await transport.close()


async def test_the_secret_of_a_storage_is_hidden_where_the_remote_side_echoes_it(
    s3: Any, config: Any, egress: EgressClient, clock: Any, remote: Any
) -> None:
    secret = s3.config()["secret_access_key"]
    reply = type(remote.answer(None))
    remote.answer = lambda _request: reply(400, f"what is {secret}?".encode())
    whole = msgspec.convert(config | {"storage": s3.config()}, HTTPS.config_type)
    transport = HTTPS.open(whole, egress, clock)
    outcome = await transport.send(MESSAGE)
    assert isinstance(outcome, Failed)
    assert outcome.detail == "what is [hidden]?"
    assert secret not in repr(whole)
    await transport.close()


# --- tried out


async def test_a_probe_writes_to_the_storage_and_says_so(
    config: Any, egress: EgressClient, clock: Any, tmp_path: Path
) -> None:
    steps = await HTTPS.probe(msgspec.convert(config, HTTPS.config_type), egress, clock, None)
    assert [step.name for step in steps] == ["url", "addresses", "tls", "storage"]
    assert all(step.ok for step in steps)
    assert (tmp_path / "postroad-probe.json").read_bytes() == b"{}"


async def test_a_probe_says_what_is_wrong_with_the_storage(
    config: Any, s3: Any, egress: EgressClient, clock: Any, tmp_path: Path, remote: Any
) -> None:
    for storage, detail in (
        ({"type": "folder", "path": str(tmp_path / "none")}, "unexpected: the folder does not exist"),
        (s3.config(bucket="another"), "bucket another: unexpected: answered 404 NoSuchBucket"),
        (s3.config(secret_access_key="wrong-secret"), "bucket copies: credentials: answered 403"),
    ):
        whole = msgspec.convert(config | {"storage": storage}, HTTPS.config_type)
        *_, step = await HTTPS.probe(whole, egress, clock, PLAIN)
        assert (step.name, step.ok) == ("storage", False)
        assert step.detail.endswith(detail)
    assert remote.requests == [], "nothing is sent while something is wrong"

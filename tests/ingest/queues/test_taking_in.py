"""What a queue or a push brings is in the log before it is acknowledged, in a real hub; the queue here is a list."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import msgspec
import pytest
from click.testing import CliRunner

from fixtures.bulks import Bulks, event
from fixtures.until import until
from postroad import service
from postroad.cli.main import cli
from postroad.errors import ConfigError
from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.transports import PUSHES, RECEIVERS
from postroad.transports.auth import Secret
from postroad.transports.receiving import (
    STRANGER,
    PushAnswer,
    PushHead,
    PushRequest,
    PushSpec,
    Received,
    ReceiverMeans,
    ReceiverSpec,
    Take,
    Verdict,
)

DECLARED = """\
organizations:
  - name: Andes
    providers:
      - name: streams
        protocol: connected_cars
        receive: {transport: list, config: {name: one, password: {env: PASSWORD}}}
      - name: notes
        protocol: damoov
        receive: {transport: list, config: {name: two}}
      - name: pushing
        protocol: connected_cars
        receive: {transport: bell, config: {name: three}}
      - {name: plain, protocol: connected_cars}
"""


class ListConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a queue that is a list."""

    name: str
    password: Annotated[Secret, msgspec.Meta(min_length=1)] | None = None


class Lists:
    """All of them: what waits, and what became of it."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Queue[Received]] = {}
        self.verdicts: list[Verdict] = []
        self.opened: list[ListConfig] = []
        self.wrong: ConfigError | None = None
        self.means: dict[str, ReceiverMeans] = {}

    def open(self, config: ListConfig, means: ReceiverMeans) -> "ListReceiver":
        self.opened.append(config)
        self.means[config.name] = means
        return ListReceiver(self, config.name, means)

    def queue(self, name: str) -> asyncio.Queue[Received]:
        return self.waiting.setdefault(name, asyncio.Queue())

    async def put(self, name: str, body: bytes, id_: str = "m-1") -> None:
        """Returns once it was taken in, or was not."""
        self.queue(name).put_nowait(Received(body=body, request_id=id_))
        async with asyncio.timeout(20):
            await self.queue(name).join()


class ListReceiver:
    def __init__(self, lists: Lists, name: str, means: ReceiverMeans) -> None:
        self._lists, self._name, self._means = lists, name, means

    async def run(self, take: Take) -> None:
        if self._lists.wrong is not None:
            raise self._lists.wrong
        self._means.tell(None)
        queue = self._lists.queue(self._name)
        while True:
            received = await queue.get()
            self._lists.verdicts.append(await take(received))
            queue.task_done()


class Bell:
    """A push that knows its service by a password in the query."""

    def __init__(self, config: ListConfig, _means: ReceiverMeans) -> None:
        self.config = config

    async def refuses(self, head: PushHead) -> PushAnswer | None:
        return None if head.query.get("word") == "friend" else STRANGER

    async def answer(self, request: PushRequest, take: Take) -> PushAnswer:
        verdict = await take(Received(body=request.body, request_id=request.headers.get("x-id", "")))
        return PushAnswer(status=200 if verdict == "stored" else 503, body=json.dumps(verdict).encode())

    async def close(self) -> None:
        pass


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> Lists:
    lists = Lists()
    monkeypatch.setitem(RECEIVERS, "list", ReceiverSpec(config_type=ListConfig, open=lists.open))
    monkeypatch.setitem(PUSHES, "bell", PushSpec(config_type=ListConfig, open=Bell, max_body_bytes=10**9))
    return lists


class Receiving(Bulks):
    """A hub whose providers receive from lists."""

    def declare(self, settings: str = "{}") -> None:  # noqa: ARG002 - of the base
        self.apply(DECLARED)

    def apply(self, text: str) -> list[Any]:
        file = self.folder / "declared.yaml"
        file.write_text(text, encoding="utf-8")
        keys = KeyRing.load_or_create(self.folder / "postroad.key")
        environment = {"PASSWORD": "s3same"}
        return apply_file(
            self.registry, file, catalogue=service.catalogue(), keys=keys, environment=environment, prune=True
        )

    def provider(self, name: str) -> int:
        return next(id_ for id_, one in self.registry.view().providers.items() if one.name == name)


@pytest.fixture
async def hub(tmp_path: Path, lists: Lists, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiving]:  # noqa: ARG001
    monkeypatch.setattr(RegistryStore, "issue_token", lambda *_args, **_kw: (0, ""))
    async with aiohttp.ClientSession() as session:
        hub = Receiving(tmp_path, session)
        await hub.start()
        yield hub
        await hub.stop()


async def test_a_message_is_in_the_log_when_it_is_acknowledged(hub: Receiving, lists: Lists) -> None:
    await lists.put("one", json.dumps([event(1), event(2)]).encode())
    assert lists.verdicts == ["stored"]
    assert [json.loads(raw)["id"] for raw in await hub.stored()] == [1, 2]


async def test_secrets_are_sealed_at_rest_and_open_when_it_is_opened(hub: Receiving, lists: Lists) -> None:
    await lists.put("one", b"[]")
    [opened] = [config for config in lists.opened if config.name == "one"]
    assert opened.password == "s3same"
    assert b"s3same" not in (hub.folder / "registry.db").read_bytes()
    receiver = hub.registry.view().providers[hub.provider("streams")].receiver
    assert receiver is not None
    assert receiver.config == {"name": "one"}
    assert set(receiver.sealed) == {"password"}


async def test_a_message_that_comes_again_is_stored_once(hub: Receiving, lists: Lists) -> None:
    for _ in range(3):
        await lists.put("one", json.dumps([event(1)]).encode())
    assert lists.verdicts == ["stored"] * 3
    assert len(await hub.stored()) == 1


@pytest.mark.parametrize("body", [b"no json", b'{"id": 1}', b"\xff\xff", b""])
async def test_what_can_never_be_read_is_kept_in_quarantine_and_does_not_come_again(
    hub: Receiving, lists: Lists, body: bytes
) -> None:
    await lists.put("one", body)
    assert lists.verdicts == ["unreadable"]
    assert len(await hub.quarantined()) == 1


async def test_one_unreadable_item_does_not_cost_the_others_of_its_message(hub: Receiving, lists: Lists) -> None:
    await lists.put("one", json.dumps([event(1), {"type": 5}]).encode())
    assert lists.verdicts == ["stored"]
    assert len(await hub.quarantined()) == 1
    assert len(await hub.stored()) == 2


async def test_while_the_log_cannot_take_it_a_message_stays_where_it_is(
    hub: Receiving, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(hub.hub.parts.intake, "_queued_limit_bytes", 10)
        await lists.put("one", json.dumps([event(1)]).encode())
    assert lists.verdicts == ["later"]
    assert await hub.stored() == []
    await lists.put("one", json.dumps([event(1)]).encode())
    assert lists.verdicts == ["later", "stored"]


async def test_each_protocol_is_read_as_its_own(hub: Receiving, lists: Lists) -> None:
    await lists.put("two", json.dumps([event(1)]).encode())
    assert lists.verdicts == ["unreadable"], "that is no notification"
    [quarantined] = await hub.quarantined()
    assert quarantined.provider_id == hub.provider("notes")


async def test_a_provider_that_declares_none_any_more_is_received_from_no_more(hub: Receiving, lists: Lists) -> None:
    await lists.put("one", json.dumps([event(1)]).encode())
    changes = hub.apply(
        DECLARED.replace("receive: {transport: list, config: {name: one, password: {env: PASSWORD}}}", "")
    )
    assert "receive" in {field.partition(".")[0] for change in changes for field in change.fields}
    keeper, gone = hub.hub.parts.receiving.keeper, hub.provider("streams")
    await until(lambda: gone not in keeper.running)
    assert hub.hub.parts.receiving.keeper.running == {hub.provider("notes")}


async def test_what_is_wrong_is_an_alert_until_it_is_right(hub: Receiving, lists: Lists) -> None:
    await lists.put("one", b"[]")
    lists.means["one"].tell("rejected 404: there is no such queue")
    await hub.hub.parts.alerts.flush()
    [alert] = hub.registry.alerts()
    assert (alert.kind, alert.about) == ("receiver_failing", f"provider {hub.provider('streams')}")
    assert alert.detail == "rejected 404: there is no such queue"
    lists.means["one"].tell(None)
    await hub.hub.parts.alerts.flush()
    assert hub.registry.alerts() == []


async def test_how_a_receiver_stands_is_told_alike_by_rest_the_command_line_and_the_metrics(
    hub: Receiving, lists: Lists
) -> None:
    await lists.put("one", json.dumps([event(1)]).encode())
    await lists.put("one", b"no json")
    await lists.means["one"].checkpoints.save("hub", "0", "10")
    lists.means["two"].tell("rejected 404: there is no such queue")
    await hub.hub.parts.alerts.flush()

    key = hub.registry.issue_key("operator", None, "test")[1]
    await hub.hub.parts.following.refresh()
    headers = {"Authorization": f"Bearer {key}"}
    async with hub.session.get(hub.url("/api/v1/receivers"), headers=headers) as answer:
        said = {one["provider"]: one for one in (await answer.json())["items"]}
    assert {name: (one["transport"], one["state"], one["detail"]) for name, one in said.items()} == {
        "streams": ("list", "receiving", ""),
        "notes": ("list", "failing", "rejected 404: there is no such queue"),
        "pushing": ("bell", "receiving", ""),
    }
    unknown = {name: [key for key, value in one.items() if value is None] for name, one in said.items()}
    assert unknown == {
        "streams": ["since"],
        "notes": ["last_message", "read"],
        "pushing": ["since", "last_message", "read"],
    }

    (hub.folder / "postroad.toml").touch()
    arguments = ["receivers", "list", "--json", "--data", str(hub.folder)]
    listed = json.loads((await asyncio.to_thread(CliRunner().invoke, cli, arguments)).stdout)
    assert {one["provider"]: (one["state"], one["detail"], one["read"] is None) for one in listed} == {
        name: (one["state"], one["detail"], one["read"] is None) for name, one in said.items()
    }

    async with hub.session.get(hub.url("/metrics")) as answer:
        lines = re.findall("^postroad_(?:messages_received|receiver_failing).*", await answer.text(), re.MULTILINE)
    figures = {
        (line.partition("{")[0], *re.findall(r'(?:provider|verdict)="([^"]*)"', line)): line.split()[-1]
        for line in lines
    }
    received, failing = "postroad_messages_received_total", "postroad_receiver_failing"
    assert figures == {
        (received, "streams", "stored"): "1.0",
        (received, "streams", "unreadable"): "1.0",
        (failing, "streams"): "0.0",
        (failing, "notes"): "1.0",
        (failing, "pushing"): "0.0",
    }


async def test_checkpoints_are_kept_over_a_restart_and_go_with_the_receiver(hub: Receiving, lists: Lists) -> None:
    await lists.put("one", b"[]")
    marks = lists.means["one"].checkpoints
    version = hub.registry.version()
    assert await marks.load("hub", "0") is None
    await marks.save("hub", "0", "10")
    await marks.save("hub", "0", "11")
    await marks.save("hub", "1", "7")
    assert hub.registry.version() == version, "no view shows them"
    assert [await marks.load("hub", partition) for partition in ("0", "1", "2")] == ["11", "7", None]
    assert await lists.means["two"].checkpoints.load("hub", "0") is None
    hub.apply(DECLARED.replace("receive: {transport: list, config: {name: one, password: {env: PASSWORD}}}", ""))
    assert await marks.load("hub", "0") is None
    await marks.save("hub", "0", "12")
    assert await marks.load("hub", "0") is None, "nobody receives any more"


@pytest.mark.parametrize(
    ("receive", "wrong"),
    [
        ("{transport: lst, config: {name: one}}", "lst"),
        ("{transport: list, config: {nam: one}}", "nam"),
        ("{transport: list}", "name"),
        ("{transport: list, config: {name: one, password: s3same}}", "password"),
        ("{transport: list, config: {name: one}, more: 1}", "more"),
    ],
)
async def test_what_cannot_be_received_from_is_refused_when_it_is_declared(
    hub: Receiving, receive: str, wrong: str
) -> None:
    with pytest.raises(ConfigError, match=wrong):
        hub.apply(DECLARED.replace("{transport: list, config: {name: two}}", receive))


# Pushes


async def push(hub: Receiving, name: str, body: bytes, *, word: str = "friend", transport: str = "bell") -> int:
    url = hub.url(f"/in/{transport}/{hub.provider(name)}?word={word}")
    async with hub.session.post(url, data=body, headers={"X-Id": "p-1"}) as response:
        await response.read()
        return response.status


async def test_what_is_pushed_is_in_the_log_when_it_is_answered(hub: Receiving) -> None:
    assert await push(hub, "pushing", json.dumps([event(1)]).encode()) == 200
    assert [json.loads(raw)["id"] for raw in await hub.stored()] == [1]


async def test_a_stranger_learns_nothing_of_who_takes_pushes(hub: Receiving) -> None:
    assert await push(hub, "pushing", b"[]", word="foe") == 401
    assert await push(hub, "plain", b"[]") == 401
    assert await push(hub, "streams", b"[]") == 401
    async with hub.session.post(hub.url("/in/bell/999?word=friend"), data=b"[]") as response:
        assert response.status == 401
    assert await hub.stored() == []


async def test_a_push_that_is_too_large_is_not_read_on(tmp_path: Path, lists: Lists, hub: Receiving) -> None:  # noqa: ARG001
    hub.hub.parts.receiving.pushes._limit_bytes = 100
    assert await push(hub, "pushing", b"x" * 1000) == 413

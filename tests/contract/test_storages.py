"""Each storage's promises: a real folder, and S3 over a real socket. A member brings a harness that looks inside."""

import asyncio
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.remote import Reply
from postroad.protocols.damoov import CONTRACT
from postroad.transports.base import Copy
from postroad.transports.storage.base import Storage, StorageFailed
from postroad.transports.storage.config import StorageConfig
from postroad.transports.storage.storing import open_storage

KEY = "instance/0f7b/processed_track/aa.json"


class FolderHarness:
    name = "folder"

    def __init__(self, tmp_path: Path, _s3: Any) -> None:
        self.root = tmp_path / "copies"
        self.root.mkdir()
        self.config = {"type": "folder", "path": str(self.root)}

    def stored(self, key: str = KEY) -> bytes | None:
        file = self.root / key
        return file.read_bytes() if file.exists() else None

    def everything(self) -> set[str]:
        """The keys of all that a customer sees."""
        files = (one.relative_to(self.root) for one in self.root.rglob("*") if one.is_file())
        return {str(one) for one in files if one.parts[0] != ".editions"}

    def outside(self) -> list[Path]:
        return [one for one in self.root.parent.iterdir() if one != self.root]

    def leave(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))

    def come_back(self) -> None:
        assert not self.root.exists(), "it is not made: a mount that is gone must not be written over"
        self.root.with_name("elsewhere").rename(self.root)


class S3Harness:
    name = "s3"

    def __init__(self, _tmp_path: Path, s3: Any) -> None:
        self.s3 = s3
        self.config = s3.config()

    def stored(self, key: str = KEY) -> bytes | None:
        return self.s3.objects[key].body if key in self.s3.objects else None

    def everything(self) -> set[str]:
        return set(self.s3.objects)

    def outside(self) -> list[Path]:
        return []

    def leave(self) -> None:
        self.s3.trouble = lambda _request: Reply(503, b"<Error><Code>SlowDown</Code></Error>")

    def come_back(self) -> None:
        self.s3.trouble = lambda _request: None


MEMBERS = {"folder": FolderHarness, "s3": S3Harness}


@pytest.fixture(params=sorted(MEMBERS))
def harness(request: pytest.FixtureRequest, tmp_path: Path, s3: Any) -> Any:
    return MEMBERS[request.param](tmp_path, s3)


@pytest.fixture
async def storage(harness: Any, egress: Any, clock: Any, ca_file: str) -> Any:
    opened = open_storage(msgspec.convert(harness.config, StorageConfig), egress, clock, ca_file=ca_file)
    yield opened
    await opened.close()


def copy(edition: int, body: bytes = b"", key: str = KEY) -> Copy:
    return Copy(key=key, edition=edition, body=body or b'{"edition":%d}' % edition)


def test_every_storage_is_a_member() -> None:
    tags = {config.__struct_config__.tag for config in typing.get_args(StorageConfig)}
    assert tags == MEMBERS.keys()


async def test_what_was_put_is_there_byte_for_byte_and_nothing_else_is(harness: Any, storage: Storage) -> None:
    body = bytes(range(256)) * 20_000
    await storage.put(copy(1, body))
    assert harness.stored() == body
    assert harness.everything() == {KEY}


async def test_a_newer_edition_takes_the_place_of_an_older_one(harness: Any, storage: Storage) -> None:
    for edition in (-5, 7, 638_000_000_000_000_000, 2**62):
        await storage.put(copy(edition))
        assert harness.stored() == copy(edition).body


async def test_an_older_edition_never_takes_the_place_of_a_newer_one(
    harness: Any, egress: Any, clock: Any, ca_file: str
) -> None:
    """Nor does it after a restart: what is newer is known from the storage itself."""
    for edition in (9, 8, -8, 2):
        opened = open_storage(msgspec.convert(harness.config, StorageConfig), egress, clock, ca_file=ca_file)
        await opened.put(copy(edition))
        await opened.close()
        assert harness.stored() == copy(9).body


async def test_the_same_edition_may_be_put_again(harness: Any, storage: Storage) -> None:
    for _ in range(2):
        await storage.put(copy(3))
    assert harness.stored() == copy(3).body


async def test_keys_do_not_touch_each_other(harness: Any, storage: Storage) -> None:
    keys = [f"i/{number}/accident/x.json" for number in range(20)]
    await asyncio.gather(*(storage.put(copy(number, key=key)) for number, key in enumerate(keys)))
    assert [harness.stored(key) for key in keys] == [copy(number).body for number in range(20)]


BAD_KEYS = (
    "../x",
    "/etc/x",
    "a/../../x",
    "a//x",
    "a/./x",
    ".editions/x",
    "a/.part",
    "",
    "a/",
    "a b",
    "a\n",
    "ä",
    "%2e",
)


@pytest.mark.parametrize("key", [*BAD_KEYS, "a" * 901])
async def test_a_key_that_could_leave_its_place_is_refused(harness: Any, storage: Storage, key: str) -> None:
    with pytest.raises(StorageFailed) as raised:
        await storage.put(copy(1, key=key))
    assert raised.value.reason == "rejected"
    assert harness.everything() == set()
    assert harness.outside() == []


async def test_a_storage_that_is_away_is_at_fault_itself_and_takes_it_later(harness: Any, storage: Storage) -> None:
    harness.leave()
    with pytest.raises(StorageFailed) as raised:
        await storage.put(copy(1))
    assert CONTRACT.action(None, raised.value.reason) == "retry"
    harness.come_back()
    await storage.put(copy(1))
    assert harness.stored() == copy(1).body

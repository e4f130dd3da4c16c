"""The block list: keyed hashes that outlive the sealing key's rotation and say nothing without it."""

from pathlib import Path

import pytest

from postroad.errors import ConfigError
from postroad.registry import erasures, rotation
from postroad.registry.blocklist import BlockList, block_key, digest, is_blocked
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.subjects import identify, insert_subject


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    KeyRing.load_or_create(tmp_path / "postroad.key")
    return tmp_path / "postroad.key"


@pytest.fixture
def registry(tmp_path: Path) -> RegistryStore:
    return RegistryStore.open(tmp_path / "registry.db")


def erased(registry: RegistryStore, keys: KeyRing, name: str) -> int:
    """A driver of that name is made and erased; the erasure's id."""
    with registry.transaction() as change:
        if not change.connection.exec_driver_sql("SELECT 1 FROM organizations").first():
            change.connection.exec_driver_sql("INSERT INTO organizations (name) VALUES ('Andes')")
        driver_id = insert_subject(change, 1, "driver", shard=0, declared=False)
        identify(change, 1, driver_id, "drivequant.user_id", name)
        erasure_id = erasures.ask_subject(change, keys, driver_id, by="operator")
        assert erasure_id is not None
        assert erasures.ask_subject(change, keys, driver_id, by="operator") is None, "once is enough"
    return erasure_id


def test_a_hash_says_nothing_without_the_key() -> None:
    hashes = {
        digest(key, organization, namespace, value)
        for key in (b"k" * 32, b"l" * 32)
        for organization in (1, 2)
        for namespace in ("plate", "vin")
        for value in ("AB", "B")
    }
    assert len(hashes) == 16


def test_what_was_erased_is_blocked_by_every_view_and_nothing_else_is(registry: RegistryStore, key_file: Path) -> None:
    keys = KeyRing.load(key_file)
    blocked = BlockList(keys)
    blocked.use(registry.view())
    assert not blocked.holds(1, "drivequant.user_id", "ada")
    erased(registry, keys, "ada")
    blocked.use(registry.view())
    assert blocked.holds(1, "drivequant.user_id", "ada")
    for other in (
        (2, "drivequant.user_id", "ada"),
        (1, "damoov.device_token", "ada"),
        (1, "drivequant.user_id", "bob"),
    ):
        assert not blocked.holds(*other)
    assert ("ada" in str(registry.view().identifiers), registry.view().subjects[1].removed) == (False, True)
    with registry.transaction() as change:
        assert is_blocked(change, keys, 1, "drivequant.user_id", "ada")
        assert not is_blocked(change, keys, 1, "drivequant.user_id", "bob")


def test_a_rotation_keeps_hashes_and_names_good(registry: RegistryStore, key_file: Path) -> None:
    erasure_id = erased(registry, KeyRing.load(key_file), "ada")
    rotation.rotate(key_file, registry)
    assert len(rotation.retire_unused(key_file, registry)) == 1
    keys = KeyRing.load(key_file)
    blocked = BlockList(keys)
    blocked.use(registry.view())
    assert blocked.holds(1, "drivequant.user_id", "ada")
    names = erasures.names(registry.erasure(erasure_id), keys)
    assert names.identifiers == (("drivequant.user_id", "ada"),)


def test_without_the_sealing_key_a_hub_does_not_begin(registry: RegistryStore, key_file: Path, tmp_path: Path) -> None:
    erased(registry, KeyRing.load(key_file), "ada")
    other = KeyRing.load_or_create(tmp_path / "other.key")
    with pytest.raises(ConfigError, match="restore that key file"):
        BlockList(other).use(registry.view())


def test_the_key_is_made_once(registry: RegistryStore, key_file: Path) -> None:
    keys = KeyRing.load(key_file)
    with registry.transaction() as change:
        assert block_key(change, keys) == block_key(change, keys)

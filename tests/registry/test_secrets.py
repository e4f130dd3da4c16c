"""Secrets at rest."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.errors import ConfigError, StoreCorrupt
from postroad.registry.secrets import KeyRing, secret_place

PLACE = secret_place(7, "auth.client_secret")
KEYS = KeyRing({b"0001": bytes(32), b"0002": bytes(range(32))}, b"0002")


@given(secret=st.text(), place=st.text())
def test_what_is_sealed_opens_at_its_place(secret: str, place: str) -> None:
    assert KEYS.unseal(place, KEYS.seal(place, secret)) == secret


def test_the_sealed_form_is_as_documented() -> None:
    sealed = KEYS.seal(PLACE, "x" * 10)
    assert sealed[:5] == b"\x01" + b"0002"
    assert len(sealed) == 1 + 4 + 12 + 10 + 16
    assert KEYS.seal(PLACE, "x" * 10) != sealed


def test_a_sealed_secret_cannot_be_moved() -> None:
    with pytest.raises(StoreCorrupt, match="destination/8"):
        KEYS.unseal(secret_place(8, "auth.client_secret"), KEYS.seal(PLACE, "hunter2"))


@pytest.mark.parametrize("at", [0, 1, 5, 17, -1])
def test_damage_is_noticed(at: int) -> None:
    sealed = bytearray(KEYS.seal(PLACE, "hunter2"))
    sealed[at] ^= 1
    with pytest.raises((StoreCorrupt, ConfigError)):
        KEYS.unseal(PLACE, bytes(sealed))


@pytest.mark.parametrize("length", range(0, 34, 3))
def test_a_sealed_secret_that_was_cut_off_is_damaged(length: int) -> None:
    sealed = KEYS.seal(PLACE, "hunter2")
    with pytest.raises((StoreCorrupt, ConfigError)):
        KEYS.unseal(PLACE, sealed[:length])


def test_an_older_key_of_the_ring_opens_what_it_sealed_and_seals_no_more() -> None:
    older = KeyRing({b"0001": bytes(32)}, b"0001")
    assert KEYS.unseal(PLACE, older.seal(PLACE, "hunter2")) == "hunter2"
    with pytest.raises(ConfigError, match="sealed with key 30303032, which the key ring does not hold"):
        older.unseal(PLACE, KEYS.seal(PLACE, "hunter2"))


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "postroad.key"
    sealed = KeyRing.load_or_create(path).seal(PLACE, "hunter2")
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.load_or_create(path).unseal(PLACE, sealed) == "hunter2"
    assert [entry.name for entry in tmp_path.iterdir()] == ["postroad.key"]


def test_two_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    path = tmp_path / "postroad.key"
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: KeyRing.load_or_create(path), range(8)))
    sealed = rings[0].seal(PLACE, "hunter2")
    assert {ring.unseal(PLACE, sealed) for ring in rings} == {"hunter2"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "postroad.key"
    KeyRing.load_or_create(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        KeyRing.load(path)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "00000001 c2hvcnQ=\n", "hunter2\n", "zz zz\n", "\udcff"])
def test_what_is_no_key_file_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "postroad.key"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        KeyRing.load(path)
    assert "postroad.key" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"postroad\.key: the sealing key cannot be read: No such file"):
        KeyRing.load(tmp_path / "postroad.key")
    with pytest.raises(ConfigError, match="cannot be made"):
        KeyRing.load_or_create(tmp_path / "nosuch" / "postroad.key")

"""What bodies inflate to, and how much memory and work a small one can cause."""

import gzip
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.ingest.inflate import TooLarge, gunzip

LIMIT_BYTES = 64 * 1024
MIB = 1024 * 1024


@given(st.lists(st.binary(max_size=10_000), min_size=1, max_size=5))
def test_the_members_of_a_body_inflate_to_one(contents: list[bytes]) -> None:
    assert gunzip(b"".join(map(gzip.compress, contents)), LIMIT_BYTES) == b"".join(contents)


def test_the_limit_is_exact_also_over_members() -> None:
    half = gzip.compress(bytes(LIMIT_BYTES // 2))
    assert gunzip(half * 2, LIMIT_BYTES) == bytes(LIMIT_BYTES)
    for more in (half * 2 + gzip.compress(b"x"), gzip.compress(bytes(LIMIT_BYTES + 1))):
        with pytest.raises(TooLarge):
            gunzip(more, LIMIT_BYTES)


@pytest.mark.parametrize("cut", [1, 8, 4096, 5000])
def test_a_body_that_was_cut_off_is_no_gzip(cut: int) -> None:
    noise = bytes(number * number % 251 for number in range(20_000))
    body = gzip.compress(noise, compresslevel=0)
    assert gunzip(body[:-cut], LIMIT_BYTES) is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="json"),
        pytest.param(gzip.compress(b"x") + b"{}", id="more-after-it"),
        pytest.param(gzip.compress(b"x")[:-4] + bytes(4), id="wrong-length"),
    ],
)
def test_what_is_no_gzip_at_all_is_none(body: bytes) -> None:
    assert gunzip(body, LIMIT_BYTES) is None


@pytest.mark.parametrize("members", [1, 64])
def test_a_bomb_takes_no_more_memory_than_the_limit(members: int) -> None:
    bomb = gzip.compress(bytes(64 * MIB // members)) * members
    assert len(bomb) < LIMIT_BYTES * 2
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            gunzip(bomb, MIB)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 3 * MIB


def test_the_work_grows_with_the_body_and_not_with_its_square() -> None:
    def cpu_s(members: int) -> float:
        body = gzip.compress(b"") * members
        began_s = time.process_time()
        assert gunzip(body, LIMIT_BYTES) == b""
        return time.process_time() - began_s

    cpu_s(1_000)
    assert cpu_s(64_000) < 64 * cpu_s(4_000)  # 16 if linear, 256 if not

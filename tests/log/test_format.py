import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroad.errors import StoreCorrupt
from postroad.log.format import RAW, ZSTD, RowPacker, RowUnpacker, pack_columns, unpack_columns
from postroad.log.interface import Part

PartOf = Callable[..., Part]


def packed(part: Part) -> Any:
    return RowPacker().pack(part, pack_columns(part), 1, 2)


def test_the_columns_blob_is_byte_for_byte_what_the_format_page_says(part_of: PartOf) -> None:
    part = part_of(b"a", b"b" * 300, subjects=[1, 70_000], kinds=b"\x05\x06", flags=b"\0\1", received_offsets_us=[0, 9])
    assert pack_columns(part).hex(" ") == ("01 04 02 01 01 00 00 00 70 11 01 00 05 06 00 01 01 00 2c 01 00 09")


NOISE = random.Random(1).randbytes(2000)


@pytest.mark.parametrize(("body", "codec"), [(b"x" * 1023, RAW), (b"x" * 1024, ZSTD), (NOISE, RAW)])
def test_a_body_is_compressed_only_where_that_makes_it_smaller(part_of: PartOf, body: bytes, codec: int) -> None:
    row = packed(part_of(body))
    assert row[9] == codec
    assert len(row[-1]) == row[7] <= len(body) == row[8]
    assert RowUnpacker().unpack(row).body == body


def test_narrow_columns_take_few_bytes(part_of: PartOf) -> None:
    part = part_of(*[b"x" * 200] * 1000, subjects=[200] * 1000)
    assert len(pack_columns(part)) == 4 + 1000 * 4


@given(bit=st.integers(0, 8 * 60 - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_flipped_bit_goes_unnoticed(part_of: PartOf, bit: int) -> None:
    row = packed(part_of(b"x" * 30, b"y" * 20))
    blobs = bytearray(row[-2] + row[-1])
    blobs[bit // 8 % len(blobs)] ^= 1 << bit % 8
    damaged = (*row[:-2], bytes(blobs[: len(row[-2])]), bytes(blobs[len(row[-2]) :]))
    with pytest.raises(StoreCorrupt):
        RowUnpacker().unpack(damaged)


def test_columns_of_a_later_version_are_not_guessed_at() -> None:
    with pytest.raises(StoreCorrupt, match="version 2"):
        unpack_columns(b"\x02\x01\x01\x00\x01\x00\x00\x01", 1, 5)


def test_every_defect_of_a_part_is_named(part_of: PartOf) -> None:
    with pytest.raises(ValueError, match="add up"):
        pack_columns(part_of(b"1", lengths=[2]))
    with pytest.raises(ValueError, match="out of range"):
        pack_columns(part_of(b"1", subjects=[-1]))
    with pytest.raises(ValueError, match="dedup_keys"):
        pack_columns(part_of(b"1", dedup_keys=b"1"))
    with pytest.raises(ValueError, match="surrogates"):
        pack_columns(part_of(b"1", protocol="\ud800"))

"""Spellings of identifiers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.model.identifiers import normalise


@pytest.mark.parametrize("written", ["KXRT41", "kx-rt-41", " KX RT.41", "kx\u00a0rt\u200b41\n", "KXRT\x0041"])
def test_spellings_of_one_plate_are_equal(written: str) -> None:
    assert normalise("plate", written) == normalise("vin", written) == "KXRT41"


def test_other_namespaces_are_compared_as_written() -> None:
    assert normalise("badge", " a-B.c ") == " a-B.c "


@given(st.text())
def test_normalising_is_idempotent_and_leaves_what_every_database_stores(written: str) -> None:
    once = normalise("plate", written)
    assert normalise("plate", once) == once
    assert "\0" not in once
    once.encode()

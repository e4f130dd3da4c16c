import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.model.identifiers import normalise


@pytest.mark.parametrize("spelling", ["FVDH85", "fvdh85", "FV-DH-85", "FV.DH 85", " fv dh-85 "])
def test_spellings_of_one_plate_are_equal(spelling):
    assert normalise("plate", spelling) == "FVDH85"


def test_a_vin_is_upper_case_and_stripped():
    assert normalise("vin", " wvwzzzauzrw000417\n") == "WVWZZZAUZRW000417"


def test_an_identifier_of_another_namespace_stays_as_it_is():
    assert normalise("device_token", " a-B.c ") == " a-B.c "


@given(st.sampled_from(["plate", "vin", "other"]), st.text())
def test_normalising_twice_changes_nothing_more(namespace, value):
    once = normalise(namespace, value)
    assert normalise(namespace, once) == once

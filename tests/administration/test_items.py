"""Places as people write them."""

import pytest

from postroad.administration.items import Place


def test_a_place_is_read_as_it_is_written() -> None:
    assert Place.read("0:123") == Place(0, 123)
    assert str(Place(3, 7)) == "3:7"
    assert Place.read(str(Place(0, 2**63 - 1))) == Place(0, 2**63 - 1)


@pytest.mark.parametrize("text", ["", "1", "1:2:3", "a:1", "1:", ":1", "0:-1", "0: 1", "0:1 ", "0:1\n", "0:٣", "0:1_0",
                                  f"0:{2**63}", "0:" + "9" * 40])  # fmt: skip
def test_what_is_no_place_that_could_be_stored_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="numbers"):
        Place.read(text)

"""A parcel is an event with its copy, and nothing that anybody sends can pass for one."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.protocols import TARGETS
from postroad.protocols.parcel import Copied, packed, unpacked

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(msgspec.json.encode)


@given(body=JSON, copy=JSON, edition=st.integers(-(2**62), 2**62))
def test_what_was_packed_comes_out_byte_for_byte(body: bytes, copy: bytes, edition: int) -> None:
    parcel = unpacked(packed(body, Copied(key="a/b.json", edition=edition, body=copy)))
    assert parcel.body == body
    assert parcel.copied == Copied(key="a/b.json", edition=edition, body=copy)


@given(body=JSON)
def test_any_other_body_stands_for_itself(body: bytes) -> None:
    assert unpacked(body).body is body
    assert unpacked(body).copied is None


@pytest.mark.parametrize("raw", [b'\x1e{"key":"../x"}', b'{"Event":"\x1e"}', b'{"Event":1\x1e}'])
def test_json_with_a_bare_separator_is_taken_in_by_nobody(raw: bytes) -> None:
    for type_ in (msgspec.Raw, dict[str, msgspec.Raw]):
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(raw, type=type_)


def test_every_target_sends_json() -> None:
    """What a parcel is told from."""
    assert {target.content_type for target in TARGETS.values()} == {"application/json"}

"""The chain by itself: whatever is done to its records, verifying finds the first of them that it was done to."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.registry.audit_chain import EMPTY, Broken, Detail, Head, Link, Record, commitment, verified

_SALT = bytes(range(32))

_texts = st.none() | st.text(max_size=5)
_numbers = st.none() | st.integers(0, 2**63 - 1)
_made = st.lists(
    st.builds(
        dict,
        at_us=st.integers(0, 2**62),
        version=st.integers(0, 2**62),
        origin=st.sampled_from(["rest", "hub"]),
        role=_texts,
        action=st.sampled_from(["create", "update"]),
        kind=st.sampled_from(["token", "grant"]),
        id=_texts,
        organization_id=_numbers,
        subject_id=_numbers,
    ),
    min_size=1,
    max_size=6,
)


def chained(made: list[dict[str, object]]) -> list[Record]:
    records, before = [], EMPTY.hash
    for number, values in enumerate(made, 1):
        who, what = f"who {number}".encode(), b"{}"
        link = Link(number=number, who=commitment(_SALT, who), what=commitment(_SALT, what), **values)  # type: ignore[arg-type]  # drawn by name
        before = link.hash_after(before)
        details = (Detail(salt=_SALT, content=content) for content in (who, what))
        records.append(Record(link=link, hash=before, who=next(details), what=next(details)))
    return records


def head_of(records: list[Record]) -> Head:
    return Head(records[-1].link.number, records[-1].hash)


@given(_made)
def test_what_was_chained_is_verified_whatever_it_holds(made: list[dict[str, object]]) -> None:
    records = chained(made)
    assert verified(records, head_of(records)) == head_of(records)
    assert verified([], EMPTY) == EMPTY


@given(_made, st.data())
def test_a_changed_field_is_found_where_it_is(made: list[dict[str, object]], data: st.DataObject) -> None:
    records = chained(made)
    index = data.draw(st.integers(0, len(records) - 1))
    field = data.draw(st.sampled_from([name for name in Link.__struct_fields__ if name != "number"]))
    value = getattr(records[index].link, field)
    other = {"str": f"{value}x", "int": 5 if value == 4 else 4, "bytes": bytes(32), "NoneType": 4}[type(value).__name__]
    link = msgspec.structs.replace(records[index].link, **{field: other})
    changed = [*records[:index], msgspec.structs.replace(records[index], link=link), *records[index + 1 :]]
    assert verified(changed, head_of(records)) == Broken(index + 1, "changed")


@given(_made, st.data())
def test_a_record_that_is_gone_twice_there_or_elsewhere_is_found(
    made: list[dict[str, object]], data: st.DataObject
) -> None:
    records = chained(made)
    index = data.draw(st.integers(0, len(records) - 1))
    without = records[:index] + records[index + 1 :]
    last = index == len(records) - 1
    assert verified(without, head_of(records)) == Broken(index + 1, "cut_off" if last else "missing")
    twice = records[: index + 1] + records[index:]
    assert verified(twice, head_of(records)) == Broken(index + 2, "missing")
    moved = [*without, records[index]]
    if moved != records:
        assert verified(moved, head_of(records)) == Broken(index + 1, "missing")


@given(_made, st.data())
def test_a_head_kept_elsewhere_proves_what_is_below_it(made: list[dict[str, object]], data: st.DataObject) -> None:
    records = chained(made)
    noted = head_of(records[: data.draw(st.integers(1, len(records)))])
    assert verified(records, None, noted) == head_of(records)
    anew = chained([{**made[0], "version": 2**62 + 1}, *made[1:]])
    assert verified(anew, head_of(anew)) == head_of(anew), "by itself a chain made anew holds"
    assert verified(anew, head_of(anew), noted) == Broken(noted.number, "other_head")
    cut = records[: noted.number - 1]
    assert verified(cut, None, noted) == Broken(noted.number, "cut_off")


@pytest.mark.parametrize(
    ("gone", "taker", "holds"),
    [
        ("erasure/7", {"action": "create", "kind": "erasure", "id": "7"}, True),
        ("erasure/8", {"action": "create", "kind": "erasure", "id": "7"}, False),
        ("erasure/7", {"action": "update", "kind": "erasure", "id": "7"}, False),
        ("retention", {"action": "prune", "kind": "audit_log"}, True),
        ("retention", {"action": "create", "kind": "erasure", "id": "7"}, False),
        (None, {"action": "prune", "kind": "audit_log"}, False),
    ],
)
def test_details_may_be_gone_only_if_an_entry_says_what_took_them(
    gone: str | None, taker: dict[str, object], holds: bool
) -> None:
    usual: dict[str, object] = {
        "at_us": 1, "version": 1, "origin": "rest", "role": None, "action": "create", "kind": "token", "id": "a",
        "organization_id": None, "subject_id": None,
    }  # fmt: skip
    records = chained([usual, {**usual, **taker}])
    records[0] = msgspec.structs.replace(records[0], who=Detail(salt=None, content=None, gone=gone))
    found = verified(records, head_of(records))
    assert found == (head_of(records) if holds else Broken(1, "detail_missing"))


def test_the_example_of_the_format_is_what_the_code_makes() -> None:
    """The numbers in docs/formats/audit-log.md: whoever verifies by that page gets these."""
    who, what = b'{"name":"ada","address":"192.0.2.7"}', b'{"name":"","fields":{}}'
    link = Link(
        number=1, at_us=1_790_000_000_000_000, version=2, origin="rest", role="operator", action="create",
        kind="token", id="abcdefgh", organization_id=None, subject_id=None,
        who=commitment(bytes(32), who), what=commitment(bytes(32), what),
    )  # fmt: skip
    assert link.who.hex() == "8208fbf8c00dfe1c7b087f457cfb8f66ba5b2f34968a51a7ac180f4c6e97d333"
    assert link.what.hex() == "6ae7d7b9248d068d44bdb16d81a25307fb32928ad2136e34aa6c8ba9ca3981c3"
    assert link.hash_after(EMPTY.hash).hex() == "58bc9179d5342a1ee1c73f78bdd1c36591db3d27427d376a599bbb14c9632abe"

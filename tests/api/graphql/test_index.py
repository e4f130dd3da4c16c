"""Lists come from one look at a view, also with 100,000 vehicles."""

from typing import Any

import pytest

from postroad.api.graphql import index
from postroad.api.graphql.index import Indexes, ViewIndex
from postroad.api.graphql.paging import Cursor, page_of_ids
from postroad.registry.records import Grant, RegistryView, Stream, Subject

MANY = 100_000
FLEET, INTEGRATION, TOPIC = MANY + 1, 1, 1


@pytest.fixture(scope="module")
def view() -> RegistryView:
    """Every vehicle is in a fleet that has given access, and has a stream."""
    subjects = {
        id_: Subject(
            id=id_,
            organization_id=1,
            kind="vehicle",
            shard=0,
            issued={"connected_cars.vehicle_id": id_ * 3},
            fleet_id=FLEET,
        )
        for id_ in range(1, MANY + 1)
    }
    subjects[FLEET] = Subject(id=FLEET, organization_id=1, kind="fleet", shard=0, issued={"connected_cars.fleet_id": 4})
    nothing: dict[Any, Any] = {}
    return RegistryView(
        version=1,
        organizations=nothing,
        providers=nothing,
        provider_settings=nothing,
        tokens=nothing,
        subjects=subjects,
        identifiers=nothing,
        destinations=nothing,
        subscriptions=nothing,
        streams={
            id_: Stream(id=id_, subscription_id=TOPIC, subject_id=id_, shard=0, from_position=1)
            for id_ in range(1, MANY + 1)
        },
        grants={1: Grant(id=1, integration_id=INTEGRATION, subject_id=FLEET, kind="fleet", since_us=0)},
        accesses={INTEGRATION: frozenset(range(1, MANY + 1))},
    )


def test_a_page_of_100_000_vehicles_makes_as_many_as_it_shows(
    view: RegistryView, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ViewIndex(view)
    mine = frozenset({INTEGRATION})
    first = made.consented(mine, fleets=None, vehicles=None)
    assert (len(first), first[:3]) == (MANY, [3, 6, 9])

    def again(_self: ViewIndex, _integrations: frozenset[int]) -> Any:
        raise AssertionError("the list was made again")

    monkeypatch.setattr(ViewIndex, "_consenting", again)
    numbers = made.consented(mine, fleets=None, vehicles=None)
    page = page_of_ids(numbers, lambda number: made.vehicle(number, mine), first=1000, after=Cursor(30_000, 30_000))
    assert [page.items[0].id, page.items[-1].id, page.items[0].fleet_id] == [30_003, 33_000, 4]
    assert made.consented(mine, fleets=[4], vehicles=[6, 3, 4, 3]) == [3, 6]
    assert list(made.consented(mine, fleets=[5], vehicles=None)) == []
    assert made.streams({TOPIC}, vehicles=[9, 3]) == [1, 3]
    assert len(made.streams({TOPIC})) == MANY


def test_a_view_is_looked_at_once_and_not_before_somebody_asks(
    view: RegistryView, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[RegistryView] = []

    class Counting(ViewIndex):
        def __init__(self, view: RegistryView) -> None:
            looked.append(view)
            super().__init__(view)

    monkeypatch.setattr(index, "ViewIndex", Counting)
    views = [view]
    indexes = Indexes(lambda: views[-1])
    assert looked == []
    assert indexes.now() is indexes.now()
    assert len(looked) == 1
    views.append(RegistryView(**{name: getattr(view, name) for name in view.__struct_fields__}))
    assert indexes.now().view is views[-1]
    assert len(looked) == 2


def test_lists_of_many_integrations_do_not_fill_the_memory(view: RegistryView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_KEPT", 3)
    made = ViewIndex(view)
    for id_ in range(10, 30):
        made.consented(frozenset({id_}), fleets=None, vehicles=None)
        assert len(made._lists) <= 3

"""The plan is a pure function: applied to what there is it gives what is wanted, and then there is nothing to do."""

from hypothesis import given
from hypothesis import strategies as st

from fixtures.connected_cars_server import TOPIC
from postroad.upstream.connected_cars.client import Stream
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream, SomeVehicles
from postroad.upstream.connected_cars.plan import SLICE, Plan, plan, slices


def declared(**changes: object) -> ConnectedCarsUpstream:
    values = {
        "graphql_url": "https://api.example/graphql",
        "auth_url": "https://auth.example/",
        "namespace": "market:default",
        "service_account": None,
        "topic": TOPIC,
    }
    return ConnectedCarsUpstream(**values | changes)  # type: ignore[arg-type]


def applied(planned: Plan, actual: list[Stream]) -> list[Stream]:
    """What the streams are after the changes."""
    changed = {change.stream_id: change.reference_url for change in planned.update}
    left = [
        Stream(
            id=s.id,
            vehicle_id=s.vehicle_id,
            integration_topic_id=s.integration_topic_id,
            reference_url=changed.get(s.id, s.reference_url),
        )
        for s in actual
        if s.id not in planned.delete
    ]
    first = max((s.id for s in actual), default=0) + 1
    return left + [
        Stream(
            id=id_,
            vehicle_id=new.vehicle_id,
            integration_topic_id=new.integration_topic_id,
            reference_url=new.reference_url,
        )
        for id_, new in enumerate(planned.add, first)
    ]


streams = st.lists(
    st.builds(
        Stream,
        id=st.integers(1, 50),
        vehicle_id=st.integers(1, 8),
        integration_topic_id=st.sampled_from([TOPIC, 9]),
        reference_url=st.sampled_from([None, "r/1", "other"]),
    ),
    unique_by=lambda stream: stream.id,
    max_size=15,
)


@given(
    wanted=st.sets(st.integers(1, 8)), actual=streams, reference=st.sampled_from([None, "r/{vehicleId}", "constant"])
)
def test_the_plan_leads_from_what_there_is_to_what_is_wanted_and_then_to_nothing(
    wanted: set[int], actual: list[Stream], reference: str | None
) -> None:
    config = declared(reference_url=reference)
    planned = plan(config, wanted, actual)
    after = applied(planned, actual)
    mine = [s for s in after if s.integration_topic_id == TOPIC]
    assert sorted(s.vehicle_id for s in mine) == sorted(wanted)
    if reference is not None:
        assert all(s.reference_url == reference.replace("{vehicleId}", str(s.vehicle_id)) for s in mine)
    assert [s for s in after if s.integration_topic_id != TOPIC] == [s for s in actual if s.integration_topic_id == 9]
    assert plan(config, wanted, after).empty
    kept = {s.vehicle_id for s in actual if s.integration_topic_id == TOPIC} & wanted
    assert not kept & {new.vehicle_id for new in planned.add}  # what flows goes on
    assert not {c.stream_id for c in planned.update} & set(planned.delete)


def test_only_vehicles_that_are_declared_are_wanted() -> None:
    some = declared(vehicles=SomeVehicles(ids=(1, 2), fleets=(7,)))
    assert [some.wants(1, None), some.wants(3, 7), some.wants(3, 8), some.wants(3, None)] == [True, True, False, False]
    assert declared().wants(3, None)


@given(st.lists(st.integers(), max_size=3 * SLICE))
def test_slices_are_everything_in_order_and_none_is_empty_or_too_long(things: list[int]) -> None:
    cut = list(slices(things))
    assert [thing for slice_ in cut for thing in slice_] == things
    assert all(0 < len(slice_) <= SLICE for slice_ in cut)

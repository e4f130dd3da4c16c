"""What goes through two translations is what was said, within the roundings of the table, and nothing else appears.

A provider speaks ``first``; its hub sends on by ``second``; a hub that takes that in sends it on by ``third``.
"""

from collections.abc import Collection, Iterable
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.facts import AT_US, EXAMPLES, HEADER, NAMES, all_facts, hear, near, only, say, table
from postroad.model.catalogue import READINGS
from postroad.model.documents import (
    Crash,
    CrashReport,
    DeviceStatus,
    Manoeuvre,
    PhoneUse,
    TrackPoint,
    Trip,
    TripManoeuvre,
)
from postroad.model.events import Event, HarshManoeuvre, Position, Report
from postroad.model.facts import FACTS, facts_of
from postroad.protocols import TARGETS
from postroad.protocols.fact_table import Way

WIDE: dict[str, dict[str, Any]] = {
    "connected_cars": {"claim_can": True, "profile": "2026-03"},
    "drivequant": {"sparse_route": True, "unconfirmed_crashes": True},
}
"""Options by which as much is sent as can be."""


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


instants = st.integers(AT_US, AT_US + 3_600_000_000)
positions = st.builds(
    Position,
    latitude_deg=st.floats(-90, 90),
    longitude_deg=st.floats(-180, 180),
    altitude_m=maybe(st.floats(-400, 8000)),
    speed_kmh=maybe(st.floats(0, 250)),
    heading_deg=maybe(st.floats(0, 359.9)),
    fix=maybe(st.just(True)),
    horizontal_error_m=maybe(st.floats(0, 500)),
    hdop=maybe(st.floats(0, 50)),
)
harsh = st.builds(
    HarshManoeuvre,
    kind=st.sampled_from(["braking", "acceleration", "turn", "turn_left", "turn_right"]),
    magnitude=st.none(),
    magnitude_g=maybe(st.floats(0.2, 3)),
    severity=maybe(st.sampled_from(["low", "medium", "high"])),
)
_VALUES: dict[type, st.SearchStrategy[Any]] = {
    float: st.floats(0, 60),
    int: st.integers(1, 999),
    bool: st.booleans(),
    str: st.just("2026-05-01"),
}
readings = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(["towed", "parked", "moving"]) if name == "motion_state" else _VALUES[signal.type]
        for name, signal in READINGS.items()
    },
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Any place and readings, and some of what can happen; half of them whole enough for a protocol of records."""
    base = draw(st.sampled_from(EXAMPLES["report"]))
    assert isinstance(base, Report)
    happened = draw(st.lists(st.sampled_from(base.occurrences), max_size=4, unique_by=type))
    happened = [draw(harsh) if isinstance(one, HarshManoeuvre) else one for one in happened]
    place, read = draw(positions), draw(readings)
    if draw(st.booleans()):
        place = msgspec.structs.replace(place, speed_kmh=place.speed_kmh or 0.0, heading_deg=place.heading_deg or 0.0)
        read = {"ignition": True, "motion_state": "moving", "odometer_km": 5.5} | read
    return Report(
        header=msgspec.structs.replace(HEADER, late=draw(st.booleans())),
        position=place,
        readings=read,
        occurrences=tuple(happened),
        from_can=draw(st.booleans()),
    )


@st.composite
def manoeuvres(draw: st.DrawFn) -> TripManoeuvre:
    kind = draw(st.sampled_from(get_args(Manoeuvre)))
    size = draw(maybe(st.floats(0.1, 9)))
    return TripManoeuvre(
        kind=kind,
        at_us=draw(instants),
        position=draw(maybe(positions)),
        acceleration_mps2=-size if size is not None and kind == "braking" else size,
        severity=draw(maybe(st.sampled_from(["low", "medium", "high"]))),
    )


points = st.builds(
    TrackPoint,
    recorded_us=instants,
    latitude_deg=st.floats(-90, 90),
    longitude_deg=st.floats(-180, 180),
    speed_kmh=maybe(st.floats(0, 250)),
    heading_deg=maybe(st.floats(0, 359.9)),
    altitude_m=maybe(st.floats(1, 8000)),
    horizontal_error_m=maybe(st.floats(0, 100)),
)
figures = {"distance_m", "driving_s", "idling_s", "mean_speed_kmh", "max_speed_kmh", "fuel_l", "energy_kwh", "co2_kg"}
trips = st.builds(
    Trip,
    header=st.just(HEADER),
    key=st.just("one"),
    revision=st.just(AT_US),
    started_us=maybe(st.just(AT_US)),
    ended_us=maybe(instants),
    start_address=maybe(st.text(min_size=1, max_size=9)),
    end_address=maybe(st.text(min_size=1, max_size=9)),
    scores=st.dictionaries(st.sampled_from(["overall", "safety", "eco", "distraction", "speeding"]), st.floats(0, 100)),
    manoeuvres=maybe(st.lists(manoeuvres(), max_size=3).map(tuple)),
    phone=maybe(st.builds(PhoneUse, unlocked_s=maybe(st.floats(0, 9000)), unlocks=maybe(st.integers(0, 9)))),
    path=st.lists(points, max_size=4, unique_by=lambda point: point.recorded_us).map(
        lambda found: tuple(sorted(found, key=lambda point: point.recorded_us))
    ),
    tags=st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=2),
    **{name: maybe(st.floats(0, 10_000)) for name in sorted(figures)},
)
found = {
    "header": st.just(HEADER),
    "key": st.just("one"),
    "revision": st.just(AT_US),
    "happened_us": maybe(instants),
    "position": maybe(positions),
    "confirmed": maybe(st.booleans()),
    "probability": maybe(st.floats(0, 1)),
}
crashes = st.builds(Crash, **found, max_acceleration_g=maybe(st.floats(0, 20)), withdrawn=st.booleans())
crash_reports = st.builds(CrashReport, **found)
statuses = st.builds(
    DeviceStatus,
    header=st.just(HEADER),
    key=st.just("one"),
    revision=st.just(AT_US),
    changes=st.fixed_dictionaries(
        {},
        optional={
            "battery.level_percent": st.floats(0, 100),
            "event.logout": st.booleans(),
            "network.wifi": st.booleans(),
            "permission.location": st.text(max_size=8),
            "phone.osType": st.sampled_from(["iOS", "Android"]),
            "sensor.gps": st.booleans(),
            "sensor.bluetooth": st.booleans(),
            "setting.low_power": st.booleans(),
            "status": st.sampled_from(["VALID", "WARNING"]),
            "trips.not_uploaded": st.integers(0, 99),
        },
    ),
)
others = st.sampled_from(
    [
        event
        for kind in EXAMPLES
        if kind not in ("report", "trip", "crash", "crash_report", "device_status")
        for event in EXAMPLES[kind]
    ]
)
events: st.SearchStrategy[Event] = st.one_of(reports(), trips, crashes, crash_reports, statuses, others)
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def sources_of(protocol: str, fact: str) -> set[str]:
    """The facts of which the protocol can make that fact."""
    way = table(protocol).way(fact)
    made = way.made_from if way is not None else ()
    return (
        {fact}
        | {one for one in FACTS for name in made if one == name or one.startswith(f"{name}.")}
        | {one for one, other in table(protocol).ways.items() if other.becomes == fact}
    )


def hold_to_the_table(protocol: str, before: dict[str, list[Any]], after: dict[str, list[Any]]) -> None:
    """One translation: no fact from nothing, and none changed by more than the table allows."""
    for fact, values in after.items():
        sources = sources_of(protocol, fact)
        assert sources & before.keys(), f"{protocol} says {fact}, which nobody has said"
        if (sources - {fact}) & before.keys():
            continue  # made from another one as well: which counts, the table says
        assert_same(protocol, fact, before[fact], values)


def assert_same(protocol: str, fact: str, said: Iterable[Any], values: Collection[Any]) -> None:
    way = table(protocol).way(fact)
    words = [way.coarser.get(one, one) if isinstance(one, str) else one for one in said]
    for value in values:
        assert any(near(one, value, way.within, circle="heading" in fact) for one in words), (
            protocol,
            fact,
            value,
            words,
        )


def received(protocol: str, said: Iterable[Event], **options: Any) -> list[Event]:
    """What somebody reads who is sent all this."""
    bodies = [body for event in said for body in say(protocol, issued(event), **options)]
    return hear(protocol, bodies)


def issued(event: Event) -> Event:
    """As the hub does with a change of accounts before it is sent."""
    return msgspec.structs.replace(event, issued=True) if hasattr(event, "issued") else event


@pytest.mark.parametrize("third", NAMES)
@pytest.mark.parametrize("second", NAMES)
@quick
@given(event=events, first=st.sampled_from(NAMES))
def test_two_translations_change_nothing_but_roundings_and_add_nothing(
    second: str, third: str, first: str, event: Event
) -> None:
    said = received(first, [event], **WIDE.get(first, {}))
    passed_on = received(second, said, **WIDE.get(second, {}))
    arrived = received(third, passed_on, **WIDE.get(third, {}))
    hold_to_the_table(first, all_facts([event]), all_facts(said))
    if first != second:  # otherwise it is sent on as it was said
        hold_to_the_table(second, all_facts(said), all_facts(passed_on))
    else:
        assert all_facts(passed_on).keys() <= all_facts(said).keys()
    if second != third:
        hold_to_the_table(third, all_facts(passed_on), all_facts(arrived))
    before, after = all_facts(said), all_facts(arrived)
    for fact in after.keys() & before.keys():
        way = [table(protocol).way(fact) for protocol in (second, third)]
        if any(one is None or one.made_from or one.coarser for one in way) or sources_of(second, fact) != {fact}:
            continue
        within = sum(one.within for one in way)
        for value in after[fact]:
            assert any(near(one, value, within, circle="heading" in fact) for one in before[fact]), (fact, value)


def together(heard: list[Event]) -> list[Event]:
    """Reports of one instant as one: a protocol of whole records fills each from the others, as its hub remembers."""
    reports = [one for one in heard if isinstance(one, Report)]
    if not reports:
        return heard
    whole = msgspec.structs.replace(
        reports[0],
        position=next((one.position for one in reports if one.position), None),
        readings={name: value for one in reports for name, value in one.readings.items()},
        occurrences=tuple(happened for one in reports for happened in one.occurrences),
        from_can=any(one.from_can for one in reports),
        original=None,
    )
    return [whole, *(one for one in heard if not isinstance(one, Report))]


def chosen(protocol: str, ways: Iterable[Way]) -> dict[str, Any]:
    """The options that a protocol needs to send a fact."""
    names = TARGETS[protocol].options_type.__struct_fields__
    return {name: value for way in ways for name, value in way.options.items() if name in names}


@pytest.mark.parametrize("third", NAMES)
@pytest.mark.parametrize("second", NAMES)
@pytest.mark.parametrize("first", NAMES)
def test_a_fact_that_all_three_can_say_is_there_in_the_end(first: str, second: str, third: str) -> None:
    """The other side of the same: two translations lose only what one of the protocols cannot say."""
    chain, lost = (first, second, third), []
    for fact, of in FACTS.items():
        needed = {one for protocol in chain for one in table(protocol).needed(fact, of.kind)}
        ways = [table(protocol).way(one) for protocol in chain for one in (fact, *needed)]
        if not all(way and way.read and way.write for way in ways):
            continue
        words = {word for way in ways for word in way.coarser}
        for example in EXAMPLES[of.kind]:
            here = facts_of(example)
            if fact not in here or words & {*here.get("harsh_manoeuvre.kind", ())}:
                continue
            heard: list[Event] = [only(example, {fact} | needed)]
            for protocol in chain:
                heard = together(received(protocol, heard, **chosen(protocol, ways)))
            if fact not in all_facts(heard):
                lost.append(fact)
    assert lost == []

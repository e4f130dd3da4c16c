"""The table of translation is complete, and every line of it is what the code does."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.facts import EXAMPLES, all_facts, examples_of, hear, members, near, only, say, table, without
from postroad.errors import WireError
from postroad.model.events import Header
from postroad.model.facts import FACTS, facts_of
from postroad.protocols import FACTS as TABLES
from postroad.protocols import SOURCES, TARGETS
from postroad.protocols.fact_table import REPORTED

SAMPLES = Path(__file__).parent.parent / "protocols" / "samples" / "in"
CELLS = [(protocol, fact) for protocol in TABLES for fact in FACTS]
WAYS = [(protocol, fact) for protocol, fact in CELLS if table(protocol).way(fact)]
READ = [(protocol, fact) for protocol, fact in WAYS if table(protocol).way(fact).read]
WRITTEN = [(protocol, fact) for protocol, fact in WAYS if table(protocol).way(fact).write]
UNWRITTEN = [cell for cell in CELLS if cell not in WRITTEN]


def test_every_protocol_has_a_table() -> None:
    assert TABLES.keys() == SOURCES.keys() == TARGETS.keys()


@pytest.mark.parametrize("protocol", TABLES)
def test_every_fact_has_a_way_or_a_reason_and_none_is_stale(protocol: str) -> None:
    ways, unsaid = TABLES[protocol].ways, TABLES[protocol].unsaid
    missing = []
    for fact in FACTS:
        if fact not in ways:
            try:
                assert TABLES[protocol].why(fact)
            except KeyError:
                missing.append(fact)
    assert missing == [], "say in the protocol's table.py what becomes of it, or why it cannot be said"
    assert ways.keys() <= FACTS.keys()
    for name in unsaid:
        assert any(
            fact not in ways and (fact == name or fact.startswith(f"{name}.")) for fact in (*FACTS, "report.")
        ), name
    for name, way in ways.items():
        assert {*way.made_from} <= {*FACTS, "trip.manoeuvres.position", "reading"}, name
        assert way.becomes in {"", *FACTS}, name
        assert way.read or way.write, name
        assert (way.read and way.write) or way.note or way.becomes or way.made_from, f"{name}: why one way only?"
        assert not way.within or way.conversion, f"{name}: what is rounded?"


def test_the_facts_of_reports_are_those_of_the_common_language() -> None:
    of_reports = {name.partition(".")[0] for name, fact in FACTS.items() if fact.kind == "report"}
    assert sorted(REPORTED) == sorted(of_reports)


def test_the_examples_hold_every_fact() -> None:
    held = {fact for found in EXAMPLES.values() for event in found for fact in facts_of(event)}
    assert held == FACTS.keys()


# What is read


@cache
def frames(protocol: str) -> tuple[tuple[str, Any, msgspec.Struct], ...]:
    """Kind, frame and settings of each sample."""
    found = []
    for file in sorted((SAMPLES / protocol).glob("*.json")):
        sample = json.loads(file.read_text())
        frame = json.loads(sample["frame"]) if isinstance(sample["frame"], str) else sample["frame"]
        choice = msgspec.convert(sample["settings"], SOURCES[protocol].settings_type)
        found.append((sample["expect"]["kind"], frame, choice))
    return tuple(found)


def read(protocol: str, kind: str, frame: Any, choice: msgspec.Struct) -> dict[str, list[Any]]:
    source = SOURCES[protocol]
    item = source.read(json.dumps(frame).encode(), choice, source.kinds.index(kind))
    header = Header(subject_id=1, provider_id=2, recorded_us=item.recorded_us, received_us=1, late=item.late)
    return all_facts(source.events(item, header, choice))


@pytest.mark.parametrize("protocol", TABLES)
def test_a_fact_is_declared_to_be_read_if_and_only_if_a_sample_carries_it(protocol: str) -> None:
    carried = {fact for kind, frame, choice in frames(protocol) for fact in read(protocol, kind, frame, choice)}
    assert carried == {fact for fact in FACTS if (way := table(protocol).way(fact)) and way.read}


@pytest.mark.parametrize(("protocol", "fact"), READ)
def test_each_member_that_is_said_to_be_read_is(protocol: str, fact: str) -> None:
    """Without it the fact is another one or gone, or the body is refused."""
    for member in table(protocol).way(fact).read:
        assert any(matters(protocol, fact, member, *one) for one in frames(protocol)), member


def matters(protocol: str, fact: str, member: str, kind: str, frame: Any, choice: msgspec.Struct) -> bool:
    if not members(kind, json.dumps(frame).encode(), protocol, member):
        return False
    said = read(protocol, kind, frame, choice).get(fact)
    if said is None or member in SOURCES[protocol].kinds:
        return said is not None
    named, _, path = member.partition(".")
    bare = copy.deepcopy(frame)
    drop(bare, (path if named in SOURCES[protocol].kinds else member).split("."))
    try:
        return read(protocol, kind, bare, choice).get(fact) != said
    except WireError:
        return True


def drop(value: Any, path: list[str]) -> None:
    """Remove the member wherever it stands."""
    for one in list(value) if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            if path[0] in one:
                if len(path) == 1:
                    del one[path[0]]
                else:
                    drop(one[path[0]], path[1:])
            for inner in one.values():
                drop(inner, path)
        elif isinstance(one, list):
            drop(one, path)


# What is written


def told(protocol: str, fact: str) -> Iterator[tuple[Any, Any]]:
    """Events of that fact, with what the protocol needs besides."""
    way = table(protocol).way(fact)
    needed = {*table(protocol).needed(fact, FACTS[fact].kind)} - {way and way.becomes}
    for example in examples_of(fact):
        yield only(example, {fact} | needed), example


@pytest.mark.parametrize(("protocol", "fact"), WRITTEN)
def test_a_fact_that_is_said_to_be_written_is_and_a_receiver_reads_it_within_the_rounding(
    protocol: str, fact: str
) -> None:
    way = table(protocol).way(fact)
    found: set[str] = set()
    for event, _ in told(protocol, fact):
        bodies = say(protocol, event, **way.options)
        here = {member for member in way.write for kind, body in bodies if members(kind, body, protocol, member)}
        assert here, "nothing of it is sent"
        found |= here
        if way.options:
            fewer = say(protocol, event)
            assert not any(members(kind, body, protocol, one) for one in way.write for kind, body in fewer), (
                "no option is needed"
            )
        if not FACTS[fact].name.endswith("recorded_us") or FACTS[fact].group == "trip.path":
            assert say(protocol, without(event, fact), **way.options) != bodies, "it makes no difference"
        becomes = way.becomes or fact
        back = table(protocol).way(becomes)
        if back and back.read:
            heard = all_facts(hear(protocol, bodies)).get(becomes, [])
            assert heard, f"a receiver does not read {becomes}"
            if fact != "crash.withdrawn":  # which is read as its opposite
                for value in facts_of(event)[fact]:
                    word = way.coarser.get(value, value) if isinstance(value, str) else value
                    assert any(near(word, one, way.within, circle="heading" in fact) for one in heard), (value, heard)
    for _, example in told(protocol, fact):
        bodies = say(protocol, example, **way.options)
        found |= {member for member in way.write for kind, body in bodies if members(kind, body, protocol, member)}
    assert found == {*way.write}


@pytest.mark.parametrize(("protocol", "fact"), UNWRITTEN)
def test_a_fact_that_is_not_said_to_be_written_makes_no_difference_to_what_is(protocol: str, fact: str) -> None:
    way = table(protocol).way(fact)
    made_from = () if way is None else way.made_from
    for event, example in told(protocol, fact):
        for one in (event, example):
            held = facts_of(one).keys()
            if fact not in all_facts(hear(protocol, say(protocol, one))):
                continue
            assert any(known == made or known.startswith(f"{made}.") for made in made_from for known in held)
        if fact.endswith("recorded_us") or FACTS[fact].required:
            continue
        assert say(protocol, without(event, fact)) == say(protocol, event)

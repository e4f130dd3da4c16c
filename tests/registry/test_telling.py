"""The rules of telling, as a table: what was had, what is had, and what is told of it, in order."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.protocols import postroad as words
from postroad.registry.telling import Change, Having, Holding

V, W = 1, 2
F, G, N = 11, 12, 13
"""Fleets; ``N`` is a provider's that gave no access."""

DIRECT = Having(None, direct=True)
BY_F, BY_G = Having(F, direct=False), Having(G, direct=False)
BY_F_AND_DIRECT, BY_G_AND_DIRECT = Having(F, direct=True), Having(G, direct=True)
DIRECT_IN_N = Having(N, direct=True)


def holding(fleets: set[int], **vehicles: Having) -> Holding:
    return Holding(fleets, {{"v": V, "w": W}[name]: having for name, having in vehicles.items()})


def told(had: Holding, has: Holding, members: Mapping[int, int | None], *, grants: bool = True) -> list[str]:
    names = {V: "v", W: "w", F: "F", G: "G", N: "N", None: "-"}
    change = Change(had, has, members, leaving_takes_access=grants)
    lines = []
    for said in change.words():
        word = said.to(7, 5)
        assert not isinstance(word, words.Trip | words.TripDeleted)
        assert (word.subscription_id, word.at_us) == (7, 5)
        fleets = [names[fleet] for fleet in said.fields.values() if fleet is not None]
        lines.append(" ".join([words.kind_of(word), names[word.subject_id], *fleets]))
    return lines


NOTHING = holding(set())

GRANTS = {
    "a fleet gives access": (NOTHING, holding({F}, v=BY_F, w=BY_F), {}, ["access_granted_to_fleet F"]),
    "an empty fleet gives access": (NOTHING, holding({F}), {}, ["access_granted_to_fleet F"]),
    "a vehicle gives access": (NOTHING, holding(set(), v=DIRECT), {}, ["access_granted_to_vehicle v"]),
    "a vehicle in a provider's fleet gives access": (
        NOTHING,
        holding(set(), v=DIRECT_IN_N),
        {},
        ["access_granted_to_vehicle v", "vehicle_added_to_fleet v N"],
    ),
    "a vehicle gives access beside its fleet": (
        holding({F}, v=BY_F),
        holding({F}, v=BY_F_AND_DIRECT),
        {V: F},
        ["access_granted_to_vehicle v"],
    ),
    "a fleet gives access beside its vehicle": (
        holding(set(), v=DIRECT),
        holding({F}, v=BY_F_AND_DIRECT, w=BY_F),
        {V: F, W: F},
        ["access_granted_to_fleet F"],
    ),
    "a fleet takes it back": (holding({F}, v=BY_F, w=BY_F), NOTHING, {V: F, W: F}, ["access_removed_from_fleet F"]),
    "a fleet takes it back and its vehicle does not": (
        holding({F}, v=BY_F_AND_DIRECT),
        holding(set(), v=DIRECT),
        {V: F},
        ["access_removed_from_fleet F"],
    ),
    "a deleted fleet": (holding({F}, v=BY_F), NOTHING, {V: None}, ["access_removed_from_fleet F"]),
    "a deleted fleet whose vehicle goes to another that gave access": (
        holding({F, G}, v=BY_F),
        holding({G}, v=BY_G),
        {V: G},
        ["access_removed_from_fleet F", "vehicle_added_to_fleet v G"],
    ),
    "a vehicle takes it back": (
        holding(set(), v=DIRECT),
        NOTHING,
        {V: None},
        ["access_removed_from_vehicle v"],
    ),
    "a vehicle takes it back and its fleet does not": (
        holding({F}, v=BY_F_AND_DIRECT),
        holding({F}, v=BY_F),
        {V: F},
        ["access_removed_from_vehicle v"],
    ),
    "a vehicle and its fleet take it back at once": (
        holding({F}, v=BY_F_AND_DIRECT),
        NOTHING,
        {V: F},
        ["access_removed_from_fleet F", "access_removed_from_vehicle v"],
    ),
    "a vehicle joins": (holding({F}), holding({F}, v=BY_F), {}, ["vehicle_added_to_fleet v F"]),
    "a vehicle that has given access itself joins": (
        holding({F}, v=DIRECT),
        holding({F}, v=BY_F_AND_DIRECT),
        {V: F},
        ["vehicle_added_to_fleet v F"],
    ),
    "a vehicle leaves": (holding({F}, v=BY_F), holding({F}), {V: None}, ["access_removed_from_vehicle v F"]),
    "a vehicle leaves for a fleet that gave none": (
        holding({F}, v=BY_F),
        holding({F}),
        {V: N},
        ["access_removed_from_vehicle v F"],
    ),
    "a vehicle leaves that has given access itself": (
        holding({F}, v=BY_F_AND_DIRECT),
        holding({F}, v=DIRECT),
        {V: None},
        ["access_removed_from_vehicle v F", "access_granted_to_vehicle v"],
    ),
    "a vehicle moves": (
        holding({F, G}, v=BY_F),
        holding({F, G}, v=BY_G),
        {V: G},
        ["access_removed_from_vehicle v F", "vehicle_added_to_fleet v G"],
    ),
    "a vehicle moves that has given access itself": (
        holding({F, G}, v=BY_F_AND_DIRECT),
        holding({F, G}, v=BY_G_AND_DIRECT),
        {V: G},
        ["access_removed_from_vehicle v F", "access_granted_to_vehicle v", "vehicle_added_to_fleet v G"],
    ),
    "a vehicle that has given access moves to a provider's fleet and on": (
        holding(set(), v=DIRECT_IN_N),
        holding({G}, v=BY_G_AND_DIRECT),
        {V: G},
        ["vehicle_removed_from_fleet v N", "access_granted_to_fleet G"],
    ),
    "a provider loses access": (holding({F}, v=BY_F), holding({F}), {V: F}, ["access_removed_from_vehicle v"]),
    "a provider has it again": (holding({F}), holding({F}, v=BY_F), {V: F}, ["vehicle_added_to_fleet v F"]),
    "a vehicle is no more": (holding({F}, v=BY_F_AND_DIRECT), holding({F}), {}, ["access_removed_from_vehicle v F"]),
    "everything at once, what is taken away first": (
        holding({F}, v=BY_F, w=DIRECT),
        holding({G}, v=BY_G_AND_DIRECT),
        {V: G, W: None},
        [
            "access_removed_from_fleet F",
            "access_removed_from_vehicle w",
            "access_granted_to_fleet G",
            "access_granted_to_vehicle v",
        ],
    ),
}

SELECTIONS = {
    "a vehicle moves between selected fleets": (
        holding({F, G}, v=BY_F),
        holding({F, G}, v=BY_G),
        {V: G},
        ["vehicle_removed_from_fleet v F", "vehicle_added_to_fleet v G"],
    ),
    "a vehicle that is selected beside its fleet leaves it": (
        holding({F}, v=BY_F),
        holding({F}, v=DIRECT),
        {V: None},
        ["vehicle_removed_from_fleet v F", "access_granted_to_vehicle v"],
    ),
    "a vehicle that was selected by itself joins a selected fleet": (
        holding({F}, v=DIRECT),
        holding({F}, v=BY_F),
        {V: F},
        ["vehicle_added_to_fleet v F"],
    ),
    "all are selected in place of a fleet": (
        holding({F}, v=BY_F),
        holding(set(), v=DIRECT),
        {V: F},
        ["access_removed_from_fleet F", "access_granted_to_vehicle v"],
    ),
    "a provider loses access": (holding({F}, v=BY_F), holding({F}), {V: F}, ["access_removed_from_vehicle v"]),
    "a vehicle leaves": (holding({F}, v=BY_F), holding({F}), {V: None}, ["access_removed_from_vehicle v F"]),
}


@pytest.mark.parametrize("cause", GRANTS)
def test_of_grants_each_cause_is_told_by_the_rules(cause: str) -> None:
    had, has, members, wanted = GRANTS[cause]
    assert told(had, has, members) == wanted


@pytest.mark.parametrize("cause", SELECTIONS)
def test_of_selections_each_cause_is_told_by_the_rules(cause: str) -> None:
    had, has, members, wanted = SELECTIONS[cause]
    assert told(had, has, members, grants=False) == wanted


@st.composite
def holdings(draw: st.DrawFn) -> Holding:
    fleets = draw(st.sets(st.sampled_from([F, G])))
    of_fleet = [Having(fleet, direct=direct) for fleet in sorted(fleets) for direct in (False, True)]
    vehicles = st.dictionaries(st.sampled_from([V, W]), st.sampled_from([*of_fleet, DIRECT, DIRECT_IN_N]))
    return Holding(fleets, draw(vehicles))


@settings(max_examples=300, deadline=None)
@given(holdings(), holdings(), st.fixed_dictionaries({V: st.sampled_from([None, F, G, N]), W: st.none()}))
def test_who_acts_on_words_alone_has_all_that_is_had_and_words_are_told_removed_first(
    had: Holding, has: Holding, members: Mapping[int, int | None]
) -> None:
    """A client that forgets a vehicle when told that it is gone, or a fleet that holds it, never keeps too much."""
    members = {**members, **{id_: having.fleet_id for id_, having in has.vehicles.items()}}
    lines = told(had, has, members)
    removals = [line.startswith(("access_removed", "vehicle_removed")) for line in lines]
    assert removals == sorted(removals, reverse=True)
    assert len(lines) == len(set(lines))
    assert lines == [] or had != has
    fleets = {"F": F, "G": G}
    assert {fleets[line.split()[1]] for line in lines if line.startswith("access_granted_to_fleet")} == (
        has.fleets - had.fleets
    )
    for id_, name in ((V, "v"), (W, "w")):
        lost = any(line.startswith(f"access_removed_from_vehicle {name}") for line in lines)
        given_ = any(
            line.startswith((f"access_granted_to_vehicle {name}", f"vehicle_added_to_fleet {name}")) for line in lines
        )
        gone_with_its_fleet = (was := had.vehicles.get(id_)) is not None and was.fleet_id in had.fleets - has.fleets
        came_with_its_fleet = (now := has.vehicles.get(id_)) is not None and now.fleet_id in has.fleets - had.fleets
        if was is not None and now is None:
            assert lost or gone_with_its_fleet
            assert not given_
        if was is None and now is not None:
            assert given_ or came_with_its_fleet
            assert not lost

"""Streams that end, end somewhere: what comes later is no event that the subscription was to have."""

from fixtures.access_place import Play
from fixtures.access_rules import Selector
from fixtures.access_site import AccessSite

# What each of these leaves out, `play` finds: after the last step it looks that every position is accounted for.


def test_what_a_vehicle_says_after_its_fleet_is_selected_no_more_is_not_recorded_as_skipped(play: Play) -> None:
    async def steps(site: AccessSite) -> None:
        picked, vehicle = site.rules.subscriptions["picked"], site.vehicle("A1")
        assert vehicle is not None
        site.select(picked, Selector(fleets=frozenset({"north"})))
        await site.look()
        await site.say([vehicle])
        site.select(picked, Selector())
        await site.look()
        await site.say([vehicle])
        assert site.posts["picked"].skipped == []

    play(steps)


def test_what_a_vehicle_says_right_after_the_farewell_of_its_stream_is_not_recorded_as_skipped(play: Play) -> None:
    async def steps(site: AccessSite) -> None:
        picked, vehicle = site.rules.subscriptions["picked"], site.vehicle("A3")
        assert vehicle is not None
        site.select(picked, Selector(plates=frozenset({"A3"})))
        await site.look()
        site.select(picked, Selector())
        await site.look()
        await site.say([vehicle])
        assert site.posts["picked"].skipped == []

    play(steps)


def test_what_waits_as_a_stream_ends_is_recorded_as_skipped(play: Play) -> None:
    async def steps(site: AccessSite) -> None:
        picked, vehicle = site.rules.subscriptions["picked"], site.vehicle("A3")
        assert vehicle is not None
        site.select(picked, Selector(plates=frozenset({"A3"})))
        await site.look()
        await site.treat(picked, "fails")
        await site.say([vehicle, vehicle])
        site.select(picked, Selector())
        await site.look()
        await site.treat(picked, "takes")
        assert len(site.posts["picked"].skipped) == 2

    play(steps)


def test_what_was_skipped_is_counted_once_though_the_hub_is_killed_before_the_cursor_passes_it(play: Play) -> None:
    async def steps(site: AccessSite) -> None:
        lanes, first, second = site.rules.subscriptions["lanes"], site.vehicle("B1"), site.vehicle("B2")
        assert first is not None
        assert second is not None
        site.select(lanes, Selector(plates=frozenset({"B1", "B2"})))
        await site.look()
        await site.treat(lanes, "fails")
        await site.say([first, second])
        site.select(lanes, Selector(plates=frozenset({"B1"})))
        await site.look()
        await site.treat(lanes, "hangs")  # what the first vehicle said is on its way and holds the cursor
        for _ in range(2):
            await site.restart(kill=True)

    play(steps)

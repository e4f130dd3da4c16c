"""An audit that has no more time says so of what it did not look at, and of nothing else."""

from collections.abc import Callable, Iterator

import pytest

from fixtures.pipeline import part, subscription, view
from postroad.administration import delivery_audit
from postroad.administration.shards import Shards
from postroad.delivery.terms import terms_of
from postroad.log.delivery import Changes
from postroad.log.sqlite import SqliteLog
from postroad.log.tally import tally_of
from postroad.protocols.connected_cars import PROTOCOL
from postroad.registry.records import RegistryView

GPS = PROTOCOL.slots["gps_position"]
SUBSCRIPTION = subscription(1, types=("gps_position",))


class Registry:
    """Knows a view."""

    def view(self) -> RegistryView:
        return view(SUBSCRIPTION, streams=[(1, 1, 1)])


@pytest.fixture
async def two_chapters(logs: dict[int, SqliteLog]) -> None:
    """Of three events each, of which the second one says one less."""
    log, store = logs[0], logs[0].delivery
    await log.append(part(1, 1, 1, 1, 1, 1, decoded=False))
    await store.begin(1, 1, terms_of(SUBSCRIPTION))
    await store.settle(1, 4, Changes(delivered=tally_of((at, GPS) for at in (1, 2, 3))))
    await store.begin(1, 4, terms_of(subscription(1, types=("gps_position",), options={})) + " ")
    await store.settle(1, 7, Changes(delivered=tally_of((at, GPS) for at in (4, 5))))


def until(*answers: bool) -> Callable[[], bool]:
    left: Iterator[bool] = iter(answers)
    return lambda: next(left)


@pytest.mark.usefixtures("two_chapters")
def test_with_time_enough_everything_is_looked_at(shards: Shards) -> None:
    [found] = delivery_audit.audit(Registry(), shards, SUBSCRIPTION)  # type: ignore[arg-type]
    assert (found.shard, found.complete, dict(found.outcomes)) == (0, True, {"delivered": 6})
    assert [(gap.first, gap.end, gap.recorded, gap.found) for gap in found.audit.gaps] == [(4, 7, 2, 3)]


@pytest.mark.usefixtures("two_chapters")
def test_what_is_too_late_to_look_at_is_unproven_for_want_of_time_and_the_rest_is_proven(shards: Shards) -> None:
    [found] = delivery_audit.audit(Registry(), shards, SUBSCRIPTION, in_time=until(True, False))  # type: ignore[arg-type]
    assert (found.complete, found.audit.gaps, dict(found.outcomes)) == (False, [], {"delivered": 3})
    assert [(one.first, one.end, one.why) for one in found.audit.unproven] == [(4, 7, "time")]


@pytest.mark.usefixtures("two_chapters")
def test_what_nobody_knows_is_not_said_to_lack_time(shards: Shards, logs: dict[int, SqliteLog]) -> None:
    assert logs
    mute = subscription(1, types=("gps_position",), protocol="unknown")
    [found] = delivery_audit.audit(Registry(), shards, mute)  # type: ignore[arg-type]
    assert found.complete


def test_where_it_has_no_cursor_there_is_nothing_to_say(shards: Shards) -> None:
    assert delivery_audit.audit(Registry(), shards, SUBSCRIPTION) == []  # type: ignore[arg-type]

"""Receivers run as the registry asks for them, and one provider's trouble is nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs

from fixtures.pipeline import quiet, view
from postroad.errors import ConfigError
from postroad.ingest.queues.keeper import A_DEFECT, ReceiverKeeper
from postroad.registry.records import Provider, Receiver, RegistryView
from postroad.transports.receiving import Take, Tell

QUEUE = Receiver(transport="queue", config={"name": "one"})


def provider(id_: int, receiver: Receiver | None = QUEUE, **changes: Any) -> Provider:
    values = {"id": id_, "organization_id": 1, "name": f"provider-{id_}", "protocol": "connected_cars"}
    return Provider(**values | changes, receiver=receiver)


def seen(*providers: Provider) -> RegistryView:
    return structs.replace(view(), providers={one.id: one for one in providers})


class Scripted:
    """A receiver that runs until it is stopped, or does as it is told to."""

    def __init__(self, declared: Provider, tell: Tell, fails: Exception | None, ends: bool) -> None:
        self.provider = declared
        self.tell = tell
        self.fails = fails
        self.ends = ends
        self.stopped = False
        self.take: Take | None = None

    async def run(self, take: Take) -> None:
        self.take = take
        try:
            if self.fails is not None:
                raise self.fails
            if not self.ends:
                await asyncio.Event().wait()
        finally:
            self.stopped = True


class Site:
    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.opened: list[Scripted] = []
        self.fails: dict[int, Exception] = {}
        self.refuses: dict[int, Exception] = {}
        self.ends: set[int] = set()
        self.told: list[tuple[int, str | None]] = []
        self.keeper = ReceiverKeeper(
            open_receiver=self.open,
            received_by={"queue"}.__contains__,
            take_for=lambda id_: f"take for {id_}",  # type: ignore[arg-type,return-value]  # nobody calls it here
            tell=lambda id_, wrong: self.told.append((id_, wrong)),
            clock=clock,
            random=lambda: 0.0,
        )
        self._task = asyncio.create_task(self.keeper.run())

    def open(self, declared: Provider, tell: Tell) -> Any:
        if declared.id in self.refuses:
            raise self.refuses[declared.id]
        made = Scripted(declared, tell, self.fails.get(declared.id), declared.id in self.ends)
        self.opened.append(made)
        return made

    async def use(self, *providers: Provider) -> None:
        self.keeper.use(seen(*providers))
        await quiet()

    @property
    def running(self) -> list[int]:
        return sorted(one.provider.id for one in self.opened if not one.stopped)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def site(clock: Any) -> AsyncIterator[Site]:
    site = Site(clock)
    yield site
    await site.close()


async def test_a_receiver_runs_for_each_provider_that_declares_one(site: Site) -> None:
    await site.use(provider(1), provider(2), provider(3, None), provider(4, Receiver(transport="pushed", config={})))
    assert site.running == [1, 2]
    assert [one.take for one in site.opened] == ["take for 1", "take for 2"]


async def test_a_view_that_changes_nothing_restarts_nothing(site: Site) -> None:
    await site.use(provider(1))
    await site.use(provider(1, name="renamed", revision=2))
    assert len(site.opened) == 1
    assert site.running == [1]


async def test_what_is_declared_otherwise_runs_as_declared(site: Site) -> None:
    await site.use(provider(1), provider(2))
    await site.use(provider(1, Receiver(transport="queue", config={"name": "other"})), provider(2))
    assert [one.provider.receiver.config["name"] for one in site.opened if one.provider.id == 1] == ["one", "other"]
    assert site.running == [1, 2]
    assert len(site.opened) == 3


async def test_what_is_declared_no_more_stops_and_has_no_alert(site: Site) -> None:
    await site.use(provider(1))
    site.opened[0].tell("it is gone")
    await site.use(provider(1, None))
    assert site.running == []
    assert site.told == [(1, "it is gone"), (1, None)]


@pytest.mark.parametrize(
    ("error", "said"), [(ConfigError("no such queue"), "no such queue"), (RuntimeError("oops"), A_DEFECT)], ids=str
)
async def test_one_that_gives_up_begins_again_later_and_others_go_on(site: Site, error: Exception, said: str) -> None:
    site.fails[1] = error
    await site.use(provider(1), provider(2))
    assert site.running == [2]
    assert site.told == [(1, said)]
    del site.fails[1]
    site.clock.advance(4)
    await quiet()
    assert site.running == [2]
    site.clock.advance(1)
    await quiet()
    assert site.running == [1, 2]


async def test_one_that_cannot_be_opened_is_told_of_and_tried_again(site: Site) -> None:
    site.refuses[1] = ConfigError("its SDK is not installed")
    await site.use(provider(1))
    assert site.told == [(1, "its SDK is not installed")]
    site.refuses.clear()
    site.clock.advance(5)
    await quiet()
    assert site.running == [1]


async def test_one_that_keeps_failing_is_tried_less_and_less_often(site: Site) -> None:
    site.fails[1] = ConfigError("no such queue")
    await site.use(provider(1))
    for _ in range(3600):
        site.clock.advance(1)
        await quiet(10)
    assert 15 <= len(site.opened) <= 25


async def test_one_that_ends_by_itself_begins_again(site: Site) -> None:
    site.ends.add(1)
    await site.use(provider(1))
    assert site.told == [(1, A_DEFECT)]
    site.ends.clear()
    site.clock.advance(5)
    await quiet()
    assert site.running == [1]


async def test_all_have_stopped_when_the_keeper_has(site: Site) -> None:
    await site.use(provider(1), provider(2))
    await site.close()
    assert site.running == []

"""The hub as a whole: real files, real HTTP in, real HTTPS out, the real registry."""

import asyncio
import socket
from collections.abc import Iterator

import aiohttp
import pytest

from fixtures.site import Site, soon
from postroad import layout
from postroad.errors import ConfigError, StoreUnavailable
from postroad.registry.store import RegistryStore
from postroad.service import housekeeping, outbound
from postroad.settings import DeliverySettings, HubSettings, LogSettings
from postroad.simulate.counter import compare


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


async def test_a_new_vehicles_first_event_is_delivered(site: Site, session: aiohttp.ClientSession) -> None:
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)


async def test_what_is_acknowledged_is_delivered_once_and_in_order(site: Site, session: aiohttp.ClientSession) -> None:
    await site.hub.start()
    injector = site.injector(session, vehicles=10, each=30)
    await injector.run()
    assert len(injector.ledger.acknowledged) == 300
    await site.until(lambda: compare([injector.ledger], site.customer.record).lost == 0)
    count = compare([injector.ledger], site.customer.record)
    assert (count.duplicates, count.out_of_order, count.unknown, count.altered, count.malformed) == (0,) * 5


async def test_a_stop_under_load_loses_nothing_acknowledged_and_a_restart_goes_on(
    site: Site, session: aiohttp.ClientSession
) -> None:
    await site.hub.start()
    injector = site.injector(session, vehicles=20, each=40)
    driving = asyncio.create_task(injector.run())
    await site.until(lambda: site.delivered() > 100)
    injector.stop()
    await site.hub.stop()
    driving.cancel()
    await asyncio.gather(driving, return_exceptions=True)
    assert injector.ledger.acknowledged
    await site.restart()
    await site.until(lambda: compare([injector.ledger], site.customer.record).lost == 0)
    count = compare([injector.ledger], site.customer.record)
    assert (count.doubled, count.out_of_order, count.unknown, count.malformed) == (0,) * 4


async def test_what_is_acknowledged_while_the_customer_is_away_is_delivered_after_a_restart(
    site: Site, session: aiohttp.ClientSession
) -> None:
    site.customer.trouble = "unavailable"
    await site.hub.start()
    for second in range(5):
        assert await site.post(session, datetime=f"2026-07-02T14:00:0{second}Z") == 200
    await site.hub.stop()
    assert site.delivered() == 0
    site.customer.trouble = None
    await site.restart()
    await site.until(lambda: site.delivered() == 5)


async def test_a_stream_added_under_load_gives_everything_from_one_position_on_and_nothing_before(
    site: Site, session: aiohttp.ClientSession
) -> None:
    site.declare(vehicles="{plates: [NONE01]}")
    await site.hub.start()
    injector = site.injector(session, vehicles=10, each=60)
    driving = asyncio.create_task(injector.run())
    await soon(lambda: len(injector.ledger.acknowledged) >= 100)
    assert site.delivered() == 0
    await asyncio.to_thread(site.declare, vehicles="all")
    await driving
    [starts] = {s.from_position for s in site.registry.view().streams.values() if not s.ended and s.from_position != 1}
    assert starts is not None
    batches = await site.hub.parts.logs[0].read(1)
    said = [batch.position + n for batch in batches if batch.protocol == "drivetech" for n in range(len(batch))]
    wanted = [position for position in said if position >= starts]
    assert len(said) == 600
    assert 0 < len(wanted) < 500
    await site.until(lambda: site.delivered() >= len(wanted))
    assert sorted(d.event_id >> 6 for d in site.customer.record.first.values()) == wanted
    assert site.customer.record.out_of_order == 0


async def test_a_stream_that_appears_while_others_are_activated_is_activated_too(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.declare(vehicles="{plates: [NONE01]}")
    await site.hub.start()
    assert await site.post(session, plate="AAAA11") == 200
    activate, declared = RegistryStore.activate_streams, []

    def interrupted(store: RegistryStore, shard: int, position: int) -> int:
        count = activate(store, shard, position)
        if not declared:
            declared.append(True)
            site.declare(vehicles="all")  # another process, at the worst moment
        return count

    monkeypatch.setattr(RegistryStore, "activate_streams", interrupted)
    assert await site.post(session, plate="BBBB22") == 200
    await asyncio.to_thread(site.declare, vehicles="{plates: [NONE01, BBBB22]}")
    await soon(lambda: bool(declared))
    await soon(lambda: all(s.from_position or s.ended for s in site.registry.view().streams.values()))
    assert await site.post(session, plate="AAAA11", datetime="2026-07-02T15:00:00Z") == 200
    await site.until(lambda: site.delivered() == 1)


async def test_a_revoked_token_is_refused_within_the_poll(site: Site, session: aiohttp.ClientSession) -> None:
    await site.hub.start()
    assert await site.post(session) == 200
    site.registry.revoke_token(site.token_id)
    await soon(site.refused(session))


async def test_a_subscription_is_paused_and_resumed_by_the_registry(site: Site, session: aiohttp.ClientSession) -> None:
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    site.registry.set_subscription_state("telemetry", "paused")
    await soon(lambda: not site.hub.parts.manager._running)
    assert await site.post(session, datetime="2026-07-02T15:00:00Z") == 200
    assert site.delivered() == 1
    site.registry.set_subscription_state("telemetry", "active")
    await site.until(lambda: site.delivered() == 2)


async def test_an_unexpected_defect_while_following_the_registry_does_not_end_the_following(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await site.hub.start()
    assert await site.post(session) == 200
    failures = [ZeroDivisionError(), StoreUnavailable("locked", "busy")]
    version = RegistryStore.version

    def failing(store: RegistryStore) -> int:
        if failures:
            raise failures.pop(0)
        return version(store)

    monkeypatch.setattr(RegistryStore, "version", failing)
    site.registry.revoke_token(site.token_id)
    await soon(site.refused(session))
    assert caplog.text.count("what is known soon counts no longer") == 2


async def test_under_the_disk_reserve_an_event_is_answered_503(site: Site, session: aiohttp.ClientSession) -> None:
    site.hub = site.make(log=LogSettings(reserve_bytes=2**62))
    await site.hub.start()
    assert await site.post(session) == 503


async def test_attempts_are_in_the_registry_after_a_stop(site: Site, session: aiohttp.ClientSession) -> None:
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    await soon(site.settled(3))
    await site.hub.stop()
    [attempt] = site.registry.attempts()
    assert (attempt.succeeded, attempt.items, attempt.first_position) == (
        True,
        2,
        1,
    )  # what is told of access, and the event


async def test_a_second_hub_on_the_same_folder_is_refused_and_harms_nothing(
    site: Site, session: aiohttp.ClientSession
) -> None:
    await site.hub.start()
    with pytest.raises(ConfigError, match="another hub is running"):
        await site.make().start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)


async def test_a_port_in_use_is_told_and_nothing_is_left_open(
    site: Site, session: aiohttp.ClientSession, taken_port: int
) -> None:
    with pytest.raises(ConfigError, match=f"hub.port: cannot listen on 127.0.0.1 port {taken_port}"):
        await site.make(hub=HubSettings(port=taken_port)).start()
    await site.hub.start()  # the lock, the shard and the registry are free again
    assert await site.post(session) == 200
    ours = {task.get_name() for task in asyncio.all_tasks()}
    assert len([name for name in ours if name.startswith("delivery")]) == 1


async def test_a_start_that_fails_leaves_the_snapshot_of_the_state_as_it_was(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    await site.hub.stop()
    snapshot = layout.state_path(site.folder, 0).read_bytes()

    def failing(_store: RegistryStore) -> None:
        raise StoreUnavailable("locked", "busy")

    monkeypatch.setattr(RegistryStore, "view", failing)
    with pytest.raises(StoreUnavailable, match="busy"):
        await site.restart()
    assert layout.state_path(site.folder, 0).read_bytes() == snapshot


async def test_a_part_that_does_not_close_keeps_no_other_open(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.hub.start()
    assert await site.post(session) == 200

    def failing(_epoch: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(site.hub.parts.states[0], "save", failing)
    with pytest.raises(ZeroDivisionError):
        await site.hub.stop()
    await site.restart()  # the lock and the shard are free again
    await site.until(lambda: site.delivered() == 1)


async def test_after_a_stop_nothing_runs_any_more(site: Site, session: aiohttp.ClientSession) -> None:
    before = asyncio.all_tasks()
    await site.hub.start()
    assert await site.post(session) == 200
    await session.close()
    await site.hub.stop()
    await asyncio.sleep(0.05)
    left = {
        task
        for task in asyncio.all_tasks() - before
        if "postroad" in repr(task.get_coro()) or "delivery" in task.get_name()
    }
    assert not left
    with pytest.raises(StoreUnavailable, match="the hub is stopping"):
        await site.hub.parts.following.refresh()


async def test_a_stored_config_that_is_not_understood_concerns_its_destination_alone(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened = outbound.opened_config
    monkeypatch.setattr(outbound, "opened_config", lambda *args: opened(*args) | {"of old": 1})
    await site.hub.start()
    assert await site.post(session) == 200
    assert "destination webhook: Object contains unknown field `of old`" in caplog.text
    monkeypatch.setattr(outbound, "opened_config", opened)
    await site.until(lambda: site.delivered() == 1)


async def test_retention_removes_what_is_old_and_settled_and_keeps_what_is_not(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "HOUSEKEEPING_EVERY_S", 0.02)
    site.hub = site.make(log=LogSettings(reserve_bytes=0, retention_days=1e-9))
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    await soon(site.settled(3))
    await soon(lambda: site.hub.parts.logs[0].first_position == 3)
    await soon(layout.state_path(site.folder, 0).exists)
    site.customer.trouble = "unavailable"
    assert await site.post(session, datetime="2026-07-02T15:00:00Z") == 200
    await site.hub.parts.retention.run_once()
    assert site.hub.parts.logs[0].first_position == 3
    site.customer.trouble = None
    await site.until(lambda: site.delivered() == 2)


async def test_while_the_registry_does_not_answer_events_are_taken_in_and_delivered_afterwards(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.hub = site.make(delivery=DeliverySettings(registry_poll_ms=60_000, registry_within_s=0.2))
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    version, away = RegistryStore.version, [True]

    def failing(store: RegistryStore) -> int:
        if away:
            raise StoreUnavailable("lost", "no route")
        return version(store)

    monkeypatch.setattr(RegistryStore, "version", failing)
    confirmed = site.hub.parts.following.confirmed
    await soon(lambda: not confirmed.holds)
    for second in range(3):
        assert await site.post(session, datetime=f"2026-07-02T15:00:0{second}Z") == 200
    await asyncio.sleep(0.2)  # as long as a delivery would take many times over
    assert site.delivered() == 1
    away.clear()
    await site.until(lambda: site.delivered() == 4)

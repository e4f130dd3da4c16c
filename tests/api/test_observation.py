"""What a running hub says of itself: over real HTTP, on real files, with a real customer."""

import asyncio
import json
import logging
import re
import threading
from typing import Any

import aiohttp
import apsw
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fixtures.site import Site, soon
from postroad.api import health, observation
from postroad.clock import SystemClock
from postroad.delivery.pressure import Pressure
from postroad.errors import StoreUnavailable
from postroad.log.delivery import Changes, Letter, Posted, Skip
from postroad.logs import JsonFormatter, TextFormatter
from postroad.metrics import declared
from postroad.registry.store import RegistryStore
from postroad.settings import TelemetrySettings


class Scrape:
    """One answer of ``/metrics``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """The one sample of that name with (at least) these labels."""
        [value] = [s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items()]
        return float(value)


async def get(site: Site, session: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with session.get(f"http://127.0.0.1:{site.hub.port}{path}") as response:
        return response.status, await (response.text() if path == "/metrics" else response.json())


async def scrape(site: Site, session: aiohttp.ClientSession) -> Scrape:
    status, text = await get(site, session, "/metrics")
    assert status == 200
    return Scrape(text)


async def not_ready(site: Site, session: aiohttp.ClientSession) -> dict[str, str]:
    """The checks that do not hold, with their reasons."""
    status, answer = await get(site, session, "/readyz")
    failing = {name: check["reason"] for name, check in answer["checks"].items() if not check["ok"]}
    assert status == (503 if failing else 200)
    return failing


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request finds out for itself."""
    monkeypatch.setattr(health, "ASKED_EVERY_S", 0.0)


async def test_a_hub_that_works_is_alive_and_ready(site: Site, session: aiohttp.ClientSession) -> None:
    await site.hub.start()
    assert await get(site, session, "/healthz") == (200, {"status": "alive"})
    assert await get(site, session, "/readyz") == (
        200,
        {
            "status": "ready",
            "checks": {name: {"ok": True} for name in ("log", "registry", "routing", "tasks")},
            "warnings": [],
        },
    )


async def test_a_log_that_fills_up_is_a_warning_without_names_and_the_hub_stays_ready(
    site: Site, session: aiohttp.ClientSession
) -> None:
    await site.hub.start()
    await site.hub.parts.retention.run_once()
    scraped = await scrape(site, session)
    assert scraped("postroad_log_unsettled_bytes", shard="0") == 0
    gauge = site.hub.parts.retention._gauge
    gauge.last[0] = Pressure(stored_bytes=70, unsettled_bytes=60, max_bytes=100, holder=1)
    status, answer = await get(site, session, "/readyz")
    assert (status, answer["warnings"]) == (200, ["backlog_half: shard 0: 60% of log.max_bytes waits to be delivered"])
    scraped = await scrape(site, session)
    assert scraped("postroad_log_unsettled_bytes", shard="0") == 60
    assert scraped("postroad_log_budget_used_ratio", shard="0") == 0.7


async def test_under_the_disk_reserve_it_is_not_ready_and_ready_again_when_there_is_room(
    site: Site, session: aiohttp.ClientSession
) -> None:
    await site.hub.start()
    reserve = site.hub.parts.logs[0]._writer._reserve
    reserve._reserve_bytes = 2**62
    await soon(lambda: is_not_ready(site, session, {"log": "disk_reserve"}))
    assert await site.post(session) == 503
    assert (await scrape(site, session))("postroad_ready", check="log") == 0
    reserve._reserve_bytes = 0
    await soon(lambda: is_not_ready(site, session, {}))
    assert (await scrape(site, session))("postroad_ready", check="log") == 1


async def is_not_ready(site: Site, session: aiohttp.ClientSession, reasons: dict[str, str]) -> bool:
    return await not_ready(site, session) == reasons


async def test_after_an_append_that_failed_it_writes_to_find_out_whether_it_is_ready_again(
    site: Site, session: aiohttp.ClientSession
) -> None:
    await site.hub.start()
    connection = site.hub.parts.logs[0]._writer._connection
    writes = {apsw.SQLITE_INSERT, apsw.SQLITE_UPDATE}
    connection.authorizer = lambda code, *_: apsw.SQLITE_DENY if code in writes else apsw.SQLITE_OK
    assert await not_ready(site, session) == {}  # nobody has tried
    assert await site.post(session, plate="AAAA11") == 503
    assert await not_ready(site, session) == {"log": "io"}
    assert await not_ready(site, session) == {"log": "io"}
    connection.authorizer = None
    assert await not_ready(site, session) == {}
    scraped = await scrape(site, session)
    assert scraped("postroad_log_commits_failed_total", reason="io") >= 1
    assert scraped("postroad_ingest_unavailable_total", reason="io", provider="gps") == 1


async def test_a_log_that_became_read_only_is_not_ready_before_anybody_tries(
    site: Site, session: aiohttp.ClientSession
) -> None:
    await site.hub.start()
    connection = site.hub.parts.logs[0]._writer._connection
    connection.pragma("query_only", 1)
    assert await not_ready(site, session) == {"log": "io"}
    connection.pragma("query_only", 0)
    assert await not_ready(site, session) == {}


async def test_a_log_that_is_closed_or_does_not_answer_is_not_ready(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.hub.start()
    log = site.hub.parts.logs[0]
    held = threading.Event()
    monkeypatch.setattr(health, "PROBE_WITHIN_S", 0.05)
    holding = asyncio.ensure_future(log._change(lambda _tx: held.wait(10)))
    assert await not_ready(site, session) == {"log": "slow"}
    held.set()
    await holding
    assert await not_ready(site, session) == {}
    log._closed = True
    assert await not_ready(site, session) == {"log": "closed"}
    log._closed = False


async def test_a_registry_that_does_not_answer_for_too_long_is_named_until_it_answers(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.hub.start()
    site.hub.parts.following.confirmed.within_s = 0.1
    version, away = RegistryStore.version, [True]

    def failing(store: RegistryStore) -> int:
        if away:
            raise StoreUnavailable("lost", "no route")
        return version(store)

    monkeypatch.setattr(RegistryStore, "version", failing)
    await soon(lambda: is_not_ready(site, session, {"registry": "unconfirmed"}))
    figures = await scrape(site, session)
    assert figures("postroad_registry_confirmed") == 0
    assert figures("postroad_registry_age_seconds") > 0.1
    away.clear()
    await soon(lambda: is_not_ready(site, session, {}))
    assert (await scrape(site, session))("postroad_registry_confirmed") == 1


async def test_routing_that_stands_still_or_falls_behind_is_named_until_it_goes_on(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.hub.start()
    assert await site.post(session) == 200
    monkeypatch.setattr(health, "ROUTING_STALLED_S", 0.05)
    router = site.hub.parts.routers[0]
    async with router.gate:
        assert await site.post(session, datetime="2026-07-02T15:00:00Z") == 200
        assert await not_ready(site, session) == {}
        await soon(lambda: is_not_ready(site, session, {"routing": "stalled"}))
        assert (await scrape(site, session))("postroad_routing_lag_positions") == 1
        monkeypatch.setattr(health, "ROUTING_BEHIND_POSITIONS", 0)
        assert await not_ready(site, session) == {"routing": "behind"}
    await soon(lambda: is_not_ready(site, session, {}))


async def test_a_part_of_the_hub_that_broke_down_makes_it_not_ready(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.hub.start()
    monkeypatch.setattr(site.hub.parts.routers[0], "_route", None)
    assert await site.post(session) == 200
    await site.hub.failed.wait()
    assert await not_ready(site, session) == {"tasks": "broken"}


# Metrics.


async def busy(site: Site, session: aiohttp.ClientSession) -> None:
    """Something of everything: taken in, repeated, refused, delivered, failed."""
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    assert await site.post(session) == 200
    assert await site.post(session, status="not a status", latitude="x") == 400
    async with session.post(site.url, data=b"{}", headers={"Authorization": "Bearer nobody"}) as response:
        assert response.status == 401
    site.customer.trouble = "unavailable"
    assert await site.post(session, datetime="2026-07-02T15:00:00Z") == 200
    await soon(lambda: bool(site.hub.parts.counts.attempts_failed.values))


async def test_every_declared_metric_is_there_with_its_type_and_help(
    site: Site, session: aiohttp.ClientSession
) -> None:
    await site.hub.start()
    await busy(site, session)
    families = (await scrape(site, session)).families
    for metric in declared.ALL:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
    own = {f"{name}_total" if family.type == "counter" else name for name, family in families.items()}
    assert {name for name in own if name.startswith("postroad_")} == {metric.name for metric in declared.ALL}
    assert "process_resident_memory_bytes" in families


async def test_every_sample_has_the_declared_labels_and_no_value_that_a_stranger_made_up(
    site: Site, session: aiohttp.ClientSession
) -> None:
    await site.hub.start()
    await busy(site, session)
    for n in range(30):
        await site.post(session, plate=f"PLATE{n}", status=f"made up {n}")
        assert await site.post(session, latitude=f"made up {n}") == 400
        async with session.get(f"http://127.0.0.1:{site.hub.port}/made/up/{n}") as response:
            assert response.status == 404
    before = await scrape(site, session)
    labels = {metric.name: set(metric.labels) for metric in declared.ALL}
    for sample in before.samples:
        name = re.sub("_(bucket|sum|count)$", "", sample.name)
        if name in labels:
            assert set(sample.labels) - {"le"} == labels[name], sample
    assert "PLATE" not in before.text
    assert "made up" not in before.text
    for n in range(30, 60):
        await site.post(session, plate=f"PLATE{n}", status=f"made up {n}", datetime="2026-07-02T16:00:00Z")
        assert await site.post(session, latitude=f"made up {n}") == 400
    assert len((await scrape(site, session)).samples) == len(before.samples)


async def test_what_went_in_and_out_is_counted(site: Site, session: aiohttp.ClientSession) -> None:
    site.declare(admin_events=False)
    await site.hub.start()
    await busy(site, session)
    scraped = await scrape(site, session)
    for name, value in {"events": 2, "duplicates": 1}.items():
        assert scraped(f"postroad_ingest_{name}_total", provider="gps", protocol="drivetech") == value
    assert scraped("postroad_ingest_bytes_total") > 200
    assert scraped("postroad_ingest_refused_total", reason="invalid") == 1
    assert scraped("postroad_ingest_unauthorized_total") == 1
    assert scraped("postroad_recorded_to_received_seconds_count") == 2
    words = 1  # of the hub: that the subscription may have the vehicle
    assert scraped("postroad_received_to_stored_seconds_count", shard="0") == 2, (
        "of what arrived, not of the hub's own words"
    )
    assert scraped("postroad_log_commit_items_sum", shard="0") == 2 + words
    assert scraped("postroad_log_commit_seconds_sum", shard="0") > 0
    assert scraped("postroad_log_next_position", shard="0") == 3 + words
    assert scraped("postroad_log_bytes", shard="0") > 1000
    mine = {"subscription": "telemetry", "protocol": "connected_cars"}
    assert scraped("postroad_subscription_events_delivered_total", **mine) == 1
    assert scraped("postroad_subscription_bulks_delivered_total", **mine) == 1
    assert scraped("postroad_subscription_attempts_failed_total", **mine, reason="server_error") >= 1
    assert scraped("postroad_stored_to_delivered_seconds_count", **mine) == 1
    assert scraped("postroad_subscription_last_success_timestamp_seconds", **mine) > 1_700_000_000


async def waiting(site: Site, session: aiohttp.ClientSession) -> tuple[float, float]:
    """(age of the oldest undelivered, lag)."""
    scraped = await scrape(site, session)
    return scraped("postroad_subscription_oldest_undelivered_age_seconds"), scraped(
        "postroad_subscription_lag_positions"
    )


async def test_the_oldest_undelivered_grows_while_the_customer_is_away_and_is_nothing_when_it_has_everything(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observation, "LOOK_EVERY", 10**9)  # what is in memory is known without a look at the log
    await site.hub.start()
    assert await site.post(session) == 200
    await site.until(lambda: site.delivered() == 1)
    await soon(lambda: is_waiting(site, session, lag=0))
    assert await waiting(site, session) == (0, 0)
    site.customer.trouble = "unavailable"
    for second in range(3):
        assert await site.post(session, datetime=f"2026-07-02T15:00:0{second}Z") == 200
    await soon(lambda: is_waiting(site, session, lag=3))
    first, _ = await waiting(site, session)
    await asyncio.sleep(0.05)
    later, _ = await waiting(site, session)
    assert 0 < first < later - 0.04
    site.customer.trouble = None
    await soon(lambda: is_waiting(site, session, lag=0))
    assert (await waiting(site, session))[0] == 0


async def is_waiting(site: Site, session: aiohttp.ClientSession, *, lag: int) -> bool:
    return (await waiting(site, session))[1] == lag


async def test_of_a_paused_subscription_the_log_tells_what_waits(
    site: Site, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observation, "PULSE_S", 0.01)
    site.registry.set_subscription_state("telemetry", "paused")
    site.declare(admin_events=False)
    await site.hub.start()
    assert (await scrape(site, session))("postroad_subscription_running") == 0
    site.registry.set_subscription_state("telemetry", "active")
    await soon(lambda: bool(site.hub.parts.manager._running))
    site.registry.set_subscription_state("telemetry", "paused")
    await soon(lambda: not site.hub.parts.manager._running)
    for second in range(3):
        assert await site.post(session, datetime=f"2026-07-02T15:00:0{second}Z") == 200
    await soon(lambda: is_waiting(site, session, lag=3))

    async def since_when_is_known() -> bool:  # from the next look on
        return (await waiting(site, session))[0] > 0

    await soon(since_when_is_known)
    site.registry.set_subscription_state("telemetry", "active")
    await site.until(lambda: site.delivered() == 3)
    await soon(lambda: is_waiting(site, session, lag=0))
    assert (await waiting(site, session))[0] == 0


async def test_metrics_are_for_the_addresses_that_the_settings_name(site: Site, session: aiohttp.ClientSession) -> None:
    site.hub = site.make(telemetry=TelemetrySettings(allow_cidrs=("10.0.0.0/8",)))
    await site.hub.start()
    async with session.get(f"http://127.0.0.1:{site.hub.port}/metrics") as response:
        assert response.status == 403
    assert (await get(site, session, "/healthz"))[0] == 200


# The log.


async def test_a_failed_attempt_is_one_wide_line_without_what_was_sent_or_answered(
    site: Site, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site.declare(admin_events=False)
    await site.hub.start()
    site.customer.trouble = "unavailable"
    assert await site.post(session) == 200
    await soon(lambda: "Bulk not delivered" in caplog.text)
    record = next(record for record in caplog.records if record.message == "Bulk not delivered")
    line = json.loads(JsonFormatter().format(record))
    wanted = {
        "level": "warning", "message": "Bulk not delivered", "subscription": "telemetry", "destination": "webhook",
        "shard": 0, "first_position": 2, "last_position": 2, "events": 1, "attempt": 1, "reason": "server_error",
        "status": 503, "next_attempt_in_s": 0.05,
    }  # fmt: skip
    assert wanted.items() <= line.items()
    assert set(line) - set(wanted) == {"time", "logger", "subscription_id", "elapsed_ms", "request_id"}
    await site.hub.stop()
    written = "".join(JsonFormatter().format(record) + TextFormatter().format(record) for record in caplog.records)
    for secret in ("s3cret", site.token, "KXRT41"):
        assert secret not in written
    told = {record.message for record in caplog.records if record.name == "postroad.service.hub"}
    assert {"Starting", "Started", "Stopped"} <= told


async def test_letters_skips_circuits_alerts_and_tasks_are_figures(site: Site, session: aiohttp.ClientSession) -> None:
    site.customer.trouble = "unavailable"
    await site.hub.start()
    before = await scrape(site, session)
    assert before("postroad_destination_circuit", destination="webhook", transport="https") == 0
    assert before("postroad_subscription_parked_events", subscription="telemetry") == 0
    assert before("postroad_subscription_oldest_parked_age_seconds", subscription="telemetry") == 0
    assert before("postroad_alerts_open", kind="destination_failing") == 0
    parts = site.hub.parts
    now_us = SystemClock().now_us()
    common: dict[str, Any] = {"subject_id": 1, "size": 2, "stored_us": 1, "slot": 0}
    letters = [
        Letter(position=1, received_us=now_us - 90_000_000, due_us=2 * now_us, **common),
        Letter(position=2, received_us=now_us, due_us=2 * now_us, **common),
        Letter(position=3, received_us=1, dead_us=5, reason="rejected", **common),
    ]
    changes = Changes(posted=[Posted(one, b"{}") for one in letters], skips=[Skip(7, 9, "expired", 2)])
    await parts.logs[0].delivery.settle(1, 0, changes)
    parts.alerts.raise_alert("dead_letters", 1, "one")
    drop = site.registry.add_task("DROP", filter_={"parts": []})
    await soon(lambda: site.registry.task(drop.id).status == "COMPLETED")
    assert await site.post(session) == 200
    await soon(lambda: (gate := parts.manager.gates(1).get("")) is not None and gate.state == "open")
    await parts.observation._parts.letters.look()
    await soon(lambda: parts.tasks.ended.total() == 1)
    after = await scrape(site, session)
    assert after("postroad_subscription_parked_events", subscription="telemetry") == 2
    assert 90 <= after("postroad_subscription_oldest_parked_age_seconds", subscription="telemetry") < 150
    assert after("postroad_subscription_dead_letters", subscription="telemetry") == 1
    assert after("postroad_subscription_events_skipped_total", subscription="telemetry", reason="expired") == 2
    assert after("postroad_destination_circuit", destination="webhook") == 2
    assert after("postroad_alerts_open", kind="dead_letters") == 1
    assert after("postroad_tasks_running") == 0
    assert after("postroad_tasks_ended_total", type="DROP", status="COMPLETED") == 1

"""When control planes are asked, in virtual time; what is declared and what is kept of a run."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from fixtures.connected_cars_server import TOPIC, ConnectedCarsServer, throttled
from fixtures.pipeline import quiet
from fixtures.registry import Declare
from fixtures.remote import LOOPBACK, Reply
from fixtures.until import until
from fixtures.upstream_declared import CC_CATALOGUE, declaration
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError
from postroad.registry.alerts import Alert
from postroad.registry.records import Provider
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.registry.upstreams import FAILED
from postroad.service import catalogue
from postroad.upstream.connected_cars.keeper import (
    DAILY_S,
    GATHER_S,
    JITTER_S,
    Surroundings,
    UpstreamKeeper,
    config_of,
    run_once,
)
from postroad.upstream.connected_cars.vehicles import NewSubjects

Apply = Callable[..., Any]


class Kept:
    """A registry, the server that it declares, and the keeper between them."""

    def __init__(self, given: Surroundings, apply: Apply, clock: Any) -> None:
        self.given = given
        self.registry = given.registry
        self.apply = apply
        self.clock = clock
        self.refreshed = 0
        self.keeper = UpstreamKeeper(given, view=lambda: self.view, refresh=self.refresh)
        self.task: asyncio.Task[None] | None = None
        self.use()

    def use(self) -> None:
        self.view = self.registry.view()
        self.keeper.use(self.view)

    @property
    def provider(self) -> Provider:
        [provider] = self.view.providers.values()
        return provider

    async def refresh(self) -> None:
        self.refreshed += 1
        self.use()

    def start(self) -> None:
        self.task = asyncio.create_task(self.keeper.run())

    async def runs(self, count: int) -> None:
        """Wait until so many runs are over."""
        await until(lambda: self.refreshed >= count and self.keeper.idle)
        await quiet()  # it goes to sleep

    async def failed(self) -> None:
        """Wait until a run has failed."""

        def so() -> bool:
            run = self.registry.upstream_run(self.provider.id)
            return run is not None and run.error is not None and self.keeper.idle

        await until(so)
        await quiet()

    def alerts(self) -> list[Alert]:
        return self.registry.alerts()


@pytest.fixture
async def kept(
    tmp_path: Path,
    declare: Declare,
    keys: KeyRing,
    clock: Any,
    connected_cars: ConnectedCarsServer,
    account_pem: str,
    ca_file: str,
) -> AsyncIterator[Kept]:
    store = RegistryStore.open(tmp_path / "registry.db", clock=clock)

    def apply(**changes: Any) -> Any:
        text = declaration(connected_cars, **changes)
        return declare(store, text, {"ACCOUNT_KEY": account_pem}, catalogue=CC_CATALOGUE)

    apply()
    egress = EgressClient(allowed=LOOPBACK, clock=clock, ca_file=ca_file)
    new = NewSubjects(0, catalogue().issues)
    kept = Kept(Surroundings(store, keys, egress, clock, lambda: 0.5, new), apply, clock)
    yield kept
    if kept.task is not None:
        kept.task.cancel()
        await asyncio.gather(kept.task, return_exceptions=True)
    await egress.close()
    store.close()


def test_an_upstream_is_declared_shown_without_its_key_and_stored_sealed(
    kept: Kept, keys: KeyRing, account_pem: str, tmp_path: Path
) -> None:
    assert kept.apply() == []
    [change] = kept.apply(topic=TOPIC + 1)
    assert change.fields["upstream"][1]["topic"] == TOPIC + 1
    upstream = kept.registry.view().providers[kept.provider.id].upstream
    assert upstream is not None
    assert list(upstream.sealed) == ["service_account.private_key"]
    assert config_of(kept.provider, keys).service_account.private_key == account_pem
    secret = account_pem.splitlines()[3]
    assert secret not in repr(config_of(kept.provider, keys)) + repr(upstream) + str(change)
    assert secret.encode() not in b"".join(file.read_bytes() for file in tmp_path.glob("registry.db*"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graphql_url": "http://api.example/"}, "does not begin with https"),
        ({"topic": 0}, "topic"),
        ({"vehicles": {"id": [1]}}, "did you mean ids"),
        ({"service_account": {"issuer": "i", "audience": "a", "key_id": "k", "private_key": "PEM"}}, "does not stand"),
    ],
)
def test_a_wrong_upstream_is_refused_by_the_field(kept: Kept, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kept.apply(**changes)


@pytest.mark.parametrize("pem", ["not a key 5ecret", "-----BEGIN PRIVATE KEY-----\n5ecret\n-----END PRIVATE KEY-----"])
def test_a_key_that_cannot_sign_is_refused_without_a_word_of_it(
    kept: Kept, declare: Declare, connected_cars: ConnectedCarsServer, pem: str
) -> None:
    with pytest.raises(ConfigError, match="private_key is not an RSA private key") as refused:
        declare(kept.registry, declaration(connected_cars), {"ACCOUNT_KEY": pem}, catalogue=CC_CATALOGUE)
    assert "5ecret" not in str(refused.value)


def test_only_protocols_with_a_control_plane_take_an_upstream(kept: Kept, declare: Declare) -> None:
    text = "organizations: [{name: Andes, providers: [{name: gps, protocol: drivetech, upstream: {}}]}]"
    with pytest.raises(ConfigError, match="no control plane"):
        declare(kept.registry, text, catalogue=CC_CATALOGUE)


async def test_a_provider_is_asked_at_the_start_and_its_vehicles_are_known_with_vin_and_fleet(
    kept: Kept, connected_cars: ConnectedCarsServer
) -> None:
    connected_cars.consent(1, 2, fleet=50)
    kept.start()
    await kept.runs(1)
    assert connected_cars.streaming() == [1, 2]
    run = kept.registry.upstream_run(kept.provider.id)
    assert run is not None
    assert (run.reason, run.error, run.consenting, run.wanted, run.streams, run.added) == ("start", None, 2, 2, 0, 2)
    assert run.succeeded_us == run.finished_us
    known = kept.view.identifiers
    assert known[1, "connected_cars.vehicle", "1"] == known[1, "vin", "VIN00000000000001"]
    open_ = {s.subject_id for s in kept.view.streams.values() if not s.ended}
    assert open_ == {known[1, "connected_cars.vehicle", str(n)] for n in (1, 2)}


async def test_a_day_later_it_is_asked_again_earlier_by_the_jitter(
    kept: Kept, connected_cars: ConnectedCarsServer, clock: Any
) -> None:
    kept.start()
    await kept.runs(1)
    connected_cars.consent(3)
    clock.advance(DAILY_S - JITTER_S / 2 - 1)
    await quiet()
    assert (kept.refreshed, kept.keeper.idle) == (1, True)
    clock.advance(1)
    await kept.runs(2)
    assert connected_cars.streaming() == [3]
    run = kept.registry.upstream_run(kept.provider.id)
    assert run is not None
    assert run.reason == "daily"


async def test_a_crowd_of_admin_events_is_answered_by_one_run_soon_after(kept: Kept, clock: Any) -> None:
    kept.start()
    await kept.runs(1)
    for _ in range(100):
        kept.keeper.changed(kept.provider.id)
    await quiet()
    clock.advance(GATHER_S)
    await kept.runs(2)
    clock.advance(GATHER_S)
    await quiet()
    assert (kept.refreshed, kept.keeper.idle) == (2, True)
    run = kept.registry.upstream_run(kept.provider.id)
    assert run is not None
    assert run.reason == "admin_event"


async def test_an_admin_event_within_a_run_asks_once_more(
    kept: Kept, connected_cars: ConnectedCarsServer, clock: Any
) -> None:
    connected_cars.before = lambda operation: (
        kept.keeper.changed(kept.provider.id) if operation == "vehicleDataStreams" and not kept.refreshed else None
    )
    kept.start()
    await kept.runs(1)
    clock.advance(GATHER_S)
    await kept.runs(2)


async def test_a_failure_is_an_alert_is_tried_again_and_success_clears_it(
    kept: Kept, connected_cars: ConnectedCarsServer, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    connected_cars.consent(1)
    connected_cars.before = lambda operation: Reply(400, b"no, tokenTOKEN.1") if operation != "sign_in" else None
    kept.start()
    await kept.failed()
    [alert] = kept.alerts()
    assert (alert.kind, alert.about) == (FAILED, f"provider {kept.provider.id}")
    assert "consentedIntegrationVehicles: refused (400)" in alert.detail
    assert "tokenTOKEN" not in alert.detail + caplog.text
    assert "no, " not in caplog.text  # what they answer stays out of the log
    connected_cars.before = None
    clock.advance(60)
    await kept.runs(2)
    assert kept.alerts() == []
    run = kept.registry.upstream_run(kept.provider.id)
    assert run is not None
    assert (run.reason, run.error, run.added) == ("retry", None, 1)


async def test_it_is_not_tried_again_before_they_said(
    kept: Kept, connected_cars: ConnectedCarsServer, clock: Any
) -> None:
    connected_cars.before = lambda operation: throttled(900) if operation == "sign_in" else None
    kept.start()
    await kept.failed()
    asked = len(connected_cars.asked)
    connected_cars.before = None
    clock.advance(899)
    await quiet()
    assert (len(connected_cars.asked), kept.keeper.idle) == (asked, True)
    clock.advance(1)
    await kept.runs(2)


async def test_the_last_success_stays_known_while_runs_fail(
    kept: Kept, connected_cars: ConnectedCarsServer, clock: Any
) -> None:
    done = await run_once(kept.provider, kept.given, reason="asked")
    assert done.error is None
    succeeded_us = clock.now_us()
    clock.advance(10)
    connected_cars.before = lambda _operation: Reply(400, b"")
    await run_once(kept.provider, kept.given, reason="asked")
    run = kept.registry.upstream_run(kept.provider.id)
    assert run is not None
    assert (run.succeeded_us, run.finished_us) == (succeeded_us, clock.now_us())
    assert run.error is not None


async def test_a_dry_run_leaves_the_registry_as_it_is(kept: Kept, connected_cars: ConnectedCarsServer) -> None:
    connected_cars.consent(1)
    version = kept.registry.version()
    outcome = await run_once(kept.provider, kept.given, reason="asked", dry_run=True)
    assert len(outcome.planned.add) == 1
    assert kept.registry.version() == version
    assert kept.registry.upstream_run(kept.provider.id) is None
    assert connected_cars.streaming() == []


async def test_a_vehicle_that_consents_no_more_is_forwarded_no_more(
    kept: Kept, connected_cars: ConnectedCarsServer, clock: Any
) -> None:
    connected_cars.consent(1, 2)
    await run_once(kept.provider, kept.given, reason="asked")
    clock.advance(1)
    del connected_cars.cars[2]
    await run_once(kept.provider, kept.given, reason="asked")
    view = kept.registry.view()
    open_ = [s.subject_id for s in view.streams.values() if not s.ended]
    assert open_ == [view.identifiers[1, "connected_cars.vehicle", "1"]]
    assert kept.registry.withdrawn(kept.provider.id) == 1


async def test_an_upstream_that_is_taken_out_of_the_file_is_asked_no_more_and_its_alert_ends(
    kept: Kept, connected_cars: ConnectedCarsServer, declare: Declare, clock: Any
) -> None:
    connected_cars.before = lambda _operation: Reply(400, b"")
    kept.start()
    await kept.failed()
    text = json.loads(declaration(connected_cars))
    del text["organizations"][0]["providers"][0]["upstream"]
    declare(kept.registry, json.dumps(text), catalogue=CC_CATALOGUE)
    kept.use()
    asked = len(connected_cars.asked)
    clock.advance(2 * DAILY_S)
    await quiet()
    assert (len(connected_cars.asked), kept.keeper.idle) == (asked, True)
    assert kept.alerts() == []
    assert kept.provider.upstream is None


async def test_a_key_that_cannot_be_opened_is_told_as_an_alert(kept: Kept) -> None:
    assert kept.provider.upstream is not None
    moved = {"service_account.private_key": b"\x01" + bytes(60)}
    broken = replace(kept.provider, upstream=msgspec.structs.replace(kept.provider.upstream, sealed=moved))
    kept.view = replace(kept.view, providers={broken.id: broken})
    kept.keeper.use(kept.view)
    kept.start()
    await kept.failed()
    [alert] = kept.alerts()
    assert "sealed with key 00000000" in alert.detail

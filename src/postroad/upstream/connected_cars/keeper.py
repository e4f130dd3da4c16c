"""When providers' control planes are reconciled, and what is kept of each run.

At the start, each day at a time of its own, soon after an admin event, and again and again while it fails.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.errors import ConfigError, PostroadError
from postroad.logs import wide
from postroad.registry.records import Provider, RegistryView, Upstream
from postroad.registry.secrets import KeyRing, opened_upstream
from postroad.registry.store import RegistryStore
from postroad.registry.upstreams import UpstreamRun
from postroad.upstream.connected_cars.client import ConnectedCarsClient
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream
from postroad.upstream.connected_cars.problem import Problem
from postroad.upstream.connected_cars.sync import Outcome, synchronise
from postroad.upstream.connected_cars.vehicles import NewSubjects, take_over

DAILY_S = 86_400.0
JITTER_S = 3_600.0
"""A day's run comes up to so much earlier: hubs that were started together do not ask together."""
GATHER_S = 5.0
"""Admin events come in crowds: one run answers for all within this time."""
RETRY_FIRST_S = 60.0
RETRY_MAX_S = 3_600.0

_log = logging.getLogger(__name__)


class Surroundings(msgspec.Struct, frozen=True):
    """What runs work with."""

    registry: RegistryStore
    keys: KeyRing
    egress: EgressClient
    clock: Clock
    random: Callable[[], float]
    """From 0 to 1."""
    new: NewSubjects


def config_of(provider: Provider, keys: KeyRing) -> ConnectedCarsUpstream:
    """How a provider's control plane is reached, secrets opened. Do not keep it longer than needed.

    Raises:
        ConfigError, StoreCorrupt: It has none, or its secrets cannot be opened.
    """
    if provider.upstream is None:
        raise ConfigError(f"provider {provider.name!r} has no upstream: declare one in a file and apply it")
    try:
        return msgspec.convert(opened_upstream(provider.id, provider.upstream, keys), ConnectedCarsUpstream)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"the upstream of provider {provider.name!r}: {exc}") from exc


@contextlib.asynccontextmanager
async def client_of(config: ConnectedCarsUpstream, given: Surroundings) -> AsyncIterator[ConnectedCarsClient]:
    """A client for as long as the block lasts."""
    client = ConnectedCarsClient(config, given.egress, clock=given.clock, random=given.random)
    try:
        yield client
    finally:
        await client.close()


async def run_once(provider: Provider, given: Surroundings, *, reason: str, dry_run: bool = False) -> Outcome:
    """One run, recorded; a dry run changes nothing and is not recorded.

    Raises:
        ConfigError, StoreCorrupt: The provider's control plane cannot be asked at all.
        StoreUnavailable: What came of it cannot be kept.
    """
    started_us = given.clock.now_us()
    config = config_of(provider, given.keys)
    async with client_of(config, given) as client:
        outcome = await synchronise(client, config, dry_run=dry_run)
    if dry_run:
        return outcome
    if outcome.consenting is not None:
        await asyncio.to_thread(
            take_over, given.registry, provider, config, outcome.consenting, given.new, asked_us=started_us
        )
    run = UpstreamRun(
        provider_id=provider.id,
        reason=reason,
        started_us=started_us,
        finished_us=given.clock.now_us(),
        consenting=None if outcome.consenting is None else len(outcome.consenting),
        wanted=None if outcome.wanted is None else len(outcome.wanted),
        streams=outcome.streams,
        added=outcome.added,
        deleted=outcome.deleted,
        updated=outcome.updated,
        error=outcome.error,
    )
    await asyncio.to_thread(given.registry.record_upstream_run, run)
    return outcome


class _Plan(msgspec.Struct):
    """When a provider is next asked."""

    due_s: float
    reason: str
    failures: int = 0


class UpstreamKeeper:
    """Reconciles every provider that declares a control plane. ``use`` views, run ``run`` as a task."""

    def __init__(
        self, given: Surroundings, *, view: Callable[[], RegistryView], refresh: Callable[[], Awaitable[None]]
    ) -> None:
        """``refresh`` has the hub go by what a run has made of the registry."""
        self._given = given
        self._clock = given.clock
        self._view = view
        self._refresh = refresh
        self._plans: dict[int, _Plan] = {}
        self._declared: dict[int, Upstream] = {}
        self._news = asyncio.Event()
        self.idle = False
        """Nobody is due."""

    def use(self, view: RegistryView) -> None:
        """Ask whom this view declares: at once whoever is new, or declared otherwise than before."""
        declared = {id_: p.upstream for id_, p in view.providers.items() if p.upstream is not None}
        for gone in self._plans.keys() - declared.keys():
            del self._plans[gone]
        for id_, upstream in declared.items():
            if self._declared.get(id_) != upstream:
                self._plans[id_] = _Plan(self._clock.monotonic_s(), "start")
                self._news.set()
        self._declared = declared

    def changed(self, provider_id: int) -> None:
        """An admin event of this provider came: ask soon."""
        plan = self._plans.get(provider_id)
        soon_s = self._clock.monotonic_s() + GATHER_S
        if plan is not None and plan.due_s > soon_s:
            plan.due_s, plan.reason = soon_s, "admin_event"
            self._news.set()

    async def run(self) -> None:
        """Ask whoever is due, one after another, until cancelled."""
        while True:
            now_s = self._clock.monotonic_s()
            due = sorted((plan.due_s, id_) for id_, plan in self._plans.items())
            self.idle = not due or due[0][0] > now_s
            if not self.idle:
                await self._ask(due[0][1])
            else:
                await self._wait(due[0][0] - now_s if due else None)

    async def _wait(self, seconds: float | None) -> None:
        """Until the time is over, or something is due earlier."""
        self._news.clear()
        waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._news.wait())]
        if seconds is not None:
            waiting.append(asyncio.ensure_future(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def _ask(self, id_: int) -> None:
        plan = self._plans[id_]
        reason, plan.due_s = plan.reason, float("inf")  # an admin event that comes meanwhile makes it due again
        provider = self._view().providers.get(id_)
        if provider is None:
            return
        try:
            outcome = await run_once(provider, self._given, reason=reason)
            error, problem = outcome.error, outcome.problem
            await self._refresh()
        except PostroadError as exc:
            error, problem = str(exc), None
            await self._note(id_, reason, error)
        except Exception:  # noqa: BLE001 - a defect that one provider brings to light must not stop the hub
            _log.exception("A control plane could not be asked")
            error, problem = "a defect of the hub: see its log", None
        if error is None:
            plan.failures = 0
            self._next(plan, DAILY_S - JITTER_S * self._given.random(), "daily")
            return
        # Without the detail: it may quote an answer, and logs go further than the registry.
        kind = "local" if problem is None else problem.kind
        _log.warning("A control plane does not stand as declared", extra=wide(provider_id=id_, problem=kind))
        plan.failures += 1
        self._next(plan, self._retry_s(plan.failures, problem), "retry")

    async def _note(self, id_: int, reason: str, error: str) -> None:
        """Keep that a run could not even begin, or not end, as far as that can be kept."""
        now_us = self._clock.now_us()
        run = UpstreamRun(provider_id=id_, reason=reason, started_us=now_us, finished_us=now_us, error=error)
        with contextlib.suppress(PostroadError):
            await asyncio.to_thread(self._given.registry.record_upstream_run, run)

    def _next(self, plan: _Plan, seconds: float, reason: str) -> None:
        due_s = self._clock.monotonic_s() + seconds
        if due_s < plan.due_s:
            plan.due_s, plan.reason = due_s, reason

    def _retry_s(self, failures: int, problem: Problem | None) -> float:
        wait_s = min(RETRY_FIRST_S * 2.0 ** min(failures - 1, 20), RETRY_MAX_S) * (0.5 + self._given.random() / 2)
        return max(wait_s, 0.0 if problem is None else problem.retry_after_s or 0.0)

"""The hub's book of alerts: deliveries tell it what a person, or the registry, must know, and never wait for it.

What is open is known in memory, at once. The registry is told by a task, off the event loop, in order, the newest word
on each thing only: what is said a thousand times is written once, and again each minute while it is still being said.
When the registry cannot be written, what it has not been told waits; that is bounded by what there is to say.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import get_args

import msgspec

from postroad.clock import Clock
from postroad.delivery.delivery import AlertKind, HubAlertKind, ShardAlertKind
from postroad.errors import NotFound, StoreUnavailable
from postroad.ingest.queues.keeper import ReceiverAlertKind
from postroad.log.delivery import fetched_for, fetcher_id
from postroad.logs import wide
from postroad.registry.alerts import PAUSED, about_provider, about_shard, number_of, provider_of
from postroad.registry.records import RegistryView
from postroad.registry.store import RegistryStore

Kind = AlertKind | ShardAlertKind | HubAlertKind | ReceiverAlertKind
SHARD_KINDS: tuple[ShardAlertKind, ...] = get_args(ShardAlertKind)
HUB_KINDS: tuple[HubAlertKind, ...] = get_args(HubAlertKind)
KINDS: tuple[Kind, ...] = (*get_args(AlertKind), *SHARD_KINDS, *HUB_KINDS, *get_args(ReceiverAlertKind))
THE_HUB = 0
"""What alerts of those kinds are about."""
WRITES_APART_S = 1.0
"""Between two times of telling the registry."""
SAID_AGAIN_US = 60 * 1_000_000
"""After this long, what is still being said is written again, so that the registry knows when it last was so."""
_ALL = 1_000_000

Key = tuple[Kind, int]
"""What an alert is, and the subscription, or by its kind the shard or ``THE_HUB``, that it is about.

Where it is about fetching or receiving for a provider, a ``fetcher_id`` stands for the subscription.
"""
_Work = tuple[str, str, int]

_log = logging.getLogger(__name__)


class _Open(msgspec.Struct):
    raised_us: int
    detail: str
    said_us: int
    """When the registry was last to be told."""


class AlertBook:
    """An ``Overseer`` and a ``ShardOverseer``. ``load`` it, then run ``run`` as a task; used on one event loop only."""

    def __init__(self, registry: RegistryStore, *, clock: Clock) -> None:
        """Nothing is read yet."""
        self._registry = registry
        self._clock = clock
        self._open: dict[Key, _Open] = {}
        self._paused: set[int] = set()
        self._waiting: dict[_Work, Callable[[], object]] = {}
        self._news = asyncio.Event()
        self._flushing = asyncio.Lock()

    async def load(self) -> None:
        """Take up the alerts that are open in the registry; before anything is delivered.

        Raises:
            StoreUnavailable: The registry cannot be read now.
        """
        for alert in await asyncio.to_thread(self._registry.alerts, open_only=True, limit=_ALL):
            for kind in KINDS:
                number = number_of(alert.about, shard=kind in SHARD_KINDS) if alert.about else THE_HUB
                provider_id = provider_of(alert.about)
                if provider_id is not None:
                    number = fetcher_id(provider_id)
                if kind == alert.kind and number is not None:
                    self._open[kind, number] = _Open(alert.raised_us, alert.detail, alert.last_us)

    @property
    def open(self) -> frozenset[Key]:
        """What is open now."""
        return frozenset(self._open)

    def said_us(self, kind: Kind, number: int) -> int | None:
        """When an open alert was last said; ``None`` if it is not open."""
        known = self._open.get((kind, number))
        return None if known is None else known.said_us

    def raise_alert(self, kind: Kind, about: int, detail: str) -> None:
        """See ``Overseer`` and ``ShardOverseer``."""
        now_us = self._clock.now_us()
        known = self._open.get((kind, about))
        if known is not None and known.detail == detail and now_us - known.said_us < SAID_AGAIN_US:
            return
        if known is None:
            # Without the detail: it may quote an answer, and logs go further than the registry.
            _log.warning("An alert is raised", extra=wide(kind=kind, **_named(kind, about)))
        self._open[kind, about] = _Open(known.raised_us if known else now_us, detail, now_us)
        work = partial(self._registry.raise_alert, kind, _text(kind, about), detail)
        self._ask(("alert", kind, about), work)

    def clear_alert(self, kind: Kind, about: int) -> None:
        """See ``Overseer`` and ``ShardOverseer``."""
        known = self._open.pop((kind, about), None)
        if known is None:
            return
        open_s = (self._clock.now_us() - known.raised_us) / 1e6
        _log.info("An alert is cleared", extra=wide(kind=kind, **_named(kind, about), open_s=open_s))
        work = partial(self._registry.clear_alert, kind, _text(kind, about))
        self._ask(("alert", kind, about), work)

    def pause(self, subscription_id: int, reason: str) -> None:
        """See ``Overseer``. The registry's version moves with it: the hub follows as when a person pauses."""
        key = ("pause", "", subscription_id)
        if key not in self._waiting:
            _log.warning("A subscription is being paused", extra=wide(subscription_id=subscription_id))
        self._ask(key, partial(self._registry.set_subscription_state, subscription_id, "paused", reason=reason))

    def follow(self, view: RegistryView) -> None:
        """Clear what a change of the registry has settled: the subscription was resumed, or is there no more."""
        paused = {id_ for id_, subscription in view.subscriptions.items() if subscription.state == "paused"}
        resumed = self._paused - paused
        self._paused = paused
        for kind, subscription_id in self.open:
            if kind in SHARD_KINDS or kind in HUB_KINDS:
                continue
            provider_id = fetched_for(subscription_id)
            gone = (
                subscription_id not in view.subscriptions if provider_id is None else provider_id not in view.providers
            )
            if gone or (kind == PAUSED and subscription_id in resumed):
                self.clear_alert(kind, subscription_id)

    async def run(self) -> None:
        """Tell the registry, until cancelled; ``flush`` what is left then."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self.flush()
            await self._clock.sleep(WRITES_APART_S)
            if self._waiting:
                self._news.set()

    async def flush(self) -> None:
        """Tell the registry what it has not been told, as far as it can be written now."""
        async with self._flushing:
            while self._waiting:
                key = next(iter(self._waiting))
                work = self._waiting.pop(key)
                try:
                    await self._do(key, work)
                except StoreUnavailable as exc:
                    _log.warning("Alerts cannot be recorded now: %s", exc)
                    return
                except NotFound:
                    pass  # the subscription was removed meanwhile: nothing is sent for it any more
                except Exception:  # noqa: BLE001 - what cannot be recorded must not keep all that follows waiting
                    _log.exception("An alert cannot be recorded and is dropped")

    def _ask(self, key: _Work, work: Callable[[], object]) -> None:
        self._waiting[key] = work
        self._news.set()

    async def _do(self, key: _Work, work: Callable[[], object]) -> None:
        """Do it in a thread, to its end also when cancelled; what the registry could not take is put back."""
        doing = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait([doing])
            if isinstance(doing.exception(), StoreUnavailable):
                self._put_back(key, work)
            raise
        except StoreUnavailable:
            self._put_back(key, work)
            raise

    def _put_back(self, key: _Work, work: Callable[[], object]) -> None:
        self._waiting = {key: work} | self._waiting  # at the front; a newer word on the same thing stays


def _named(kind: Kind, about: int) -> dict[str, int]:
    if kind in HUB_KINDS:
        return {}
    provider_id = fetched_for(about)
    if provider_id is not None:
        return {"provider_id": provider_id}
    return {"shard" if kind in SHARD_KINDS else "subscription_id": about}


def _text(kind: Kind, about: int) -> str:
    """As the registry has it."""
    if kind in HUB_KINDS:
        return ""
    provider_id = fetched_for(about)
    if provider_id is not None:
        return about_provider(provider_id)
    return about_shard(about) if kind in SHARD_KINDS else str(about)

"""The hub's figures as Prometheus takes them: built at each scrape from what the parts count and know."""

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest

import postroad
from postroad.api.health import Finding
from postroad.api.parts import HubParts
from postroad.delivery.delivery import AlertKind, HubAlertKind
from postroad.delivery.gate import State
from postroad.ingest.queues.keeper import ReceiverAlertKind
from postroad.log.delivery import fetcher_id
from postroad.metrics import declared
from postroad.metrics.counts import Counter, Histogram, Key
from postroad.metrics.declared import DESTINATION, PROVIDER, SUBSCRIPTION, Metric
from postroad.protocols import damoov
from postroad.registry.records import RegistryView

Sample = tuple[Key, float]

_CIRCUIT: Mapping[State, int] = {"closed": 0, "closing": 1, "open": 2}


def _provider(view: RegistryView, id_: Any) -> tuple[object, ...] | None:
    found = view.providers.get(id_)
    return None if found is None else (found.id, found.name, found.protocol)


def _subscription(view: RegistryView, id_: Any) -> tuple[object, ...] | None:
    found = view.subscriptions.get(id_)
    return None if found is None else (found.id, found.name, found.protocol)


def _destination(view: RegistryView, id_: Any) -> tuple[object, ...] | None:
    found = view.destinations.get(id_)
    return None if found is None else (found.id, found.name, found.transport)


_OWNERS: Mapping[tuple[str, ...], Callable[[RegistryView, Any], tuple[object, ...] | None]] = {
    PROVIDER: _provider,
    SUBSCRIPTION: _subscription,
    DESTINATION: _destination,
}
"""What an id stands for: the values of these labels, None when the registry does not know it any more."""


class Exporter:
    """Makes the text of ``/metrics``. One for each hub, with a registry of its own."""

    def __init__(self, parts: HubParts) -> None:
        """Look at ``parts``."""
        self.loop_lag_s = 0.0
        self._parts = parts
        self._started_us = parts.clock.now_us()
        self._findings: Mapping[str, Finding] = {}
        self._counted = {figure.metric.name: figure for figure in parts.counts.counted()}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self, findings: Mapping[str, Finding]) -> bytes:
        """All metrics, with what the checks of readiness brought."""
        self._findings = findings
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Family]:
        """See ``prometheus_client.registry.Collector``: nothing is known before it is asked for."""
        return ()

    def collect(self) -> Iterator[Family]:
        """See ``prometheus_client.registry.Collector``: every declared metric, in the declared order."""
        looked_up = self._looked_up()
        for metric in declared.ALL:
            figure = self._counted.get(metric.name)
            if isinstance(figure, Histogram):
                yield self._histogram(figure)
            elif isinstance(figure, Counter):
                yield self._family(metric, self._known(metric, figure.values))
            else:
                yield self._family(metric, looked_up[metric.name]())

    def _known(self, metric: Metric, values: Mapping[Key, int]) -> Iterable[Sample]:
        """What was counted, and zero for whoever was not counted yet: a rate needs a first value."""
        return (dict.fromkeys(self._owners(metric.labels), 0) | dict(values)).items()

    def _owners(self, labels: tuple[str, ...]) -> list[Key]:
        view = self._parts.view()
        if labels == PROVIDER:
            return [(id_,) for id_ in view.providers]
        if labels == SUBSCRIPTION:
            return [(id_,) for id_ in view.subscriptions]
        return [] if labels else [()]

    def _family(self, metric: Metric, samples: Iterable[Sample]) -> Family:
        make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        family: CounterMetricFamily | GaugeMetricFamily = make(metric.name, metric.help, labels=metric.labels)
        for key, value in samples:
            labels = self._labels(metric, key)
            if labels is not None:
                family.add_metric(labels, value)
        return family

    def _histogram(self, histogram: Histogram) -> Family:
        metric = histogram.metric
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        bounds = [*(str(float(bound)) for bound in metric.buckets), "+Inf"]
        for key, series in histogram.values.items():
            labels = self._labels(metric, key)
            if labels is not None:
                buckets = list(zip(bounds, accumulate(series.counts), strict=True))
                family.add_metric(labels, buckets, sum_value=series.total)
        return family

    def _labels(self, metric: Metric, key: Key) -> list[str] | None:
        """A key's labels: an id becomes id, name and protocol. None when the registry does not know it any more."""
        describe = _OWNERS.get(metric.labels[:3])
        if describe is None:
            return [str(value) for value in key]
        owner = describe(self._parts.view(), key[0])
        return None if owner is None else [*map(str, owner), *map(str, key[1:])]

    # What is looked up.

    def _looked_up(self) -> Mapping[str, Callable[[], Iterable[Sample]]]:
        parts = self._parts
        logs = parts.logs.items()
        return {
            declared.INGEST_QUEUED_BYTES.name: lambda: [((), parts.intake.queued_bytes)],
            declared.LOG_NEXT_POSITION.name: lambda: [((n,), log.next_position) for n, log in logs],
            declared.LOG_FIRST_POSITION.name: lambda: [((n,), log.first_position) for n, log in logs],
            declared.LOG_BYTES.name: lambda: [((n,), log.stored_bytes) for n, log in logs],
            declared.LOG_UNSETTLED_BYTES.name: lambda: [
                ((n,), pressure.unsettled_bytes) for n, pressure in parts.pressure.items()
            ],
            declared.LOG_BUDGET_USED.name: lambda: [
                ((n,), pressure.stored_bytes / pressure.max_bytes) for n, pressure in parts.pressure.items()
            ],
            declared.LOG_QUEUED_BYTES.name: lambda: [((n,), log.queued_bytes) for n, log in logs],
            declared.ROUTING_LAG.name: lambda: [
                ((n,), log.next_position - parts.routers[n].routed_to) for n, log in logs
            ],
            declared.RUNNING.name: self._running,
            declared.OLDEST_AGE.name: self._oldest_age,
            declared.LAG.name: self._lag,
            declared.QUEUE_BYTES.name: self._queue_bytes,
            declared.LAST_SUCCESS.name: lambda: [
                ((id_,), us / 1e6) for id_, us in parts.counts.last_success_us.items()
            ],
            declared.LAST_MESSAGE.name: lambda: [
                ((id_,), us / 1e6) for id_, us in parts.counts.last_message_us.items()
            ],
            declared.RECEIVER_FAILING.name: self._receivers,
            declared.PARKED.name: lambda: self._letters(parts.letters.parked),
            declared.OLDEST_PARKED_AGE.name: self._oldest_parked_age,
            declared.DEAD.name: lambda: self._letters(parts.letters.dead),
            declared.FETCHES_WAITING.name: lambda: self._fetches(parts.letters.parked),
            declared.FETCHES_OLDEST_AGE.name: self._fetches_oldest_age,
            declared.FETCHES_GIVEN_UP.name: lambda: self._fetches(parts.letters.dead),
            declared.EVENTS_SKIPPED.name: parts.letters.skipped.items,
            declared.CIRCUIT.name: self._circuits,
            declared.ALERTS_OPEN.name: self._alerts,
            declared.TASKS_RUNNING.name: lambda: [((), parts.tasks.running)],
            declared.TASKS_ENDED.name: parts.tasks.ended.items,
            declared.ATTEMPTS_DROPPED.name: lambda: [((), parts.attempts.dropped)],
            declared.REGISTRY_VERSION.name: lambda: [((), parts.view().version)],
            declared.REGISTRY_AGE.name: lambda: [((), parts.confirmed.age_s)],
            declared.REGISTRY_CONFIRMED.name: lambda: [((), parts.confirmed.holds)],
            declared.READY.name: lambda: [((name,), not found.reason) for name, found in self._findings.items()],
            declared.LOOP_LAG.name: lambda: [((), self.loop_lag_s)],
            declared.STARTED.name: lambda: [((), self._started_us / 1e6)],
            declared.INFO.name: lambda: [((postroad.__version__,), 1)],
        }

    def _running(self) -> Iterable[Sample]:
        return [((id_,), bool(self._parts.manager.deliveries(id_))) for id_ in self._parts.view().subscriptions]

    def _oldest_age(self) -> Iterable[Sample]:
        now_us = self._parts.clock.now_us()
        for id_ in self._parts.view().subscriptions:
            waiting = [self._parts.backlogs.of(id_, shard).received_us for shard in self._parts.logs]
            oldest_us = min((us for us in waiting if us is not None), default=now_us)
            yield (id_,), max(0.0, (now_us - oldest_us) / 1e6)

    def _lag(self) -> Iterable[Sample]:
        for id_ in self._parts.view().subscriptions:
            for shard, log in self._parts.logs.items():
                yield (id_, shard), max(0, log.next_position - self._parts.backlogs.of(id_, shard).position)

    def _queue_bytes(self) -> Iterable[Sample]:
        for id_ in self._parts.view().subscriptions:
            yield (id_,), sum(delivery.feed.size for delivery in self._parts.manager.deliveries(id_).values())

    def _letters(self, count: Callable[[int], int]) -> Iterable[Sample]:
        return [((id_,), count(id_)) for id_ in self._parts.view().subscriptions]

    def _oldest_parked_age(self) -> Iterable[Sample]:
        return [((id_,), self._parked_age_s(id_)) for id_ in self._parts.view().subscriptions]

    def _parked_age_s(self, subscription_id: int) -> float:
        oldest_us = self._parts.letters.oldest_parked_us(subscription_id)
        return 0.0 if oldest_us is None else max(0.0, (self._parts.clock.now_us() - oldest_us) / 1e6)

    def _fetches(self, count: Callable[[int], float]) -> Iterable[Sample]:
        """By provider, of those that announce datasets."""
        return [
            ((provider.id,), count(fetcher_id(provider.id)))
            for provider in self._parts.view().providers.values()
            if provider.protocol == damoov.PROTOCOL.name
        ]

    def _fetches_oldest_age(self) -> Iterable[Sample]:
        return self._fetches(self._parked_age_s)

    def _circuits(self) -> Iterable[Sample]:
        """Only of destinations that something is delivered to: of others nothing is known."""
        for id_ in self._parts.view().destinations:
            for endpoint, gate in self._parts.manager.gates(id_).items():
                yield (id_, endpoint), _CIRCUIT[gate.state]

    def _receivers(self) -> Iterable[Sample]:
        failing = {about for kind, about in self._parts.alerts.open if kind in get_args(ReceiverAlertKind)}
        return [
            ((provider.id,), fetcher_id(provider.id) in failing)
            for provider in self._parts.view().providers.values()
            if provider.receiver is not None
        ]

    def _alerts(self) -> Iterable[Sample]:
        counts = collections.Counter(kind for kind, _ in self._parts.alerts.open)
        return [
            ((kind,), counts[kind])
            for kind in (*get_args(AlertKind), *get_args(HubAlertKind), *get_args(ReceiverAlertKind))
        ]

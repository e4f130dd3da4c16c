"""The parts of a running hub as this package asks them. The service fills it in; nobody here changes anything."""

from collections.abc import Callable, Mapping, Set
from typing import Protocol

import msgspec

from postroad.access.confirmed import Confirmation
from postroad.clock import Clock
from postroad.delivery.attempts import AttemptRecorder
from postroad.delivery.backlog import Backlogs
from postroad.delivery.delivery import AlertKind, HubAlertKind, ShardAlertKind
from postroad.delivery.letter_figures import LetterFigures
from postroad.delivery.manager import DeliveryManager
from postroad.delivery.pressure import Pressure
from postroad.delivery.tasks import TaskRunner
from postroad.ingest.intake import Intake
from postroad.ingest.queues.keeper import ReceiverAlertKind
from postroad.log.sqlite import SqliteLog
from postroad.metrics.counts import Counts
from postroad.registry.records import RegistryView
from postroad.routing.router import Router


class OpenAlerts(Protocol):
    """The book of alerts."""

    @property
    def open(self) -> Set[tuple[AlertKind | ShardAlertKind | HubAlertKind | ReceiverAlertKind, int]]:
        """What is open now: kind and subscription."""


class HubParts(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at."""

    clock: Clock
    counts: Counts
    logs: Mapping[int, SqliteLog]
    routers: Mapping[int, Router]
    intake: Intake
    manager: DeliveryManager
    backlogs: Backlogs
    letters: LetterFigures
    pressure: Mapping[int, Pressure]
    """By shard, once it was measured."""
    attempts: AttemptRecorder
    alerts: OpenAlerts
    tasks: TaskRunner
    view: Callable[[], RegistryView]
    confirmed: Confirmation
    """Whether the view is certain to be the newest, and so whether anything is sent."""
    broken: Callable[[], bool]
    """Whether a task of the hub's own has ended."""

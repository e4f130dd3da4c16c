"""Fetching what providers announce, put together from the hub's parts."""

import random

from postroad.alerts.book import AlertBook
from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.fetch.keeper import Fetchers, Surroundings
from postroad.ingest.intake import Intake
from postroad.metrics.counts import Counts
from postroad.service.folder import OpenFolder


def fetchers(
    opened: OpenFolder, egress: EgressClient, *, intake: Intake, alerts: AlertBook, counts: Counts, clock: Clock
) -> Fetchers:
    """For all providers and shards."""
    return Fetchers(
        Surroundings(
            logs=opened.logs,
            egress=egress,
            intake=intake,
            overseer=alerts,
            counts=counts,
            clock=clock,
            random=random.random,
        )
    )

"""The hub's HTTP entrances: a function for each protocol that is taken in, and the list of them."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from postroad.clock import Clock
from postroad.ingest.access_tokens import AccessTokens
from postroad.ingest.bulk import Around
from postroad.ingest.http import connected_cars_feeds, damoov, drivequant_services
from postroad.ingest.http.bulk import BulkEntrance, BulkFormat
from postroad.ingest.http.drivetech import DrivetechEntrance
from postroad.ingest.http.entrance import Entrance
from postroad.ingest.http.limits import RateLimit
from postroad.ingest.http.token_endpoint import TokenEndpoint
from postroad.ingest.intake import Intake
from postroad.metrics.counts import Counts
from postroad.protocols import SOURCES, drivequant
from postroad.registry.records import Provider, RegistryView
from postroad.routing.translation import Decoder
from postroad.settings import IngestSettings
from postroad.tracing.interface import Tracer


class ProviderSettings:
    """Each provider's decoding settings as its current revision has them: looked up with every request."""

    def __init__(self, decoder: Decoder) -> None:
        """``use`` must be called before the first request, after ``decoder`` uses the same view."""
        self._decoder = decoder
        self._settings: dict[int, Any] = {}

    def use(self, view: RegistryView) -> None:
        """Know this view's providers. Raises ``ConfigError`` for settings that a protocol does not take any more."""
        self._settings = {
            provider.id: self._decoder.settings(provider.id, provider.revision, provider.protocol)
            for provider in view.providers.values()
            if provider.protocol in SOURCES
        }

    def of(self, provider: Provider) -> Any:
        """A struct of the ``settings_type`` of the provider's protocol."""
        return self._settings[provider.id]


class EntranceParts(msgspec.Struct, frozen=True, kw_only=True):
    """What entrances are made of."""

    intake: Intake
    settings: IngestSettings
    settings_of: Callable[[Provider], Any]
    """See ``ProviderSettings.of``."""
    provider_rate: RateLimit | None
    """By provider, over all its entrances."""
    record_links: Around
    """Of what the account feed says of users and their cars."""
    deletions: Around
    """See ``postroad.service.deletions``."""
    withdrawals: Around
    """See ``postroad.service.withdrawals``."""
    access: AccessTokens
    view: Callable[[], RegistryView]
    clock: Clock
    counts: Counts
    tracer: Tracer | None


def _drivetech(parts: EntranceParts) -> list[Entrance]:
    return [
        DrivetechEntrance(
            parts.intake,
            clock=parts.clock,
            counts=parts.counts,
            body_limit_bytes=parts.settings.body_limit_bytes,
            retry_after_s=parts.settings.retry_after_s,
            settings_of=parts.settings_of,
            provider_rate=parts.provider_rate,
            tracer=parts.tracer,
        )
    ]


def _bulks(parts: EntranceParts, bulks: BulkFormat) -> Entrance:
    return BulkEntrance(
        parts.intake,
        bulks,
        clock=parts.clock,
        counts=parts.counts,
        body_limit_bytes=parts.settings.bulk_limit_bytes,
        max_items=parts.settings.bulk_limit_items,
        retry_after_s=parts.settings.retry_after_s,
        settings_of=parts.settings_of,
        provider_rate=parts.provider_rate,
        tracer=parts.tracer,
    )


def _connected_cars(parts: EntranceParts) -> list[Entrance]:
    return [_bulks(parts, connected_cars_feeds.STREAMS)]


def _connected_cars_legacy(parts: EntranceParts) -> list[Entrance]:
    account = msgspec.structs.replace(connected_cars_feeds.ACCOUNT, around=parts.record_links)
    return [_bulks(parts, account), _bulks(parts, connected_cars_feeds.CAR)]


def _drivequant(parts: EntranceParts) -> list[Entrance]:
    return [
        TokenEndpoint(parts.access, view=parts.view, protocols=[drivequant.PROTOCOL.name], counts=parts.counts),
        *(_bulks(parts, service) for service in drivequant_services.services(parts.access, parts.deletions)),
    ]


def _damoov(parts: EntranceParts) -> list[Entrance]:
    return [_bulks(parts, damoov.notifications(parts.withdrawals))]


BUILDERS: Sequence[Callable[[EntranceParts], Sequence[Entrance]]] = (
    _drivetech,
    _connected_cars,
    _connected_cars_legacy,
    _drivequant,
    _damoov,
)
"""One for each protocol that comes in by HTTP."""


def build_entrances(parts: EntranceParts) -> list[Entrance]:
    """Every entrance of the hub."""
    return [entrance for build in BUILDERS for entrance in build(parts)]

"""Puts health, readiness and metrics at their URLs, and looks after them while the hub runs."""

import json
import logging
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from postroad.api.export import Exporter
from postroad.api.health import Health, warnings
from postroad.api.parts import HubParts
from postroad.ingest.http.app import Page

PULSE_S = 1.0
LOOK_EVERY = 5
"""Pulses between two looks at what waits in the log for subscriptions that are not in memory."""

_log = logging.getLogger(__name__)


class Observation:
    """One for each hub: ``pages`` for its HTTP server, ``run`` as a task."""

    def __init__(self, parts: HubParts, *, metrics_for: Sequence[IPv4Network | IPv6Network]) -> None:
        """``metrics_for``: who may see names and figures; everybody may ask whether the hub is alive and ready."""
        self._parts = parts
        self._metrics_for = tuple(metrics_for)
        self._health = Health(parts)
        self._exporter = Exporter(parts)

    def pages(self) -> list[Page]:
        """The pages."""
        return [Page("/healthz", self._healthz), Page("/readyz", self._readyz), Page("/metrics", self._metrics)]

    async def run(self) -> None:
        """Look after what cannot be looked up at once, until cancelled."""
        clock, pulses = self._parts.clock, 0
        while True:
            asked_s = clock.monotonic_s()
            await clock.sleep(PULSE_S)
            self._exporter.loop_lag_s = max(0.0, clock.monotonic_s() - asked_s - PULSE_S)
            self._health.note_routing()
            pulses += 1
            if pulses % LOOK_EVERY == 0:
                try:
                    await self._parts.backlogs.look(self._parts.view())
                    await self._parts.letters.look()
                except Exception:  # noqa: BLE001 - a figure that cannot be had must never end the hub
                    _log.exception("The backlog of some subscriptions is not known")

    async def _healthz(self, _request: Request) -> Response:
        """The process lives and its event loop turns: else there is no answer. Restart it if there is none."""
        return _json(200, {"status": "alive"})

    async def _readyz(self, _request: Request) -> Response:
        """Whether to send requests here."""
        findings = await self._health.findings()
        ready = not any(found.reason for found in findings.values())
        checks = {
            name: {"ok": False, "reason": found.reason, "message": found.message} if found.reason else {"ok": True}
            for name, found in findings.items()
        }
        status = "ready" if ready else "not ready"
        return _json(200 if ready else 503, {"status": status, "checks": checks, "warnings": warnings(self._parts)})

    async def _metrics(self, request: Request) -> Response:
        if not self._allowed(request):
            return _json(403, {"status": "telemetry.allow_cidrs does not allow this address"})
        return Response(self._exporter.text(await self._health.findings()), media_type=CONTENT_TYPE_LATEST)

    def _allowed(self, request: Request) -> bool:
        if request.client is None:
            return False
        address = ip_address(request.client.host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._metrics_for)


def _json(status: int, value: Any) -> Response:
    return Response(json.dumps(value), status, media_type="application/json", headers={"cache-control": "no-store"})

"""Turns traces on, if the settings say so. OpenTelemetry is imported here and only then."""

from urllib.parse import urlsplit

from postroad.errors import ConfigError
from postroad.settings import TelemetrySettings
from postroad.tracing.interface import Tracer

_FIELD = "telemetry.otlp_endpoint"


def open_tracer(settings: TelemetrySettings) -> Tracer | None:
    """The hub's tracer, or ``None`` when traces are off. Raises ``ConfigError``."""
    endpoint = settings.otlp_endpoint
    if not endpoint:
        return None
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError("is not the URL of a collector, such as http://127.0.0.1:4318", field=_FIELD)
    try:
        from postroad.tracing.otel import OtelTracer
    except ImportError as exc:
        raise ConfigError(f"needs OpenTelemetry ({exc}); pip install 'postroad[otel]'", field=_FIELD) from exc
    return OtelTracer(endpoint, ratio=settings.trace_ratio)

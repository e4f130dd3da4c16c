"""The hub's settings: ``postroad.toml`` in the data folder, then ``POSTROAD_<SECTION>_<NAME>`` from the environment.

Every setting has a default that suits one small machine. Units stand in the names.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from postroad.errors import ConfigError

FILE_NAME = "postroad.toml"
_PREFIX = "POSTROAD_"

Positive = Annotated[int, Meta(ge=1)]
LivePageAccess = Literal["loopback", "on", "off"]
NotNegative = Annotated[int, Meta(ge=0)]


class HubSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the hub listens."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8480
    log_format: Annotated[
        Literal["auto", "text", "json"],
        Meta(
            description="Of the hub's own log: `text`, `json` (an object a line), or `auto`: text on a terminal only."
        ),
    ] = "auto"
    registry_url: Annotated[
        str, Meta(description="SQLAlchemy URL of the registry; empty: `registry.db` in the data folder.")
    ] = ""
    live_page: Annotated[
        LivePageAccess,
        Meta(description="Who is shown the page at `/`: `loopback`, browsers on this machine; `on`, everybody; `off`."),
    ] = "loopback"
    access_token_s: Annotated[
        Annotated[int, Meta(ge=60, le=86_400)],
        Meta(description="How long an access token of a service account is good, in seconds."),
    ] = 3600
    stop_within_s: Annotated[float, Meta(gt=0, description="How long a graceful stop may take, in seconds.")] = 10.0
    tls_cert_file: Annotated[
        str,
        Meta(description="PEM file of the hub's certificate and its chain, from the data folder; empty: plain HTTP."),
    ] = ""
    tls_key_file: Annotated[
        str, Meta(description="PEM file of the certificate's private key; empty: it is in `tls_cert_file`.")
    ] = ""


class IngestSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What entrances accept."""

    body_limit_bytes: Annotated[
        Positive, Meta(description="Largest request body, also after inflation; a larger one is answered 413.")
    ] = 64 * 1024
    bulk_limit_bytes: Annotated[
        Positive, Meta(description="The same for a bulk, where the protocol sends many items in one request.")
    ] = 16 * 1024 * 1024
    bulk_limit_items: Annotated[Positive, Meta(description="Most items of a bulk; one with more is answered 413.")] = (
        10_000
    )
    access_token_s: Annotated[
        Annotated[int, Meta(ge=60, le=30 * 86_400)],
        Meta(description="How long an access token of `/oauth/token` is good, in seconds."),
    ] = 3600
    queued_limit_bytes: Annotated[
        Positive, Meta(description="Bytes accepted and not yet durable; above it requests are answered 503.")
    ] = 64 * 1024 * 1024
    retry_after_s: Annotated[Positive, Meta(description="`Retry-After` of a 503, in seconds.")] = 5
    ahead_limit_s: Annotated[
        NotNegative,
        Meta(description="A report recorded further in the future than this is flagged; never last-known state."),
    ] = 300
    dedup_days: Annotated[Positive, Meta(description="How long a resend is recognised, in days.")] = 7
    dedup_max_keys: Annotated[
        Annotated[int, Meta(ge=2)],
        Meta(description="How many items are remembered for that at most; about 100 bytes of memory each."),
    ] = 1_000_000


class LimitsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What clients of the hub may take. Addresses are those of sockets; IPv6 counts by /64."""

    head_limit_bytes: Annotated[
        Annotated[int, Meta(ge=256)],
        Meta(description="Largest request line and headers; larger ones are answered 431."),
    ] = 16 * 1024
    head_limit_fields: Annotated[Positive, Meta(description="Most headers of a request; more are answered 431.")] = 100
    head_within_s: Annotated[
        float, Meta(gt=0, description="How long a request's head may take to arrive, in seconds; then 408.")
    ] = 15.0
    body_within_s: Annotated[
        float,
        Meta(gt=0, description="How long a body may take to arrive, or answers stay unread, in seconds; then 408."),
    ] = 30.0
    connections: Annotated[
        NotNegative, Meta(description="Open connections at once; one more is answered 503; 0: no limit.")
    ] = 10_000
    connections_per_address: Annotated[NotNegative, Meta(description="The same for one address; 0: no limit.")] = 0
    provider_requests_per_s: Annotated[
        float, Meta(ge=0, description="Requests a second of one provider, 503 above it; 0: no limit.")
    ] = 0.0
    address_requests_per_s: Annotated[
        float, Meta(ge=0, description="Requests a second of one address, whoever it says it is; 0: no limit.")
    ] = 0.0
    sign_ins_per_s: Annotated[
        float,
        Meta(ge=0, description="Times a second that service accounts of one address may sign in, 429 above; 0: any."),
    ] = 1.0
    graphql_requests_per_s: Annotated[
        float,
        Meta(
            ge=0,
            description="Requests a second at `/graphql` of one caller, or of one address that shows no valid token; "
            "429 above it; 0: no limit.",
        ),
    ] = 20.0
    rest_requests_per_s: Annotated[
        float,
        Meta(ge=0, description="The same at `/api/v1`."),
    ] = 20.0
    burst_s: Annotated[float, Meta(gt=0, description="How many seconds' worth of these requests may come at once.")] = (
        10.0
    )


class LogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The durable log."""

    retention_days: Annotated[
        float,
        Meta(
            gt=0,
            description="Age in days at which batches go that every subscription has settled; others stay longer.",
        ),
    ] = 7.0
    max_bytes: Annotated[
        Positive,
        Meta(
            description="Bytes of bodies, as stored, kept in a shard; above it the oldest go, settled or not. What a "
            "subscription loses by that is recorded as expired."
        ),
    ] = 10 * 1024**3
    reserve_bytes: Annotated[NotNegative, Meta(description="Free disk below which nothing more is accepted (503).")] = (
        256 * 1024**2
    )
    busy_timeout_ms: Annotated[
        NotNegative, Meta(description="How long a commit waits for a lock that somebody else holds, in milliseconds.")
    ] = 2000


class EgressSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outbound rules."""

    allow_cidrs: Annotated[
        tuple[str, ...],
        Meta(description="Private ranges that destinations may stand in, as CIDR; none by default."),
    ] = ()
    ca_file: Annotated[
        str, Meta(description="PEM file of certificate authorities trusted beside the system's; empty: none.")
    ] = ""


class DeliverySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all subscriptions share."""

    queue_bytes: Annotated[
        Positive, Meta(description="Events a subscription may hold in memory; beyond it, it reads the log by itself.")
    ] = 2 * 1024 * 1024
    registry_poll_ms: Annotated[
        Positive,
        Meta(
            description="How often a change of the registry is looked for, in milliseconds; never less often than four "
            "times in `registry_within_s`."
        ),
    ] = 500
    registry_within_s: Annotated[
        float,
        Meta(
            ge=0.1,
            description="How long deliveries go on without an answer of the registry, in seconds: access may have been "
            "taken away. Then nothing is sent, and no dataset given, until it answers again.",
        ),
    ] = 5.0


class ConsentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page on which owners share their vehicles with services."""

    url: Annotated[
        str,
        Meta(
            description="Where owners' browsers reach this hub, as `https://connect.example`, without a path; plain "
            "`http` only on this machine. Empty: there is no consent page."
        ),
    ] = ""
    unused_s: Annotated[
        Annotated[int, Meta(ge=300)], Meta(description="A session ends when it was not used for so long, in seconds.")
    ] = 1800
    session_s: Annotated[
        Annotated[int, Meta(ge=300)], Meta(description="A session ends so long after signing in at most, in seconds.")
    ] = 12 * 3600


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the hub tells of itself. `/healthz` and `/readyz` name nobody and answer everybody."""

    allow_cidrs: Annotated[
        tuple[str, ...],
        Meta(description="Who may read `/metrics`, by the address that connects, as CIDR; by default this machine."),
    ] = ("127.0.0.0/8", "::1/128")
    otlp_endpoint: Annotated[
        str,
        Meta(
            description="Base URL of an OpenTelemetry collector (OTLP/HTTP) that traces are sent to; empty: no traces."
        ),
    ] = ""
    trace_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Share of traces that are kept where the sender did not decide already.")
    ] = 1.0


class AuditSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The audit log: who changed what."""

    details_days: Annotated[
        float,
        Meta(
            ge=0,
            description="After so many days an entry of the audit log no longer says who did it, from where, and what "
            "was before and after; 0: it always does. The entry itself stays.",
        ),
    ] = 0.0


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings, by section."""

    hub: HubSettings = HubSettings()
    ingest: IngestSettings = IngestSettings()
    limits: LimitsSettings = LimitsSettings()
    log: LogSettings = LogSettings()
    egress: EgressSettings = EgressSettings()
    delivery: DeliverySettings = DeliverySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    audit: AuditSettings = AuditSettings()
    consent: ConsentSettings = ConsentSettings()


def load(folder: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the hub in ``folder``. Raises ``ConfigError`` that names the file or variable and the field."""
    path = folder / FILE_NAME
    values: dict[str, Any] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
            raise ConfigError(f"is not TOML: {exc}", file=str(path)) from exc
        except OSError as exc:
            raise ConfigError(f"cannot be read: {exc.strerror}", file=str(path)) from exc
    _convert(values, str(path))
    for section, name, text, variable in _from_environment(environ):
        values.setdefault(section, {})[name] = _parse(section, name, text, variable)
    return _convert(values, "the environment")


def _from_environment(environ: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    found = []
    for section in Settings.__struct_fields__:
        prefix = f"{_PREFIX}{section.upper()}_"
        for variable, text in environ.items():
            if variable.startswith(prefix):
                found.append((section, variable.removeprefix(prefix).lower(), text, variable))
    return found


def _parse(section: str, name: str, text: str, variable: str) -> Any:
    """Read a variable by the type of its field: lists are comma-separated, numbers may be text."""
    fields = {f.name: f for f in msgspec.structs.fields(getattr(Settings(), section))}
    if name not in fields:
        raise ConfigError(f"there is no setting {section}.{name}; known: {', '.join(fields)}", field=variable)
    raw: Any = [part.strip() for part in text.split(",") if part.strip()] if name == "allow_cidrs" else text
    try:
        return msgspec.convert(raw, fields[name].type, strict=False)
    except msgspec.ValidationError as exc:
        raise ConfigError(str(exc), field=variable) from exc


def _convert(values: Mapping[str, Any], source: str) -> Settings:
    try:
        return msgspec.convert(values, Settings)
    except msgspec.ValidationError as exc:
        raise ConfigError(str(exc).replace("`$.", "`"), file=source) from exc


def default_toml() -> str:
    """The text of a new ``postroad.toml``: every setting with its description, commented out at its default."""
    lines = ["# Postroad's settings. Each line shows a default; remove the # to change it.", ""]
    for section in msgspec.structs.fields(Settings):
        lines += [f"[{section.name}]"]
        for field in msgspec.structs.fields(section.default):
            lines += [f"# {_description(field.type)}", f"# {field.name} = {_toml(field.default)}", ""]
    return "\n".join(lines)


def _description(annotation: Any) -> str:
    while annotation is not None:
        for meta in getattr(annotation, "__metadata__", ()):
            if isinstance(meta, Meta) and meta.description:
                return meta.description
        annotation = getattr(annotation, "__origin__", None)
    return ""


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return str(value)

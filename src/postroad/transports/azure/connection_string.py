"""Connection strings of Service Bus and Event Hubs, as Azure's portal gives them to be pasted whole.

Source   Microsoft, "Get the connection string" of Service Bus and of Event Hubs:
         ``Endpoint=sb://<namespace>.servicebus.windows.net/;SharedAccessKeyName=<policy>;SharedAccessKey=<key>``, with
         ``;EntityPath=<entity>`` when the policy is an entity's own, and ``;UseDevelopmentEmulator=true`` for
         Microsoft's emulators, which speak without TLS.
"""

import re
from urllib.parse import urlsplit

import msgspec

_NAMES = {
    "endpoint": "endpoint",
    "sharedaccesskeyname": "key_name",
    "sharedaccesskey": "key",
    "entitypath": "entity_path",
    "usedevelopmentemulator": "emulator",
}
CLOUDS = (
    ".servicebus.windows.net",
    ".servicebus.usgovcloudapi.net",
    ".servicebus.chinacloudapi.cn",
)
"""How the names of namespaces end: Azure's own, the US government's, and 21Vianet's."""
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|localhost")
AMQPS_PORT = 5671
AMQP_PORT = 5672


class ConnectionString(msgspec.Struct, frozen=True, kw_only=True):
    """What one says. Its text is ``text``."""

    host: str
    port: int
    key_name: str
    key: str
    entity_path: str | None
    emulator: bool
    """Without TLS."""

    @property
    def text(self) -> str:
        """The same again, in the SDKs' spelling, without an entity."""
        host = f"{self.host}:{self.port}" if self.emulator else self.host
        ending = ";UseDevelopmentEmulator=true" if self.emulator else ""
        return f"Endpoint=sb://{host}/;SharedAccessKeyName={self.key_name};SharedAccessKey={self.key}{ending}"

    def __repr__(self) -> str:
        """Without the key."""
        return f"ConnectionString(host={self.host!r}, port={self.port}, key_name={self.key_name!r})"


def parse_connection_string(text: str) -> ConnectionString:
    """Read it. Raises ``ValueError``, which names the part and never quotes it."""
    parts: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.strip().strip('"').split(";"))):
        name, equals, value = part.partition("=")
        field = _NAMES.get(name.strip().lower())
        if not equals or field is None:
            raise ValueError("connection_string holds a part that is none of " + _SPELLED)
        if field in parts:
            raise ValueError("connection_string holds a part twice")
        parts[field] = value.strip()
    for field, name in (("endpoint", "Endpoint"), ("key_name", "SharedAccessKeyName"), ("key", "SharedAccessKey")):
        if not parts.get(field):
            raise ValueError(f"connection_string has no {name}")
    emulator = parts.get("emulator", "").lower() == "true"
    host, port = parse_endpoint(parts["endpoint"], emulator=emulator)
    return ConnectionString(
        host=host,
        port=port,
        key_name=parts["key_name"],
        key=parts["key"],
        entity_path=parts.get("entity_path"),
        emulator=emulator,
    )


_SPELLED = "Endpoint, SharedAccessKeyName, SharedAccessKey, EntityPath, UseDevelopmentEmulator"


def parse_endpoint(endpoint: str, *, emulator: bool = False) -> tuple[str, int]:
    """Host and port of a namespace's endpoint, ``sb://<namespace>.servicebus.windows.net/``. Raises ``ValueError``.

    Only a namespace of Azure's is let through, since the hub shows it a token; an emulator may be anywhere.
    """
    try:
        parsed = urlsplit(endpoint if "://" in endpoint else f"sb://{endpoint}")
        host, port = parsed.hostname or "", parsed.port
    except ValueError as exc:
        raise ValueError("the endpoint cannot be read") from exc
    if (
        parsed.scheme not in ("sb", "amqps")
        or parsed.path not in ("", "/")
        or parsed.username
        or not _HOST.fullmatch(host)
    ):
        raise ValueError("the endpoint is not of the form sb://<namespace>.servicebus.windows.net/")
    if emulator:
        return host, port or AMQP_PORT
    if not host.endswith(CLOUDS) or port not in (None, AMQPS_PORT):
        raise ValueError("the endpoint is no namespace of Azure's, such as sb://<namespace>.servicebus.windows.net/")
    return host, AMQPS_PORT

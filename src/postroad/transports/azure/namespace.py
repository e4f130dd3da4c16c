"""What every Service Bus and Event Hubs config holds: which namespace, by which key or identity, over which way."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from postroad.transports.auth import Secret
from postroad.transports.azure.connection_string import (
    AMQPS_PORT,
    ConnectionString,
    parse_connection_string,
    parse_endpoint,
)
from postroad.transports.azure.identity import ClientSecretIdentity, Identity

_Seconds = Annotated[float, Meta(gt=0, le=600)]
ENTITY = r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9_])?$"
"""The name of a queue, topic or event hub."""
ENVELOPE_BYTES = 4096
"""Of what a service counts as a message, kept free for what stands beside the body: ids, properties, a signature."""


class NamespaceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a ``config``: where and who. The names are the vendor's, in lower_snake_case."""

    connection_string: Annotated[
        Secret | None,
        Meta(description="As the portal shows it, pasted whole: `Endpoint=sb://...;SharedAccessKey=...`."),
    ] = None
    endpoint: Annotated[
        str | None,
        Meta(description="In its place: `sb://<namespace>.servicebus.windows.net/`, with a key or identity."),
    ] = None
    shared_access_key_name: Annotated[str | None, Meta(description="Name of the policy, with its key.")] = None
    shared_access_key: Annotated[Secret | None, Meta(description="Key of the policy.")] = None
    identity: Annotated[Identity | None, Meta(description="In place of a key: an identity of Microsoft Entra ID.")] = (
        None
    )
    custom_endpoint: Annotated[
        str | None,
        Meta(description="Where to connect to instead, `sb://<host>:<port>`: a private link, or a relay before it."),
    ] = None
    ca_file: Annotated[
        str | None, Meta(description="PEM file of certificate authorities to trust beside the system's.")
    ] = None
    timeout_s: Annotated[_Seconds, Meta(description="For one call and its answer, in seconds.")] = 30.0

    def __post_init__(self) -> None:
        """Exactly one way to say where and who; nothing that a service would only refuse later."""
        if (self.connection_string is None) == (self.endpoint is None):
            raise ValueError("give either connection_string or endpoint")
        keys = (self.shared_access_key_name, self.shared_access_key)
        if self.connection_string is not None and (keys != (None, None) or self.identity is not None):
            raise ValueError("connection_string holds the key; give no other key and no identity beside it")
        if self.connection_string is None:
            if (keys[0] is None) != (keys[1] is None):
                raise ValueError("shared_access_key_name and shared_access_key go together")
            if (keys[0] is None) == (self.identity is None):
                raise ValueError("give either shared_access_key_name and shared_access_key, or identity")
        if self.custom_endpoint is not None and self.key is not None and self.key.emulator:
            raise ValueError("custom_endpoint goes with no emulator: write its address into the connection string")
        _ = self.address

    @property
    def key(self) -> ConnectionString | None:
        """The namespace and its key, however they are written; ``None``: by ``identity``."""
        if self.connection_string is not None:
            return parse_connection_string(self.connection_string)
        if self.shared_access_key is None:
            return None
        host, port = parse_endpoint(str(self.endpoint))
        return ConnectionString(
            host=host,
            port=port,
            key_name=str(self.shared_access_key_name),
            key=self.shared_access_key,
            entity_path=None,
            emulator=False,
        )

    @property
    def host(self) -> str:
        """Of the namespace: what its tokens are made for."""
        return parse_endpoint(str(self.endpoint))[0] if self.key is None else self.key.host

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are connected to."""
        if self.custom_endpoint is not None:
            return _custom_address(self.custom_endpoint)
        return (self.host, AMQPS_PORT) if self.key is None else (self.key.host, self.key.port)

    @property
    def plain(self) -> bool:
        """Without TLS: an emulator."""
        return self.key is not None and self.key.emulator

    @property
    def entity_path(self) -> str | None:
        """The entity that the connection string names."""
        return None if self.key is None else self.key.entity_path

    def secrets(self) -> Iterator[str]:
        """What must not appear in a detail."""
        if self.key is not None:
            yield self.key.key
        if isinstance(self.identity, ClientSecretIdentity):
            yield self.identity.client_secret

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"{type(self).__name__}({self.host!r}, {self.address!r})"


def entity_of(named: str | None, config: NamespaceConfig, field: str) -> str:
    """The one entity that a config means, which it or its connection string may name. Raises ``ValueError``."""
    within = config.entity_path
    if named is None and within is None:
        raise ValueError(f"give {field}: the connection string names no EntityPath")
    if named is not None and within is not None and named != within:
        raise ValueError(f"{field} is another than the connection string's EntityPath")
    return str(named or within)


def _custom_address(text: str) -> tuple[str, int]:
    try:
        parsed = urlsplit(text)
        host, port = parsed.hostname, parsed.port
    except ValueError as exc:
        raise ValueError("custom_endpoint cannot be read") from exc
    if parsed.scheme not in ("sb", "amqps") or not host or parsed.path not in ("", "/") or parsed.username:
        raise ValueError("custom_endpoint is not of the form sb://<host>:<port>")
    return host, port or AMQPS_PORT

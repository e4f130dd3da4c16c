"""The way to a namespace: who may be connected to, and by which TLS. The sockets are the SDK's own.

The hub's egress checks an address where the socket is made; an AMQP SDK makes its sockets itself. So the addresses
behind the host are checked before each connection, by the same rules. In between a name could change: for a namespace
that is in the hands of Azure, for ``custom_endpoint`` in those of whoever holds that name, and TLS still has to fit.
"""

import ssl
from ipaddress import ip_address

from postroad.egress.client import EgressClient
from postroad.egress.dial import checked_addresses
from postroad.errors import EgressRefused
from postroad.transports.azure.namespace import NamespaceConfig


class Way:
    """To one namespace."""

    def __init__(self, config: NamespaceConfig, egress: EgressClient) -> None:
        """Raises ``ConfigError`` if ``ca_file`` cannot be used."""
        self.host, self.port = config.address
        self.egress = egress
        self._plain = config.plain
        self.context: ssl.SSLContext | None = None if config.plain else egress.context(config.ca_file)
        self.custom_endpoint = f"sb://{self.host}:{self.port}" if config.custom_endpoint is not None else None

    async def check(self) -> list[str]:
        """The addresses behind the host, all of them allowed. Raises ``EgressFailed('dns')`` or ``EgressRefused``."""
        addresses = await checked_addresses(self.egress.lookup, self.egress.allowed, self.host, self.port)
        if self._plain and not all(self._is_ours(address) for address in addresses):
            raise EgressRefused(
                "scheme", "without TLS only an emulator in a network of egress.allow_cidrs is spoken to"
            )
        return addresses

    def _is_ours(self, address: str) -> bool:
        return any(ip_address(address) in network for network in self.egress.allowed)

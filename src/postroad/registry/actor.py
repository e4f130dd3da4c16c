"""Who makes a change of the registry; ``postroad.registry.audit_log`` records it with what was done."""

from typing import Final, Literal

import msgspec

Origin = Literal["command_line", "rest", "graphql", "page", "provider", "hub"]
"""By which way somebody came: a command on the hub's machine, one of its interfaces, a provider's own message, or
nobody did: the hub by itself."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who changes the registry."""

    name: str
    """Which key, account, provider or user of the machine it was; personal, never a secret."""
    role: str | None = None
    """What ``postroad.access.principals.Role`` calls it; None: of no role, as who sits at the machine."""
    origin: Origin
    address: str | None = None
    """From where, as far as a request tells; personal."""


def of_provider(name: str) -> Actor:
    """A provider that says something by which the registry changes."""
    return Actor(name=f"provider {name}", role="provider", origin="provider")


HUB: Final = Actor(name="hub", origin="hub")
"""Nobody asked: the hub did it by itself."""

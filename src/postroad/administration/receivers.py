"""What the receivers of providers are doing: those that fetch, and those to which a service pushes."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from postroad.registry.alerts import about_provider
from postroad.registry.checkpoints import FAILING
from postroad.registry.records import Provider, Receiver
from postroad.registry.store import RegistryStore

_ALL = 1_000_000


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one stands. Instants are microseconds since 1970."""

    provider: Provider
    receiver: Receiver
    state: Literal["receiving", "failing"]
    """``receiving``: nothing is known to be wrong, whether or not there is anything to receive."""
    since_us: int | None
    """Since when it fails."""
    detail: str
    """What is wrong."""
    read_us: int | None
    """When it was last remembered how far a source was read, where the reader is who remembers."""


def standings(registry: RegistryStore, providers: Iterable[Provider]) -> list[Standing]:
    """Of those of the providers that have a receiver, in their order."""
    having = [(one, one.receiver) for one in providers if one.receiver is not None]
    about = frozenset(about_provider(provider.id) for provider, _ in having)
    failing = {one.about: one for one in registry.alerts(about=about, limit=_ALL) if one.kind == FAILING}
    read_us = registry.checkpoints_saved_us()
    found = []
    for provider, receiver in having:
        alert = failing.get(about_provider(provider.id))
        found.append(
            Standing(
                provider=provider,
                receiver=receiver,
                state="receiving" if alert is None else "failing",
                since_us=None if alert is None else alert.raised_us,
                detail="" if alert is None else alert.detail,
                read_us=read_us.get(provider.id),
            )
        )
    return found

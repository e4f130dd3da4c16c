"""The consent page, of the hub's parts."""

import os

from postroad.access.passwords import Passwords
from postroad.api.consent.guard import Guard
from postroad.api.consent.server import ConsentServer
from postroad.api.consent.sign_in import Lifetimes, Sessions, Throttle
from postroad.clock import Clock
from postroad.registry.store import RegistryStore
from postroad.service.following import RegistryFollower
from postroad.settings import ConsentSettings


def consent_server(
    registry: RegistryStore,
    *,
    following: RegistryFollower,
    settings: ConsentSettings,
    clock: Clock,
) -> ConsentServer | None:
    """The server; None where no consent page is wanted. Raises ``ConfigError``."""
    if not settings.url:
        return None
    lifetimes = Lifetimes(unused_s=settings.unused_s, session_s=settings.session_s)
    return ConsentServer(
        registry,
        guard=Guard(settings.url, random=os.urandom),
        sessions=Sessions(registry, Passwords(), lifetimes=lifetimes, clock=clock),
        throttle=Throttle(clock),
        refresh=following.refresh,
    )

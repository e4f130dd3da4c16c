"""Our side of providers' control planes: what runs against them, and what follows their admin events."""

import random
from collections.abc import Mapping

from postroad.clock import Clock
from postroad.egress.client import EgressClient
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service.declarable import catalogue
from postroad.service.folder import OpenFolder
from postroad.service.following import RegistryFollower
from postroad.service.inbound import NEW_SUBJECTS_SHARD
from postroad.upstream.connected_cars.admin import AdminFollower
from postroad.upstream.connected_cars.keeper import Surroundings, UpstreamKeeper
from postroad.upstream.connected_cars.vehicles import NewSubjects


def new_subjects() -> NewSubjects:
    """How vehicles and fleets are made that a control plane tells of."""
    return NewSubjects(NEW_SUBJECTS_SHARD, catalogue().issues)


def upstream_surroundings(registry: RegistryStore, keys: KeyRing, egress: EgressClient, clock: Clock) -> Surroundings:
    """What runs against control planes work with, in the hub and on the command line."""
    return Surroundings(registry, keys, egress, clock, random.random, new_subjects())


def upstream_keeper(
    opened: OpenFolder, egress: EgressClient, clock: Clock, following: RegistryFollower
) -> UpstreamKeeper:
    """Reconciles what providers' control planes have with what is declared."""
    given = upstream_surroundings(opened.registry, opened.keys, egress, clock)
    return UpstreamKeeper(given, view=lambda: following.view, refresh=following.refresh)


def admin_followers(
    opened: OpenFolder, clock: Clock, following: RegistryFollower, keeper: UpstreamKeeper
) -> Mapping[int, AdminFollower]:
    """One for each shard."""
    new = new_subjects()
    return {
        number: AdminFollower(
            log,
            opened.registry,
            view=lambda: following.view,
            refresh=following.refresh,
            changed=keeper.changed,
            new=new,
            clock=clock,
        )
        for number, log in opened.logs.items()
    }

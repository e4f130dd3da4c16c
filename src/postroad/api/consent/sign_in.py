"""Signing in, and staying so: passwords, sessions, and how often they may be tried.

Nothing tells whether there is somebody: an unknown login, a wrong password and an owner who may not sign in cost the
same and are answered the same, and a login that nobody has is throttled as any other.
"""

import hashlib
from threading import Lock
from typing import Final

import msgspec

from postroad.access.passwords import Passwords
from postroad.access.principals import actor_of, principal_of_owner
from postroad.clock import Clock
from postroad.ingest.http.limits import RateLimit
from postroad.registry import owner_sessions, vehicle_owners
from postroad.registry.store import RegistryStore
from postroad.registry.vehicle_owners import Owner

_S_US: Final = 1_000_000


class Throttle:
    """How often somebody may try to sign in, right or wrong; counted in memory.

    One address may try 20 times at once, and 6 times a minute; one login from there 5 times, and once a minute; one
    login from anywhere 30 times, and every 2 minutes. So nobody can shut somebody else out from one address alone.
    """

    def __init__(self, clock: Clock) -> None:
        self._one_at_a_time = Lock()  # sign-ins are looked at in several threads
        self._address = RateLimit(6 / 60, burst_s=200, clock=clock)
        self._login_there = RateLimit(1 / 60, burst_s=300, clock=clock)
        self._login = RateLimit(1 / 120, burst_s=3600, clock=clock)

    def take(self, login: str, address: str) -> int:
        """Try once, from what counts as one address: 0 if that is allowed, else in how many seconds it may be."""
        known = hashlib.sha256(vehicle_owners.normalised(login).encode("utf-8", "surrogatepass")).hexdigest()
        there = f"{address} {known}"
        with self._one_at_a_time:
            return self._address.take(address) or self._login_there.take(there) or self._login.take(known)


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long sessions last."""

    unused_s: int
    session_s: int


class Sessions:
    """Who is signed in. Every method blocks, and raises ``StoreUnavailable``."""

    def __init__(self, registry: RegistryStore, passwords: Passwords, *, lifetimes: Lifetimes, clock: Clock) -> None:
        self._registry = registry
        self._passwords = passwords
        self._lifetimes = lifetimes
        self._clock = clock

    def sign_in(self, login: str, password: str, *, token: str, instead_of: str, address: str | None) -> bool:
        """Whether that was right; then ``token`` stands for the owner, and ``instead_of`` for nobody any more."""
        with self._registry.reading() as connection:
            owner = vehicle_owners.find(connection, login)
        checked = self._passwords.check(password, None if owner is None else owner.password)
        if owner is None or not checked.right or owner.disabled:
            return False
        with self._by(owner, address).transaction() as under_way:
            now = vehicle_owners.by_id(under_way.connection, owner.id)
            if now is None or now.disabled or now.password != owner.password:
                return False  # it was changed while the password was checked
            if checked.renewed is not None:
                vehicle_owners.set_password(under_way, owner.id, checked.renewed, keep_sessions=True)
            owner_sessions.end(under_way, instead_of)
            owner_sessions.prune(under_way.connection, **self._ends(under_way.now_us))
            vehicle_owners.sign_in(under_way, owner, token)
        return True

    def sign_out(self, token: str, *, address: str | None) -> None:
        """The token stands for nobody any more."""
        owner = self.owner_of(token)
        if owner is not None:
            with self._by(owner, address).transaction() as under_way:
                vehicle_owners.sign_out(under_way, owner, token)

    def owner_of(self, token: str) -> Owner | None:
        """Who has signed in with this token; ``None``: nobody, or the session has ended."""
        now_us = self._clock.now_us()
        with self._registry.reading() as connection:
            found = owner_sessions.find(connection, token, **self._ends(now_us))
            owner = None if found is None else vehicle_owners.by_id(connection, found[0])
        if found is None or owner is None or owner.disabled:
            return None
        if now_us - found[1] > owner_sessions.NOTED_US:
            with self._registry.transaction() as under_way:
                owner_sessions.note_use(under_way, token)
        return owner

    def _by(self, owner: Owner, address: str | None) -> RegistryStore:
        return self._registry.acting(actor_of(principal_of_owner(owner), "page", address))

    def _ends(self, now_us: int) -> dict[str, int]:
        return {
            "unused_since_us": now_us - self._lifetimes.unused_s * _S_US,
            "begun_since_us": now_us - self._lifetimes.session_s * _S_US,
        }

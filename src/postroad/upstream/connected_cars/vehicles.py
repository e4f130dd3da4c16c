"""A provider's vehicles and fleets as the registry knows them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from postroad.errors import ConfigError
from postroad.model.identifiers import VIN, Issue
from postroad.protocols.connected_cars.read import FLEET, VEHICLE, identifier
from postroad.protocols.connected_cars.settings import ConnectedCarsSettings
from postroad.registry import consents, subjects
from postroad.registry.actor import of_provider
from postroad.registry.records import Provider
from postroad.registry.store import RegistryStore
from postroad.registry.transaction import Transaction
from postroad.upstream.connected_cars.client import ConsentingVehicle
from postroad.upstream.connected_cars.config import ConnectedCarsUpstream

MADE_AT_ONCE = 200
"""Vehicles in one transaction, so that a thousand new ones do not keep others from the registry."""


class NewSubjects(msgspec.Struct, frozen=True):
    """How the registry makes subjects that are new."""

    shard: int
    """Where what they say is kept."""
    issue: Sequence[Issue]
    """The identifiers that the hub issues to them."""


def settings_of(values: Any) -> ConnectedCarsSettings:
    """Decoding settings, as the registry has them."""
    return msgspec.convert(dict(values), ConnectedCarsSettings)


def vehicle(
    transaction: Transaction, provider: Provider, name: str, new: NewSubjects, *, vin: str | None
) -> int | None:
    """The vehicle that events call so; made known if it is new, unless the provider's vehicles are to be declared."""
    found = subjects.find(transaction.connection, provider.organization_id, VEHICLE, name)
    if found is not None or provider.unknown_vehicles != "create":
        return found
    names = {VEHICLE: name, **_good_vin(vin)}
    made = subjects.create_vehicle(transaction, provider.organization_id, names, shard=new.shard, issue=new.issue)
    return made.id


def take_over(
    registry: RegistryStore,
    provider: Provider,
    config: ConnectedCarsUpstream,
    consenting: Sequence[ConsentingVehicle],
    new: NewSubjects,
    *,
    asked_us: int,
) -> consents.Counted:
    """Have the registry know what a complete list of consenting vehicles says. Raises ``StoreUnavailable``.

    Vehicles that were on an earlier list, or in an event, and are not on this one have withdrawn access.
    ``asked_us`` is when asking began: what events said since counts more.
    """
    settings = settings_of(provider.settings)

    def named(number: int) -> str:
        return identifier(number, config.market, settings)

    registry = registry.acting(of_provider(provider.name))
    fleets: dict[int, str | None] = {}
    for start in range(0, len(consenting), MADE_AT_ONCE):
        with registry.transaction() as transaction:
            for one in consenting[start : start + MADE_AT_ONCE]:
                if config.wants(one.number, one.fleet_id):
                    known = vehicle(transaction, provider, named(one.number), new, vin=one.vin)
                else:  # it consents, so that nothing is withdrawn; but nobody asked for it
                    organization_id = provider.organization_id
                    known = subjects.find(transaction.connection, organization_id, VEHICLE, named(one.number))
                if known is not None:
                    fleets[known] = None if one.fleet_id is None else named(one.fleet_id)
    with registry.transaction() as transaction:
        return consents.listed(
            transaction,
            provider.id,
            provider.organization_id,
            fleets,
            namespace=FLEET,
            shard=new.shard,
            issue=new.issue,
            before_us=asked_us,
        )


def _good_vin(vin: str | None) -> dict[str, str]:
    """The VIN as an identifier; nothing if there is none, or none that can be one."""
    try:
        return {} if vin is None else subjects.normalised({VIN: vin})
    except ConfigError:
        return {}

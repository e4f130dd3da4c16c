"""Changes of accounts: who signed up, who left, and which vehicles they share.

The subject of the header is the account. A provider's identifiers say nothing to anybody else, and a provider's consent
is no consent to pass on: what is sent is said in the hub's own identifiers, and only what was reissued is sent.
"""

from collections.abc import Mapping

import msgspec

from postroad.model.header import Header


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person with an account. ``None`` is unknown, or not for the receiver to know."""

    identifier: str
    first_names: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    """E.164."""


class SharedVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that a user shares."""

    identifier: str
    vin: str | None = None
    make: str | None = None
    model: str | None = None
    model_year: str | None = None
    """As the source wrote it: nearly always four digits."""
    licence_plate: str | None = None


class _AccountChange(msgspec.Struct, frozen=True, kw_only=True):
    header: Header
    issued: bool = False
    """True: the identifiers are those that the hub issued to the receiver."""


class UserSignedUp(_AccountChange, frozen=True, kw_only=True, tag="user_signed_up"):
    """A user signed up, and shares these vehicles."""

    user: User
    vehicles: tuple[SharedVehicle, ...] = ()


class UserRemoved(_AccountChange, frozen=True, kw_only=True, tag="user_removed"):
    """A user is gone, and all that was shared with it."""

    user_identifier: str


class VehiclesShared(_AccountChange, frozen=True, kw_only=True, tag="vehicles_shared"):
    """A user shares further vehicles."""

    user_identifier: str
    vehicles: tuple[SharedVehicle, ...]


class VehicleUnshared(_AccountChange, frozen=True, kw_only=True, tag="vehicle_unshared"):
    """A user no longer shares a vehicle."""

    user_identifier: str
    vehicle_identifier: str


AccountChange = UserSignedUp | UserRemoved | VehiclesShared | VehicleUnshared


def reissue(change: AccountChange, user: str, vehicles: Mapping[str, str]) -> AccountChange | None:
    """The change in identifiers that the hub issued.

    Args:
        change: what a provider said.
        user: the identifier issued for the account.
        vehicles: a provider's identifier -> the one issued. A vehicle that is not in it is left out.

    Returns:
        The change to send, or None if nothing of it remains to be said.
    """
    match change:
        case UserSignedUp():
            named = msgspec.structs.replace(change.user, identifier=user)
            return msgspec.structs.replace(
                change, issued=True, user=named, vehicles=_reissued(change.vehicles, vehicles)
            )
        case UserRemoved():
            return msgspec.structs.replace(change, issued=True, user_identifier=user)
        case VehiclesShared():
            shared = _reissued(change.vehicles, vehicles)
            return (
                msgspec.structs.replace(change, issued=True, user_identifier=user, vehicles=shared) if shared else None
            )
        case VehicleUnshared():
            issued = vehicles.get(change.vehicle_identifier)
            if issued is None:
                return None
            return msgspec.structs.replace(change, issued=True, user_identifier=user, vehicle_identifier=issued)


def _reissued(shared: tuple[SharedVehicle, ...], issued: Mapping[str, str]) -> tuple[SharedVehicle, ...]:
    return tuple(
        msgspec.structs.replace(vehicle, identifier=issued[vehicle.identifier])
        for vehicle in shared
        if vehicle.identifier in issued
    )

"""Reads the hub's own items, and says them in the common language."""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from postroad.errors import WireError
from postroad.model import accounts, documents
from postroad.model.events import AccessChanged, Event, Header, Identifier, MembershipChanged
from postroad.protocols.base import Item
from postroad.protocols.postroad.trips import DriverDeleted, Trip, TripDeleted, document_of
from postroad.protocols.postroad.wire import (
    KINDS,
    AccessGrantedToFleet,
    AccessGrantedToVehicle,
    AccessRemovedFromFleet,
    AccessRemovedFromVehicle,
    UserRemoved,
    UserSignedUp,
    VehicleAddedToFleet,
    VehicleRemovedFromFleet,
    VehiclesShared,
    VehicleUnshared,
    Word,
    kind_of,
)

NAME: Final = "postroad"
SUBJECT: Final = "postroad.subject"
"""Namespace of the hub's own ids of subjects."""

_decode = msgspec.json.Decoder(Word).decode
encode = msgspec.json.Encoder().encode
"""A word's bytes; ``Postroad.read`` is the inverse."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """There is nothing to choose."""


class Postroad:
    """See ``SourceProtocol``."""

    name = NAME
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = Settings
    vehicle_namespaces: Collection[str] = ()

    def read(self, raw: bytes, settings: Settings, kind: int | None = None) -> Item:  # noqa: ARG002 - the seam has them
        """See ``SourceProtocol``. A word is never a repeat: the outbox sees to that."""
        try:
            raw.decode()
        except UnicodeDecodeError as exc:
            raise WireError("not_json") from exc
        try:
            word = _decode(raw)
        except msgspec.ValidationError as exc:
            raise WireError("invalid") from exc
        except (msgspec.DecodeError, RecursionError) as exc:
            raise WireError("not_json") from exc
        return Item(KINDS.index(kind_of(word)), word.at_us, False, SUBJECT, str(word.subject_id), b"", word)

    def events(self, item: Item, header: Header, settings: Settings) -> tuple[Event, ...]:  # noqa: ARG002 - as in read
        """See ``SourceProtocol``. Accounts and vehicles are named by the hub's own ids: not issued yet."""
        word: Word = item.wire
        match word:
            case AccessGrantedToVehicle():
                return (AccessChanged(header=header, of="vehicle", granted=True),)
            case AccessRemovedFromVehicle(left_fleet_id=fleet_id):
                gone = AccessChanged(header=header, of="vehicle", granted=False)
                return (gone,) if fleet_id is None else (gone, _moved(header, fleet_id, joined=False))
            case AccessGrantedToFleet() | AccessRemovedFromFleet():
                return (AccessChanged(header=header, of="fleet", granted=isinstance(word, AccessGrantedToFleet)),)
            case VehicleAddedToFleet() | VehicleRemovedFromFleet():
                return (_moved(header, word.fleet_id, joined=isinstance(word, VehicleAddedToFleet)),)
            case Trip() | TripDeleted():
                return (document_of(word, header),)
            case DriverDeleted():
                key = f"driver/{word.subject_id}"
                return (documents.DriverDeleted(header=header, key=key, revision=documents.FINAL),)
            case _:
                return (_account(word, header),)


def subscription_of(item: Item) -> int | None:
    """To whom an item is told; ``None``: to all that have its subject."""
    word: Word = item.wire
    return None if isinstance(word, Trip | TripDeleted | DriverDeleted) else word.subscription_id


def _moved(header: Header, fleet_id: int, *, joined: bool) -> Event:
    return MembershipChanged(header=header, joined=joined, fleet=Identifier(SUBJECT, str(fleet_id)))


def _account(word: UserSignedUp | UserRemoved | VehiclesShared | VehicleUnshared, header: Header) -> Event:
    user = str(word.subject_id)
    match word:
        case UserSignedUp():
            named = accounts.User(identifier=user)
            return accounts.UserSignedUp(header=header, user=named, vehicles=_vehicles(word.vehicle_ids))
        case UserRemoved():
            return accounts.UserRemoved(header=header, user_identifier=user)
        case VehiclesShared():
            return accounts.VehiclesShared(header=header, user_identifier=user, vehicles=_vehicles(word.vehicle_ids))
        case VehicleUnshared():
            vehicle = str(word.vehicle_id)
            return accounts.VehicleUnshared(header=header, user_identifier=user, vehicle_identifier=vehicle)


def _vehicles(ids: tuple[int, ...]) -> tuple[accounts.SharedVehicle, ...]:
    return tuple(accounts.SharedVehicle(identifier=str(id_)) for id_ in ids)


PROTOCOL = Postroad()

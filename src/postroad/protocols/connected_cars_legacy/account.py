"""The account feed: who signed up, who left, and which cars they connect. No message of it has a time.

Of what a struct holds, ids and ``vin`` need no scope. Absent and null are the same: not said.
"""

from typing import Annotated, ClassVar

import msgspec

from postroad.protocols.connected_cars_legacy.fields import Id, Scope, said

UserId = Annotated[Id, said("who the user is")]
CarId = Annotated[Id, said("which car")]


class Car(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A car that a user connects."""

    car_id: CarId
    vin: Annotated[str | None, said("vehicle identification number")] = None
    make: Annotated[str | None, said("make", scope="vehicle_make")] = None
    model: Annotated[str | None, said("model", scope="vehicle_model")] = None
    year: Annotated[
        int | str | None,
        said("model year: text by the vendor's table, a number in its samples", scope="vehicle_model"),
    ] = None
    license_plate: Annotated[str | None, said("licence plate", scope="vehicle_license_plate")] = None


class AccountMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", omit_defaults=True):
    """What every message of the account feed has."""

    scope: ClassVar[Scope | None] = None
    user_id: UserId


Cars = Annotated[tuple[Car, ...], said("the cars")]


class UserSignup(AccountMessage, frozen=True, kw_only=True, tag="user_signup"):
    """A user signed up, with cars."""

    first_name: Annotated[str | None, said("first names", scope="user_name")] = None
    last_name: Annotated[str | None, said("last name", scope="user_name")] = None
    email: Annotated[str | None, said("e-mail address", scope="user_email")] = None
    phone: Annotated[str | None, said("phone number, E.164", scope="user_phone")] = None
    cars: Cars = ()


class UserRemove(AccountMessage, frozen=True, kw_only=True, tag="user_remove"):
    """A user was removed."""


class CarAdd(AccountMessage, frozen=True, kw_only=True, tag="car_add"):
    """A user connected further cars."""

    cars: Cars


class CarRemove(AccountMessage, frozen=True, kw_only=True, tag="car_remove"):
    """A user disconnected a car."""

    car_id: CarId

"""From the common language to messages: what the protocol can honestly say, and no more.

A position that the device only repeats (no fix) is not sent: to a receiver it would be a fresh one. A turn without a
side has no word in the protocol, and a magnitude without a unit no number. The length of one spell of idling is not
``idle_time``, which is the sum of all since the ignition was turned on.
"""

from collections.abc import Iterator

from postroad.clock import from_us
from postroad.model.accounts import AccountChange, SharedVehicle, UserRemoved, UserSignedUp, VehiclesShared
from postroad.model.events import Event, HarshManoeuvre, Ignition, Refuelled, Report, TroubleCode
from postroad.protocols.base import Outgoing
from postroad.protocols.connected_cars_legacy.account import Car, CarAdd, CarRemove, UserRemove, UserSignup
from postroad.protocols.connected_cars_legacy.car import (
    CanOdometer,
    Dtc,
    IgnitionOff,
    IgnitionOn,
    Manoeuvre,
    Odometer,
    PositionMessage,
    Profiling,
    Refuel,
)
from postroad.protocols.connected_cars_legacy.encode import encode_message
from postroad.protocols.connected_cars_legacy.events import MANOEUVRES, READINGS
from postroad.protocols.connected_cars_legacy.messages import (
    SLOTS,
    STRUCTS,
    AnyAccountMessage,
    AnyCarMessage,
    Documented,
)
from postroad.protocols.connected_cars_legacy.options import Options

HARSH_FLOOR_G = 0.2
"""Harsh driving below this is not reported: the vendor's own rule."""

_SLOT = {struct: SLOTS[name] for name, struct in STRUCTS.items()}
_DIRECTION: dict[str, Manoeuvre] = {kind: direction for direction, kind in MANOEUVRES.items()}


def write(event: Event, *, car_id: str | None, options: Options) -> list[Outgoing]:
    """The messages that say what the event says, by ascending slot, at most one of each type. Pure.

    ``car_id`` is the hub's own id of the car, without which nothing is said of a report. A change of an
    account carries its ids itself: nothing is said of one whose ids the hub did not issue.
    """
    said: dict[int, Documented] = {}
    for message in _messages(event, car_id):
        said.setdefault(_SLOT[type(message)], message)
    bodies = ((slot, encode_message(said[slot], options)) for slot in sorted(said))
    return [Outgoing(slot, body) for slot, body in bodies if body is not None]


def _messages(event: Event, car_id: str | None) -> Iterator[Documented]:
    if isinstance(event, Report) and car_id is not None:
        yield from _of_report(event, car_id)
    elif isinstance(event, AccountChange) and event.issued:
        yield _of_account(event)


def _of_account(change: AccountChange) -> AnyAccountMessage:
    match change:
        case UserSignedUp(user=user):
            return UserSignup(
                user_id=user.identifier,
                first_name=user.first_names,
                last_name=user.last_name,
                email=user.email,
                phone=user.phone,
                cars=_cars(change.vehicles),
            )
        case UserRemoved():
            return UserRemove(user_id=change.user_identifier)
        case VehiclesShared():
            return CarAdd(user_id=change.user_identifier, cars=_cars(change.vehicles))
        case _:
            return CarRemove(user_id=change.user_identifier, car_id=change.vehicle_identifier)


def _cars(vehicles: tuple[SharedVehicle, ...]) -> tuple[Car, ...]:
    return tuple(
        Car(
            car_id=vehicle.identifier,
            vin=vehicle.vin,
            make=vehicle.make,
            model=vehicle.model,
            year=vehicle.model_year,
            license_plate=vehicle.licence_plate,
        )
        for vehicle in vehicles
    )


def _of_report(report: Report, car_id: str) -> Iterator[AnyCarMessage]:
    time = from_us(report.header.recorded_us)
    for occurrence in report.occurrences:
        match occurrence:
            case Ignition(on=on):
                yield (IgnitionOn if on else IgnitionOff)(car_id, time)
            case HarshManoeuvre(kind=kind, magnitude_g=g) if (
                kind in _DIRECTION and g is not None and g >= HARSH_FLOOR_G
            ):
                yield Profiling(car_id, time, g, _DIRECTION[kind])
            case TroubleCode(change="added" | "removed" as change, vendor=str(vendor)):
                yield Dtc(car_id, time, vendor, occurrence.code, change == "added", occurrence.meanings)
            case Refuelled(before_l=before, after_l=after, added_l=added):
                yield Refuel(car_id, time, before, after, added)
    other_odometer = Odometer if report.from_can else CanOdometer
    for struct, (_, signal) in READINGS.items():
        value = report.readings.get(signal)
        if isinstance(value, float | int) and struct is not other_odometer:
            yield struct(car_id, time, value)
    place = report.position
    if place is not None and place.fix is not False:
        yield PositionMessage(car_id, time, place.latitude_deg, place.longitude_deg, place.heading_deg, place.speed_kmh)

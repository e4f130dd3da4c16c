"""What of a message that was written earlier may be sent now: less may be authorised, and fewer cars be shared."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from postroad.protocols.base import Outgoing
from postroad.protocols.connected_cars_legacy.account import Car, CarAdd, UserSignup
from postroad.protocols.connected_cars_legacy.decode import decode_message
from postroad.protocols.connected_cars_legacy.encode import allowed, encode_message
from postroad.protocols.connected_cars_legacy.messages import SLOTS, STRUCTS
from postroad.protocols.connected_cars_legacy.options import Options
from postroad.protocols.scoped import Scopes, Unsent

_STRUCTS = {SLOTS[name]: struct for name, struct in STRUCTS.items()}


def within(
    event: Outgoing, *, options: Options, scopes: Scopes, vehicles: Callable[[], Mapping[str, Scopes]]
) -> Outgoing | Unsent:
    """See ``ScopedTarget``.

    A car is named as far as its own scopes and the account's go together. Adding no car says nothing and is not sent.
    A user has signed up also without any: later messages name that user.
    """
    struct = _STRUCTS[event.slot]
    needed = struct.scope
    if needed is not None and not (needed in options.scopes and (scopes is None or needed in scopes)):
        return "scope_ended"
    if struct is not UserSignup and struct is not CarAdd:
        return event
    message = decode_message(event.body)
    if not isinstance(message, UserSignup | CarAdd):
        return event
    cars = _shared(message.cars, vehicles())
    if isinstance(message, CarAdd) and not cars:
        return "access_ended"
    if scopes is not None:
        options = replace(options, scopes=options.scopes & scopes)
    body = encode_message(replace(message, cars=cars), options)
    if body is None:
        return "scope_ended"
    return event if body == event.body else replace(event, body=body)


def _shared(cars: tuple[Car, ...], vehicles: Mapping[str, Scopes]) -> tuple[Car, ...]:
    """The cars that may be named, each as far as it may."""
    named = ((car, vehicles[car.car_id]) for car in cars if car.car_id in vehicles)
    return tuple(car if scopes is None else allowed(car, scopes) for car, scopes in named)

"""Scopes in the words of the people whose data they open. What each gates: docs/protocols/connected-cars-legacy.md."""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from postroad.protocols.connected_cars_legacy.fields import SCOPES, Scope


class Words(NamedTuple):
    """A scope as the page offers it."""

    title: str
    detail: str


ABOUT_YOU: Final[Mapping[Scope, Words]] = {
    "user_name": Words("Your name", "First names and last name"),
    "user_email": Words("Your e-mail address", ""),
    "user_phone": Words("Your phone number", ""),
}
ABOUT_THE_VEHICLE: Final[Mapping[Scope, Words]] = {
    "vehicle_license_plate": Words("Licence plate", ""),
    "vehicle_make": Words("Make", "Who built it"),
    "vehicle_model": Words("Model", "And the model year"),
}
WHAT_IT_DOES: Final[Mapping[Scope, Words]] = {
    "vehicle_position": Words("Where it is", "Every position that it reports, with speed and direction"),
    "vehicle_ignition": Words("When it is started and stopped", "Ignition on and off"),
    "vehicle_odometer": Words("Odometer", "How far it has been driven in all"),
    "vehicle_fuel_level": Words("Fuel and battery", "Fuel level and refuelling; charge and warmth of a drive battery"),
    "vehicle_fuel_consumed": Words("Fuel consumed", "In all since its unit was fitted"),
    "vehicle_profiling": Words("How it is driven", "Hard acceleration, braking and turning"),
    "vehicle_idle_time": Words("Idling", "How long the engine runs while it stands"),
    "vehicle_dtc": Words("Trouble codes", "What its diagnosis reports"),
}
GROUPS: Final[Mapping[str, Mapping[Scope, Words]]] = {
    "About you": ABOUT_YOU,
    "About the vehicle": ABOUT_THE_VEHICLE,
    "What the vehicle does": WHAT_IT_DOES,
}
PERSONAL: Final = frozenset[str](ABOUT_YOU)
"""Of the owner, whichever vehicle is shared."""


def titles(scopes: Collection[str]) -> list[str]:
    """What the scopes are called, in the page's order."""
    return [words.title for group in GROUPS.values() for scope, words in group.items() if scope in scopes]


def known(scopes: Collection[str]) -> frozenset[str]:
    """Those of the scopes that the page has words for: what is not shown is not agreed to."""
    return frozenset(SCOPES).intersection(scopes)

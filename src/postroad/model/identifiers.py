"""How identifiers of vehicles are compared: two spellings of one vehicle must be equal.

Plates are written with and without spaces, dots and hyphens, in either case, by people and by machines; VINs too. No
pattern is demanded: plates of motorcycles, trailers and other countries differ. Ids of some protocols ignore case. Any
other namespace is compared as it is written.
"""

from typing import Final, Literal

import msgspec

PLATE: Final = "plate"
VIN: Final = "vin"
LEGACY_CAR_ID: Final = "connected_cars_legacy.car_id"
LEGACY_USER_ID: Final = "connected_cars_legacy.user_id"

CONNECTED_CARS_FLEET: Final = "connected_cars.fleet"

DRIVEQUANT_USER_ID: Final = "drivequant.user_id"

DAMOOV_DEVICE: Final = "damoov.device_token"
DAMOOV_USER_ID: Final = "damoov.user_id"
"""Issued to receivers, of drivers and vehicles alike."""

SubjectKind = Literal["vehicle", "fleet", "account", "driver"]
"""What a subject is."""


class Issue(msgspec.Struct, frozen=True):
    """A namespace in which the hub issues identifiers of its own, by which it speaks of subjects to receivers."""

    namespace: str
    of: SubjectKind
    """Every subject of this kind gets one."""
    text: bool = False
    """A random UUID; otherwise a number from 1 to 2^31-1."""


_CASELESS: Final = frozenset({LEGACY_CAR_ID, LEGACY_USER_ID, DAMOOV_DEVICE})

_KINDS: Final[dict[str, SubjectKind]] = {
    LEGACY_USER_ID: "account",
    CONNECTED_CARS_FLEET: "fleet",
    DRIVEQUANT_USER_ID: "driver",
    DAMOOV_DEVICE: "driver",
}

MAX_CHARS: Final = 64
"""Of a normalised identifier. Far above every real one; it keeps a hostile one out of indexes."""

_SEPARATORS: Final = " .-"


def normalise(namespace: str, value: str) -> str:
    """``value`` as it is stored and compared; possibly empty, when nothing but separators was there. Idempotent."""
    if namespace in _CASELESS:
        return value.lower()
    if namespace not in (PLATE, VIN):
        return value
    upper = value.upper()
    if upper.isascii() and upper.isalnum():  # nearly always
        return upper
    return "".join(char for char in upper if char.isprintable() and char not in _SEPARATORS)


def kind_of(namespace: str) -> SubjectKind:
    """What an identifier of this namespace names."""
    return _KINDS.get(namespace, "vehicle")

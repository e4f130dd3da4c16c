"""A body that came in by this protocol goes out by it with every fact kept, but what names people and customers.

Drivers and vehicles are named by what the hub issued, wherever in the body they stand. The sender's number of its
customer, API keys and the like are left out: they are between the sender and the hub. What the customer's app attached
(``metaData``) is left as it is.
"""

import re

import msgspec

_Members = dict[str, msgspec.Raw]

_MEMBERS = msgspec.json.Decoder(_Members)
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode

_DRIVER = frozenset({"userId", "driverId"})
_VEHICLE = "vehicleId"
_OF_ACCOUNT = (*_DRIVER, _VEHICLE)
"""All that is passed on of ``account``, which also holds the API key."""
_SECRET = re.compile("customerid|apikey|password|secret|token", re.IGNORECASE)
_AS_IT_IS = "metaData"

MAX_DEPTH = 16
"""Twice that of the deepest body that is known. What is nested deeper is left out: nobody has looked into it."""


class Names(msgspec.Struct, frozen=True):
    """What the hub issued."""

    driver: str | None
    vehicle: str | None


def relay(raw: bytes, names: Names, *, id_is_driver: bool = False) -> bytes:
    """The body in the hub's names. ``id_is_driver``: a member ``id`` of the root names the driver, too."""
    members = _members(_MEMBERS.decode(raw), names, 1)
    if id_is_driver and "id" in members:
        members["id"] = _named(names.driver)
    return _encode(members)


def _members(members: _Members, names: Names, depth: int) -> _Members:
    kept: _Members = {}
    for name, value in members.items():
        if name in _DRIVER:
            kept[name] = _named(names.driver)
        elif name == _VEHICLE:
            kept[name] = _named(names.vehicle)
        elif name == _AS_IT_IS:
            kept[name] = value
        elif name == "account":
            if _begins(value, b"{"):
                account = _MEMBERS.decode(value)
                kept[name] = _object({one: account[one] for one in _OF_ACCOUNT if one in account}, names, depth)
        elif not _SECRET.search(name):
            said = _value(value, names, depth)
            if said is not None:
                kept[name] = said
    return kept


def _value(value: msgspec.Raw, names: Names, depth: int) -> msgspec.Raw | None:
    """The value in the hub's names; ``None``: too deep."""
    if b"{" not in bytes(value):  # nearly always, arrays of a thousand numbers among it
        return value
    if depth >= MAX_DEPTH:
        return None
    if _begins(value, b"{"):
        return _object(_MEMBERS.decode(value), names, depth)
    if _begins(value, b"["):
        elements = [_value(one, names, depth + 1) for one in _ELEMENTS.decode(value)]
        return msgspec.Raw(_encode([one for one in elements if one is not None]))
    return value


def _object(members: _Members, names: Names, depth: int) -> msgspec.Raw:
    return msgspec.Raw(_encode(_members(members, names, depth + 1)))


def _named(name: str | None) -> msgspec.Raw:
    return msgspec.Raw(_encode(name))


def _begins(value: msgspec.Raw, mark: bytes) -> bool:
    return bytes(value)[:1] == mark

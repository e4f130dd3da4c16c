"""Messages of any documented type, made from the structs themselves."""

import datetime as dt
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import strategies as st

from postroad.clock import from_us, to_us
from postroad.protocols import connected_cars_legacy as legacy

LAST = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)
ids = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64)
text = st.none() | st.text(max_size=20)
SPECIAL = {
    "car_id": ids,
    "user_id": ids,
    "time": st.integers(0, to_us(LAST)).map(from_us),
    "year": st.none() | st.integers(1000, 9999) | st.text("01289/²٣", max_size=6),
    "description": st.dictionaries(st.text(max_size=8), text, max_size=3),
    **dict.fromkeys(("first_name", "last_name", "email", "phone", "vin", "make", "model", "license_plate"), text),
}
cars = st.builds(legacy.Car, **{field.name: SPECIAL[field.name] for field in legacy.facts(legacy.Car)})


def bounded(field: msgspec.inspect.Field) -> st.SearchStrategy:
    """What a field's own type allows."""
    kind = field.type
    while isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    if isinstance(kind, msgspec.inspect.UnionType):
        (number,) = [one for one in kind.types if isinstance(one, msgspec.inspect.FloatType)]
        return st.none() | st.floats(number.ge, number.le, allow_nan=False, allow_infinity=False)
    match kind:
        case msgspec.inspect.FloatType():
            return st.floats(kind.ge, kind.le, allow_nan=False, allow_infinity=False)
        case msgspec.inspect.LiteralType():
            return st.sampled_from(kind.values)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.StrType():
            return st.text(max_size=20)
        case msgspec.inspect.VarTupleType():
            return st.lists(cars, max_size=3).map(tuple)
    raise AssertionError(kind)


def of_struct(struct: type[msgspec.Struct]) -> st.SearchStrategy:
    given_fields = msgspec.inspect.type_info(struct).fields
    return st.builds(struct, **{f.name: SPECIAL[f.name] if f.name in SPECIAL else bounded(f) for f in given_fields})


@pytest.fixture(scope="session")
def messages() -> Callable[[type[msgspec.Struct]], st.SearchStrategy]:
    """Struct of a message -> a strategy for all that it can say."""
    return of_struct

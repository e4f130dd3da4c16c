"""What the hub answers, as values."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from postroad.client.errors import ApiError, NoAnswer

T = TypeVar("T")

_PROBLEM: Final = "application/problem+json"
_ETAG: Final = "_etag"


class Representation(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What the API shows of something."""

    @property
    def etag(self) -> str | None:
        """Which state of it this is, for ``if_match``; ``None`` of an item of a list, and of an answer to a POST."""
        return self.__dict__.get(_ETAG)


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Some items of a list, and where it goes on."""

    items: Sequence[T]
    next_cursor: str | None


class _Field(msgspec.Struct, frozen=True, kw_only=True):
    pointer: str
    detail: str


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    title: str
    detail: str
    errors: Sequence[_Field] = ()


def value_of(content: bytes, headers: Mapping[str, str], type_: type[T]) -> T:
    """The value of a good answer. Raises ``NoAnswer`` if it is none."""
    try:
        value = msgspec.json.decode(content, type=type_)
    except msgspec.MsgspecError as exc:
        raise NoAnswer(f"the answer is no {_name(type_)}: is this a hub of the client's edition?") from exc
    if isinstance(value, Representation) and (etag := headers.get("ETag")):
        value.__dict__[_ETAG] = etag
    return value


def problem_of(status: int, reason: str, headers: Mapping[str, str], content: bytes) -> ApiError:
    """What an answer that is not good says; one that is no hub's (a proxy's) says only its status."""
    after = headers.get("Retry-After", "")
    retry_after_s = float(after) if after.isascii() and after.isdigit() else None
    if headers.get("Content-Type", "").partition(";")[0].strip() == _PROBLEM:
        try:
            problem = msgspec.json.decode(content, type=_Problem)
        except msgspec.MsgspecError:
            pass  # says no more than its status
        else:
            return ApiError(
                status,
                kind=problem.type.rpartition("#")[2],
                title=problem.title,
                detail=problem.detail,
                errors=[(field.pointer, field.detail) for field in problem.errors],
                retry_after_s=retry_after_s,
            )
    return ApiError(status, title=reason or "not an answer of a hub", retry_after_s=retry_after_s)


def _name(type_: Any) -> str:
    return getattr(type_, "__name__", str(type_))

"""How a resource says what can be asked of it; read by the server, the OpenAPI document and the tests alike.

A handler is a plain function. Its name is the operation's id, its docstring the documentation, and its parameters say
what it takes: first the ``Call``; those named in the path, as ``int`` or ``str``; ``query`` and ``body``, structs, if
it has them; or ``text``, a body of whatever media type. It returns what is answered: a struct; ``Created``; or
``None``, for an answer without a body.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar, get_type_hints

import msgspec

from postroad.access.policy import Operation

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Manner = Literal["read", "change", "act"]
"""``read``: changes nothing. ``change``: one transaction of the registry, with the idempotency key's record in it.
``act``: may take long or talk to others, so it holds no transaction; what it changes, it changes by itself."""

MAX_BODY_BYTES: Final = 256 * 1024

_IN_PATH: Final = re.compile(r"\{(\w+)\}")


class Created(msgspec.Struct, frozen=True):
    """Of a handler: answer 201 with ``value``, which is new at ``location`` (a path below the API's)."""

    value: Any
    location: str


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of the API."""

    method: Method
    path: str
    """Below ``/api/v1``, with ``{names}``."""
    tag: str
    may: Operation
    """What the policy is asked for."""
    manner: Manner
    handler: Handler
    path_types: Mapping[str, type]
    query: type[msgspec.Struct] | None
    body: type[msgspec.Struct] | None
    answer: type[msgspec.Struct] | None
    """``None``: it answers without a body."""
    takes_text: bool
    """Its handler takes the body as a text, ``text``, whatever its media type."""
    current: Handler | None
    """Gives the representation that a change replaces, for conditions (``If-Match``)."""
    media_types: Sequence[str]
    """Of its body, if it has one."""
    max_body_bytes: int

    @property
    def id(self) -> str:
        """The operation's id."""
        return self.handler.__name__

    @property
    def creates(self) -> bool:
        """Whether it may answer 201."""
        return self.manner == "change" and self.method in ("PUT", "POST") and self.answer is not None

    @property
    def pattern(self) -> re.Pattern[str]:
        """What paths of it look like."""
        return re.compile(_IN_PATH.sub(r"(?P<\1>[^/]+)", self.path))

    def arguments(self, found: Mapping[str, str]) -> dict[str, int | str] | None:
        """The handler's path parameters; ``None`` if a text stands where a number belongs."""
        given: dict[str, int | str] = {}
        for name, text in found.items():
            if self.path_types[name] is int:
                if not (text.isascii() and text.isdigit() and len(text) <= 18):
                    return None
                given[name] = int(text)
            else:
                given[name] = text
        return given


class Resource:
    """A group of routes. Iterate over it for those that were declared."""

    def __init__(self, name: str, about: str) -> None:
        """``name`` is the tag of its operations, ``about`` a sentence on it."""
        self.name = name
        self.about = about
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        """In the order of declaration."""
        return iter(self._routes)

    def get(self, path: str, may: Operation) -> Callable[[H], H]:
        """Declare a handler that reads."""
        return self._declare("GET", path, may, "read")

    def put(self, path: str, may: Operation, *, current: Handler) -> Callable[[H], H]:
        """Declare one that creates or replaces what ``current`` gives."""
        return self._declare("PUT", path, may, "change", current=current)

    def patch(self, path: str, may: Operation, *, current: Handler) -> Callable[[H], H]:
        """Declare one that changes a part of what ``current`` gives."""
        return self._declare("PATCH", path, may, "change", current=current)

    def delete(self, path: str, may: Operation, *, current: Handler | None = None) -> Callable[[H], H]:
        """Declare one that removes what ``current`` gives."""
        return self._declare("DELETE", path, may, "change", current=current)

    def post(
        self,
        path: str,
        may: Operation,
        *,
        manner: Literal["change", "act"] = "change",
        media_types: Sequence[str] = ("application/json",),
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> Callable[[H], H]:
        """Declare one that creates, or that does something."""
        return self._declare("POST", path, may, manner, media_types=media_types, max_body_bytes=max_body_bytes)

    def _declare(
        self,
        method: Method,
        path: str,
        may: Operation,
        manner: Manner,
        *,
        current: Handler | None = None,
        media_types: Sequence[str] = ("application/json",),
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> Callable[[H], H]:
        def declare(handler: H) -> H:
            types = get_type_hints(handler)
            names = _IN_PATH.findall(path)
            taken = set(inspect.signature(handler).parameters) - {"call", "query", "body", "text"}
            if taken != set(names):
                raise TypeError(f"{handler.__name__} takes {sorted(taken)}, its path has {names}")
            self._routes.append(
                Route(
                    method=method,
                    path=path,
                    tag=self.name,
                    may=may,
                    manner=manner,
                    handler=handler,
                    path_types={name: types[name] for name in names},
                    query=types.get("query"),
                    body=types.get("body"),
                    answer=None if types["return"] is type(None) else _shown(types["return"]),
                    takes_text="text" in types,
                    current=current,
                    media_types=tuple(media_types),
                    max_body_bytes=max_body_bytes,
                )
            )
            return handler

        return declare


def _shown(returned: Any) -> Any:
    """The struct among what a handler may return."""
    members = [one for one in getattr(returned, "__args__", ()) if one is not Created]
    is_union = not hasattr(returned, "__struct_fields__") and members
    return members[0] if is_union and not _is_generic_struct(returned) else returned


def _is_generic_struct(type_: Any) -> bool:
    return hasattr(getattr(type_, "__origin__", None), "__struct_fields__")

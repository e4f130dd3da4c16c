"""What every PUT of something that is declared by its name does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from postroad.api.rest.routes import Created
from postroad.errors import ConfigError, NotFound
from postroad.registry.apply import Part, one_of

T = TypeVar("T")


def put(
    named: str,
    body: msgspec.Struct,
    *,
    among: Callable[[], Sequence[Part]],
    write: Callable[[Mapping[str, Any]], object],
    show: Callable[[Part], T],
    below: str,
) -> T | Created:
    """Create or replace what the path names, by the request's body.

    Args:
        named: its name, or its id if it is there already.
        body: the request's, with or without the name.
        among: reads what there is of its kind.
        write: puts it, given its body with its name.
        show: what is answered.
        below: the path to which its name is added.

    Raises:
        NotFound: There is none of this id.
        ConfigError: The body cannot be what it is to be, or has another name.
    """
    try:
        before = one_of(among(), named)
    except NotFound:
        if named.isdigit():
            raise
        before = None
    name = named if before is None else before.name
    wanted: dict[str, Any] = msgspec.to_builtins(body)
    if wanted.get("name", name) != name:
        raise ConfigError("a name cannot be changed: leave it out, or give that of the path", field="name")
    write({**wanted, "name": name})
    after = one_of(among(), name)
    return show(after) if before is not None else Created(show(after), f"{below}/{after.id}")

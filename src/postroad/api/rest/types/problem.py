"""How a request is answered that could not be carried out."""

from typing import Annotated

import msgspec
from msgspec import Meta


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the body that is wrong."""

    pointer: Annotated[str, Meta(description="Where it stands in the body: a JSON pointer (RFC 6901).")]
    detail: Annotated[str, Meta(description="What is wrong with it.")]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem, as RFC 9457 has it."""

    type: Annotated[str, Meta(description="Which kind of problem: the path of its documentation.")]
    title: Annotated[str, Meta(description="The kind in a few words; always the same for a type.")]
    status: Annotated[int, Meta(description="The answer's status.")]
    detail: Annotated[str, Meta(description="What happened here, for people.")]
    errors: Annotated[tuple[FieldProblem, ...], Meta(description="The fields of the body that are wrong.")] = ()

"""Problems, as RFC 9457 has them: a closed set of kinds, and for a body the fields that are wrong.

What somebody may not have and what does not exist are one problem, in the same bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from postroad.api.rest.pointers import pointer
from postroad.api.rest.types.problem import FieldProblem, Problem
from postroad.errors import ConfigError, Forbidden, NotFound, PostroadError, StoreUnavailable
from postroad.registry.apply import InUse
from postroad.registry.tasks import TaskUnfinished

MEDIA_TYPE: Final = "application/problem+json"
DOCUMENTED: Final = "/reference/errors/"
"""Where the documentation explains each kind; what ``type`` begins with."""


class Kind(msgspec.Struct, frozen=True):
    """A kind of problem."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The URI reference that identifies it."""
        return f"{DOCUMENTED}#{self.name}"


MALFORMED: Final = Kind("malformed-request", 400, "The request cannot be read")
UNAUTHENTICATED: Final = Kind("unauthenticated", 401, "The token is missing or not valid")
NOT_FOUND: Final = Kind("not-found", 404, "There is nothing here for you")
METHOD_NOT_ALLOWED: Final = Kind("method-not-allowed", 405, "This is not done here")
CONFLICT: Final = Kind("conflict", 409, "What there is does not allow it")
PRECONDITION_FAILED: Final = Kind("precondition-failed", 412, "It is not what you think it is")
TOO_LARGE: Final = Kind("body-too-large", 413, "The body is too large")
UNSUPPORTED_MEDIA_TYPE: Final = Kind("unsupported-media-type", 415, "The body is of another type")
INVALID: Final = Kind("invalid", 422, "What the body says cannot be")
KEY_REUSED: Final = Kind("idempotency-key-reused", 422, "This idempotency key was another request's")
TOO_MANY_REQUESTS: Final = Kind("too-many-requests", 429, "Too many requests")
INTERNAL: Final = Kind("internal", 500, "The hub failed")
UNAVAILABLE: Final = Kind("unavailable", 503, "Not now")

KINDS: Final[Sequence[Kind]] = (
    MALFORMED,
    UNAUTHENTICATED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    CONFLICT,
    PRECONDITION_FAILED,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID,
    KEY_REUSED,
    TOO_MANY_REQUESTS,
    INTERNAL,
    UNAVAILABLE,
)


class Refused(PostroadError):
    """A request is answered with a problem.

    Attributes:
        kind: which.
        errors: the fields that are wrong.
        headers: more headers of the answer.
    """

    def __init__(
        self, kind: Kind, detail: str, *, errors: Sequence[FieldProblem] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        """``detail`` is a sentence for people; it never quotes what is secret."""
        super().__init__(detail)
        self.kind = kind
        self.errors = tuple(errors)
        self.headers = headers or {}

    def encoded(self) -> bytes:
        """The answer's body."""
        return msgspec.json.encode(
            Problem(
                type=self.kind.type,
                title=self.kind.title,
                status=self.kind.status,
                detail=str(self),
                errors=self.errors,
            )
        )


def nothing_here() -> Refused:
    """Of what does not exist, and of what is somebody else's."""
    return Refused(NOT_FOUND, "It does not exist, or you have no access to it")


def not_now() -> Refused:
    """Of what may go well a little later."""
    return Refused(
        UNAVAILABLE, "This cannot be answered at the moment: try again in a second", headers={"Retry-After": "1"}
    )


def refusal(error: PostroadError, body: Any) -> Refused:
    """How an error is answered; ``body`` is what the request's fields are found in.

    Raises ``error`` again if it is none that a request may end with.
    """
    match error:
        case Refused():
            return error
        case NotFound() | Forbidden():
            return nothing_here()
        case TaskUnfinished() | InUse():
            return Refused(CONFLICT, error.message)
        case ConfigError():
            field, line = error.field, error.line
            wrong = [] if field is None else [FieldProblem(pointer=pointer(field, body), detail=error.message)]
            place = [] if line is None else [f"line {line}"]
            return Refused(
                INVALID, ": ".join([*place, *([] if field is None else [field]), error.message]), errors=wrong
            )
        case StoreUnavailable():
            return not_now()
    raise error

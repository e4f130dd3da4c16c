"""What goes wrong, as GraphQL answers it: a message for people, ``extensions.code`` for programs, and the HTTP status.

Nothing tells a thing of another tenant from one that does not exist: both are ``FORBIDDEN``, in the same bytes.
"""

import logging
from collections.abc import Sequence
from typing import Any, Literal

from graphql import GraphQLError

from postroad.errors import ConfigError, Forbidden, NotFound, StoreUnavailable

Code = Literal["UNAUTHENTICATED", "FORBIDDEN", "BAD_USER_INPUT", "NOT_FOUND", "INTERNAL"]

MAX_MESSAGE_CHARS = 500
"""Messages of graphql-core quote what was sent, however long that is."""
UNEXPECTED = "Something went wrong"
NOT_NOW = "It cannot be done now; try again later"
NOT_YOURS = "You have no access to one of those, or it does not exist"

_log = logging.getLogger(__name__)


class Refused(GraphQLError):
    """An operation, or a part of it, that is not carried out, and why."""

    def __init__(self, code: Code, message: str) -> None:
        """``message`` never quotes what somebody else has, nor a secret."""
        super().__init__(message, extensions={"code": code})


def forbidden() -> Refused:
    """Who asks may not have it, or it does not exist."""
    return Refused("FORBIDDEN", NOT_YOURS)


def bad_input(message: str) -> Refused:
    """What was asked makes no sense, whoever asks."""
    return Refused("BAD_USER_INPUT", message)


def shown(error: GraphQLError) -> dict[str, Any]:
    """An error of graphql-core as it is answered: nothing of an exception that was not meant to be seen."""
    code, message = _code_and_message(error)
    answered: dict[str, Any] = {"message": message[:MAX_MESSAGE_CHARS]}
    if error.locations:
        answered["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        answered["path"] = error.path
    answered["extensions"] = {"code": code}
    return answered


def status_of(errors: Sequence[GraphQLError]) -> int:
    """The HTTP status of an answer with these errors (the digest of the source's own server, "GraphQL access")."""
    if any(not error.path for error in errors):
        return 400  # nothing was carried out: what was sent is not a request that the schema knows
    if any(_code_and_message(error)[0] == "FORBIDDEN" for error in errors):
        return 403
    if any(_is_unavailable(error) for error in errors):
        return 503
    if any(_code_and_message(error)[0] == "INTERNAL" for error in errors):
        return 500
    return 200


def note_unexpected(errors: Sequence[GraphQLError]) -> None:
    """Log what is a defect of ours, with its traceback: the answer does not show it."""
    for error in errors:
        if _code_and_message(error)[0] == "INTERNAL" and not _is_unavailable(error):
            _log.error("A GraphQL field failed: %s", error.path, exc_info=error.original_error)


def _code_and_message(error: GraphQLError) -> tuple[Code, str]:
    match error.original_error:
        case None:
            return (error.extensions or {}).get("code", "BAD_USER_INPUT"), error.message
        case Refused() as refused:
            return (refused.extensions or {})["code"], refused.message
        case Forbidden():
            return "FORBIDDEN", NOT_YOURS
        case NotFound() as exc:
            return "NOT_FOUND", str(exc)
        case ConfigError() as exc:
            return "BAD_USER_INPUT", str(exc)
        case StoreUnavailable():
            return "INTERNAL", NOT_NOW
        case GraphQLError() as exc:
            return "BAD_USER_INPUT", exc.message
        case _:
            return "INTERNAL", UNEXPECTED


def _is_unavailable(error: GraphQLError) -> bool:
    return isinstance(error.original_error, StoreUnavailable)

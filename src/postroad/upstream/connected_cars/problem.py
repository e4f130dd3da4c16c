"""What can go wrong with a question to Connected Cars: a value, so that nobody forgets it."""

from typing import Literal

import msgspec

from postroad.egress.client import Answer
from postroad.transports.answers import excerpt, mask, retry_after_s

MAX_DETAIL_CHARS = 300

Kind = Literal[
    "forbidden_here",  # this hub's own outbound rules
    "unreachable",  # no complete answer came
    "throttled",  # 429
    "unavailable",  # 5xx
    "credentials",  # we could not sign in, or a fresh token was refused
    "refused",  # they understood, and did not do it; nothing of it was done
    "partial",  # an answer beside errors: not all there is
    "unreadable",  # not an answer to what was asked
]
_PASSING: frozenset[Kind] = frozenset({"unreachable", "throttled", "unavailable"})


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a question has no answer."""

    kind: Kind
    operation: str
    detail: str
    """For people: may quote what they answered, never a token or key."""
    status: int | None = None
    retry_after_s: float | None = None
    """They asked us to wait so long."""

    @property
    def passing(self) -> bool:
        """The same question may be answered a little later."""
        return self.kind in _PASSING

    def __str__(self) -> str:
        """A sentence."""
        status = "" if self.status is None else f" ({self.status})"
        return f"{self.operation}: {self.kind}{status}: {self.detail}"


def of_status(operation: str, answer: Answer, now_us: int, secrets: tuple[str, ...]) -> Problem | None:
    """What an answer's status says is wrong; None for a good one."""
    status = answer.status
    kind: Kind
    match status:
        case 200:
            return None
        case 401 | 403:
            kind = "credentials"
        case 429:
            kind = "throttled"
        case _ if status >= 500:
            kind = "unavailable"
        case _:
            kind = "refused"
    wait_s = retry_after_s(answer.headers.get("retry-after"), now_us)
    return Problem(kind=kind, operation=operation, detail=excerpt(answer, secrets), status=status, retry_after_s=wait_s)


def quoted(texts: list[str], secrets: tuple[str, ...]) -> str:
    """What they said, on one line, without secrets."""
    text = "; ".join("".join(char if char.isprintable() else " " for char in text) for text in texts)
    return mask(text, secrets, MAX_DETAIL_CHARS)

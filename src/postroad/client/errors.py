"""What a call of the client can end with. No message holds a token or what was sent."""

from collections.abc import Sequence


class ClientError(Exception):
    """The root: catch this to catch whatever the client raises on purpose."""


class NoAnswer(ClientError):
    """The hub was not reached, did not answer in time, or answered what cannot be read.

    Whether a change was made is not known. Ask again with the same ``idempotency_key``: then it is made once.
    """


class ApiError(ClientError):
    """The hub refused, with a problem (RFC 9457).

    Attributes:
        status: the answer's HTTP status.
        kind: which problem, as docs/reference/errors.md lists them: ``not-found``; empty: not a hub's answer.
        title: the kind in a few words.
        detail: what happened here, for people.
        errors: the fields of the body that are wrong, each as a JSON pointer (RFC 6901) and what is wrong.
        retry_after_s: how long to wait before asking again, if the hub said so.
    """

    def __init__(
        self,
        status: int,
        *,
        kind: str = "",
        title: str,
        detail: str = "",
        errors: Sequence[tuple[str, str]] = (),
        retry_after_s: float | None = None,
    ) -> None:
        """Build the sentence of what is known."""
        super().__init__(": ".join(part for part in (f"{status} {title}", detail) if part))
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s

    @property
    def pointers(self) -> list[str]:
        """Where the body is wrong."""
        return [pointer for pointer, _ in self.errors]

"""What ingest and delivery need of traces. When they are off, the ``Tracer`` is ``None`` and nothing is paid."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class RequestSpan(Protocol):
    """An accepted request, until its item is durable."""

    def stored(self, shard: int, position: int) -> None:
        """Its item has got this position. Never called for a repeat of a known item."""

    def end(self, failure: str | None) -> None:
        """It is answered; ``failure`` says why its item could not be kept."""


class AttemptSpan(Protocol):
    """One attempt to deliver a bulk."""

    headers: Mapping[str, str]
    """For the request, so that whoever takes it can go on with the trace."""

    def end(self, reason: str, status: int | None, *, failed: bool) -> None:
        """How it ended; ``status`` is HTTP's, where there was an answer."""


class Tracer(Protocol):
    """Makes spans. Everything but ``close`` is called on the event loop and returns at once."""

    def request(
        self,
        traceparent: bytes | None,
        *,
        protocol: str,
        provider: str,
        kind: str,
        received_us: int,
        request_id: str = "",
    ) -> RequestSpan:
        """An accepted request begins; ``traceparent`` as its sender gave it (W3C Trace Context), unchecked.

        ``request_id``: what its sender calls it, if anything.
        """

    def attempt(
        self,
        shard: int,
        positions: Sequence[int],
        *,
        subscription: str,
        destination: str,
        events: int,
        attempt: int,
    ) -> AttemptSpan:
        """An attempt begins to deliver what is at ``positions``, of which there is at least one; ``attempt`` from 1."""

    def close(self) -> None:
        """Hand over what is not exported yet; blocks, for some seconds at most."""

"""Sending by one of Azure's AMQP SDKs: what waits goes together, over one link that is opened anew when it fails.

An SDK's client keeps a link open and sends a batch as one message: all of it is taken, or none. So a batch that is
refused for what is in it is sent once more message by message, and only what is at fault fails. The SDKs' own retries
are off: when to try again is delivery's to say.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from postroad.clock import Clock
from postroad.egress.failures import EgressFailed
from postroad.errors import EgressRefused
from postroad.transports.answers import MAX_DETAIL_CHARS, mask
from postroad.transports.azure.calls import CLOSE_S, AmqpFailed, bounded, told
from postroad.transports.azure.namespace import NamespaceConfig
from postroad.transports.azure.way import Way
from postroad.transports.base import Delivered, Failed, Message, Outcome, Reason
from postroad.transports.gathering import Gathered
from postroad.transports.spec import Step, answer_step

MAX_BATCH_ITEMS: Final = 500
_FRAME_BYTES: Final = 256
OF_THE_MESSAGE: Final[frozenset[Reason]] = frozenset({"rejected", "too_large"})
"""Reasons that say nothing of the link, nor of other messages."""
_LINK_STAYS: Final[frozenset[Reason]] = OF_THE_MESSAGE | {"throttled"}


class Link(Protocol):
    """An SDK's client with a link that is open. What it raises is ``AmqpFailed``."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Return once the service has taken all of them. They have one key, or none."""

    async def close(self) -> None:
        """Let go."""


class AmqpTransport:
    """A ``Transport``."""

    def __init__(
        self,
        config: NamespaceConfig,
        way: Way,
        open_link: Callable[[], Coroutine[Any, Any, Link]],
        clock: Clock,
        *,
        max_bytes: int,
        tries_again: bool = False,
    ) -> None:
        """``open_link`` connects, shows its token and attaches; ``max_bytes`` are those of a batch.

        ``tries_again``: the SDK itself sends once more over a new link when the one that it kept is gone.
        """
        self._way = way
        self._open_link = open_link
        self._clock = clock
        self._tries_again = tries_again
        self._timeout_s = config.timeout_s
        self._secrets = tuple(config.secrets())
        self._link: Link | None = None
        self._gathered = Gathered(
            self._call,
            max_items=MAX_BATCH_ITEMS,
            max_bytes=max_bytes,
            size=_size,
        )

    async def send(self, message: Message) -> Outcome:
        """See ``Transport``."""
        if message.copy is not None:
            return Failed(
                reason="rejected", detail="its data is to be copied first, and the destination has no storage"
            )
        return await self._gathered.send(message)

    def endpoint(self, wire_type: str) -> str:  # noqa: ARG002  # one entity takes all
        """See ``Transport``."""
        return ""

    async def close(self) -> None:
        """See ``Transport``."""
        await self._gathered.close()
        await self._drop()

    async def probe(self, message: Message | None) -> tuple[Step, ...]:
        """See ``TransportSpec.probe``."""
        taken = [await self._step("addresses", self._addresses)]
        try:
            if taken[-1].ok:
                taken.append(await self._step("link", self._attach))
            if taken[-1].ok and message is not None:
                taken.append(await self._answer(message))
        finally:
            await self.close()
        return tuple(taken)

    # --- sending

    async def _call(self, messages: Sequence[Message]) -> list[Outcome]:
        """One group a key after the other; after a failure of the link nothing more is tried."""
        outcomes: dict[int, Outcome] = {}
        for numbers in _by_key(messages).values():
            outcome = await self._attempt([messages[number] for number in numbers])
            outcomes |= dict.fromkeys(numbers, outcome)
            if len(numbers) > 1 and isinstance(outcome, Failed) and outcome.reason in OF_THE_MESSAGE:
                for number in numbers:
                    outcome = outcomes[number] = await self._attempt([messages[number]])
                    if _is_of_the_link(outcome):
                        break
            if _is_of_the_link(outcome):
                return [outcomes.get(number, outcome) for number in range(len(messages))]
        return [outcomes[number] for number in range(len(messages))]

    async def _attempt(self, messages: Sequence[Message]) -> Outcome:
        """Try; and once more at once if a kept link turns out to be gone, as idle ones are, now and then."""
        kept = self._link is not None and not self._tries_again
        outcome = await self._try(messages)
        if kept and isinstance(outcome, Failed) and outcome.reason == "broken":
            return await self._try(messages)
        return outcome

    async def _try(self, messages: Sequence[Message]) -> Outcome:
        started = self._clock.monotonic_s()
        try:
            await bounded(self._send_over_link(messages), self._timeout_s)
        except (AmqpFailed, EgressFailed, EgressRefused, TimeoutError) as exc:
            reason, detail = told(exc)
            if reason not in _LINK_STAYS:
                await self._drop()
            return Failed(
                reason=reason,
                detail=mask(detail, self._secrets, MAX_DETAIL_CHARS),
                elapsed_s=self._clock.monotonic_s() - started,
            )
        except asyncio.CancelledError:
            await self._drop()  # what the SDK was in the middle of cannot be taken up again
            raise
        return Delivered(status=None, elapsed_s=self._clock.monotonic_s() - started)

    async def _send_over_link(self, messages: Sequence[Message]) -> None:
        await (await self._opened()).send(messages)

    async def _opened(self) -> Link:
        if self._link is None:
            await self._way.check()
            try:
                self._link = await self._open_link()
            except AmqpFailed as exc:
                if exc.reason in OF_THE_MESSAGE:  # of none: an entity that is not there is nobody's fault but its own
                    raise AmqpFailed("unexpected", str(exc)) from exc
                raise
        return self._link

    async def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            with contextlib.suppress(AmqpFailed, TimeoutError):
                await bounded(link.close(), CLOSE_S)

    # --- trying it out

    async def _addresses(self) -> str:
        return f"{self._way.host}:{self._way.port} at {', '.join(await self._way.check())}"

    async def _attach(self) -> str:
        await bounded(self._opened(), self._timeout_s)
        return "open: the service knows the key or identity, and the entity"

    async def _answer(self, message: Message) -> Step:
        return answer_step(await self.send(message))

    async def _step(self, name: str, step: Callable[[], Awaitable[str]]) -> Step:
        try:
            return Step(name=name, ok=True, detail=await step())
        except (AmqpFailed, EgressFailed, EgressRefused, TimeoutError) as exc:
            reason, detail = told(exc)
            return Step(name=name, ok=False, detail=mask(f"{reason}: {detail}", self._secrets, MAX_DETAIL_CHARS))


def _is_of_the_link(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and outcome.reason not in OF_THE_MESSAGE


def _size(message: Message) -> int:
    """About what it takes in a batch, in bytes: a batch that does not fit after all goes message by message."""
    headers = sum(len(name) + len(value) for name, value in message.headers.items())
    return len(message.body) + headers + len(message.request_id) + _FRAME_BYTES


def _by_key(messages: Sequence[Message]) -> dict[str | None, list[int]]:
    """Key -> which of them have it, in order: a session's or a partition's batch holds nothing else."""
    numbers: dict[str | None, list[int]] = {}
    for number, message in enumerate(messages):
        numbers.setdefault(message.key, []).append(number)
    return numbers

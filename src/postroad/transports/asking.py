"""Asking a service for messages, round after round, with growing waits while that fails."""

from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from postroad.transports.backoff import Backoff
from postroad.transports.receiving import ReceiverMeans

BACKOFF: Final = Backoff(first_s=1.0, cap_s=60.0)


async def keep_asking(ask: Callable[[], Awaitable[str | None]], means: ReceiverMeans) -> NoReturn:
    """Until cancelled. ``ask`` says ``""`` if all is well, what is wrong with the service, or ``None`` if it is we."""
    failures = 0
    while True:
        wrong = await ask()
        if wrong == "":
            failures = 0
            continue
        failures += 1
        if wrong is not None:
            means.tell(wrong)
        await means.clock.sleep(BACKOFF.wait_s(failures, means.random))

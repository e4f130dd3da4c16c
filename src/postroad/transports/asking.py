"""What receivers have in common: they ask again and again, and wait longer and longer while that, or keeping, fails."""

from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from postroad.transports.backoff import Backoff
from postroad.transports.receiving import Received, ReceiverMeans, Take, Verdict

ASKING: Final = Backoff(first_s=1.0, cap_s=60.0)
LATER: Final = Backoff(first_s=0.5, cap_s=15.0)
"""How long a message that cannot be taken waits for the next time."""


async def keep_asking(ask: Callable[[], Awaitable[str | None]], means: ReceiverMeans) -> NoReturn:
    """Until cancelled. ``ask`` says what is wrong with the service, or ``None`` if all is well."""
    failures = 0
    while True:
        if (wrong := await ask()) is None:
            failures = 0
            continue
        failures += 1
        means.tell(wrong)
        await means.clock.sleep(ASKING.wait_s(failures, means.random))


async def taken(
    take: Take, received: Received, means: ReceiverMeans, hold: Callable[[], None] | None = None
) -> Verdict:
    """Have a message taken in, however long it takes: never ``later``. ``hold`` is called before the first wait.

    Given back in the meantime it would count as delivered once more, and services allow few before they give it up.
    """
    failures = 0
    while (verdict := await take(received)) == "later":
        if hold is not None and not failures:
            hold()
        failures += 1
        await means.clock.sleep(LATER.wait_s(failures, means.random))
    return verdict

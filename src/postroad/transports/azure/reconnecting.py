"""A receiver that connects again by itself, with growing waits, and tells what is wrong while it cannot."""

from collections.abc import Awaitable, Callable, Iterable

from postroad.egress.failures import EgressFailed
from postroad.errors import EgressRefused, StoreUnavailable
from postroad.transports.answers import MAX_DETAIL_CHARS, mask
from postroad.transports.azure.calls import AmqpFailed, told
from postroad.transports.backoff import Backoff
from postroad.transports.receiving import Received, ReceiverMeans, Take, Verdict

CONNECTING = Backoff(first_s=1.0, cap_s=60.0)
LATER = Backoff(first_s=0.5, cap_s=15.0)
"""How long a message that cannot be taken waits for the next time."""


async def keep_receiving(
    receive: Callable[[Callable[[], None]], Awaitable[None]], means: ReceiverMeans, secrets: Iterable[str]
) -> None:
    """Call ``receive`` again whenever it fails, until cancelled. It calls what it is given once all is well."""
    failures, hidden = 0, tuple(secrets)

    def is_well() -> None:
        nonlocal failures
        failures = 0
        means.tell(None)

    while True:
        try:
            await receive(is_well)
        except StoreUnavailable as exc:
            wrong = f"the registry is not available: {exc.reason}"
        except (AmqpFailed, EgressFailed, EgressRefused, TimeoutError) as exc:
            reason, detail = told(exc)
            wrong = mask(f"{reason}: {detail}", hidden, MAX_DETAIL_CHARS)
        else:
            wrong = "broken: the service closed the link"
        failures += 1
        means.tell(wrong)
        await means.clock.sleep(CONNECTING.wait_s(failures, means.random))


async def taken(
    take: Take, received: Received, means: ReceiverMeans, hold: Callable[[], None] | None = None
) -> Verdict:
    """Have a message taken in, however long it takes: never ``later``. ``hold`` is called before the first wait."""
    failures = 0
    while (verdict := await take(received)) == "later":
        if hold is not None and not failures:
            hold()
        failures += 1
        await means.clock.sleep(LATER.wait_s(failures, means.random))
    return verdict

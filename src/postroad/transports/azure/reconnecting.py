"""A receiver that connects again by itself, with growing waits, and tells what is wrong while it cannot."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

from postroad.egress.failures import EgressFailed
from postroad.errors import EgressRefused, StoreUnavailable
from postroad.transports.answers import MAX_DETAIL_CHARS, mask
from postroad.transports.asking import ASKING
from postroad.transports.azure.calls import CLOSE_S, AmqpFailed, bounded, told
from postroad.transports.azure.way import Way
from postroad.transports.receiving import ReceiverMeans

IsWell = Callable[[], None]


class Connection(Protocol):
    """What readers share, an SDK's client."""

    async def close(self) -> None:
        """Say goodbye. Raises ``AmqpFailed``."""


C = TypeVar("C", bound=Connection)


async def keep_receiving(
    way: Way,
    connect: Callable[[], C],
    read: Callable[[C, IsWell], Awaitable[None]],
    means: ReceiverMeans,
    secrets: Iterable[str],
) -> None:
    """Connect and ``read`` again whenever that fails, until cancelled. It calls what it is given once all is well."""
    failures, hidden = 0, tuple(secrets)

    def is_well() -> None:
        nonlocal failures
        failures = 0
        means.tell(None)

    while True:
        try:
            await _read(way, connect, lambda connection: read(connection, is_well))
        except StoreUnavailable as exc:
            wrong = f"the registry is not available: {exc.reason}"
        except (AmqpFailed, EgressFailed, EgressRefused, TimeoutError) as exc:
            reason, detail = told(exc)
            wrong = mask(f"{reason}: {detail}", hidden, MAX_DETAIL_CHARS)
        else:
            wrong = "broken: the service closed the link"
        failures += 1
        means.tell(wrong)
        await means.clock.sleep(ASKING.wait_s(failures, means.random))


async def _read(way: Way, connect: Callable[[], C], read: Callable[[C], Awaitable[None]]) -> None:
    """Over one connection, until it fails. Raises what failed first: readers share it, and one says it for all."""
    await way.check()
    failure: BaseException | None = None
    connection = connect()
    try:
        await read(connection)
    except* (AmqpFailed, EgressFailed, EgressRefused, StoreUnavailable) as failures:
        failure = failures.exceptions[0]
    finally:
        await bounded(connection.close(), CLOSE_S)
    if failure is not None:
        raise failure

"""The seam of protocols whose events are whole records: what an event does not say is filled from earlier reports.

Most protocols say of an event what it says and need nothing of this. One that does is a ``FillingTarget``: it names the
signals that it fills, and is given with each event what was ``Known`` of the vehicle. It never invents: what is not
known is named in ``Outgoing.incomplete``. ``docs/decisions/0018-drivetech-records.md`` has the rule and its reasons.
"""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from postroad.model.events import Event
from postroad.protocols.base import Addressing, Outgoing, TargetProtocol


class Known(Protocol):
    """What was known of one vehicle as of one item of the log."""

    def before(self, signal: str, recorded_us: int) -> Iterator[tuple[int, Any]]:
        """(When it was recorded, value) of a signal, the newest first: none newer than the instant, none too old."""


class _Nothing:
    def before(self, signal: str, recorded_us: int) -> Iterator[tuple[int, Any]]:  # noqa: ARG002 - see ``Known``
        return iter(())


NOTHING: Known = _Nothing()
"""Of a vehicle that was never heard of."""


@runtime_checkable
class FillingTarget(TargetProtocol, Protocol):
    """A target that fills."""

    fills: frozenset[str]
    """The signals it may ask for, as ``postroad.model.levels`` names them."""

    def max_fill_age_us(self, options: Any) -> int:
        """How old a value may be to fill an event, from when it was recorded, and from when it was stored."""

    def write(
        self, event: Event, *, to: Addressing, position: int, options: Any, known: Known = NOTHING
    ) -> list[Outgoing]:
        """See ``TargetProtocol``. Which events there are does not depend on ``known``, only what they say."""

"""The seam of protocols whose messages need scopes, or name vehicles beside the subject that they are about.

What was written may wait for long, and less may be authorised when it is its turn. Most protocols say nothing of which
a part could be taken away; one that does is a ``ScopedTarget``, and is asked right before each attempt.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, runtime_checkable

from postroad.protocols.base import Outgoing, TargetProtocol

Scopes = frozenset[str] | None
"""What was authorised; ``None``: all that is requested."""

Unsent = Literal["access_ended", "scope_ended"]
"""Why nothing is left of an event, as a skip records it."""


@runtime_checkable
class ScopedTarget(TargetProtocol, Protocol):
    """A target whose events can be narrowed."""

    def within(
        self, event: Outgoing, *, options: Any, scopes: Scopes, vehicles: Callable[[], Mapping[str, Scopes]]
    ) -> Outgoing | Unsent:
        """What may be sent now of an event that ``write`` gave: the very same object, where that is all of it. Pure.

        Args:
            event: written by these options, or by those that the subscription had then.
            options: with what is requested now.
            scopes: authorised for the subject of the event.
            vehicles: those that the event may name, by the identifier issued, and what is authorised for each.
        """

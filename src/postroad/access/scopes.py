"""What of an event a subscription may be sent now, where its protocol has scopes or names other vehicles."""

from collections.abc import Callable, Mapping
from typing import Any

from postroad.access.streams import StreamIndex
from postroad.protocols.base import Outgoing, TargetProtocol
from postroad.protocols.scoped import ScopedTarget, Scopes, Unsent
from postroad.registry.records import RegistryView

Narrow = Callable[[int, Outgoing], Outgoing | Unsent]
"""(Subject, event) -> what of it may be sent right now; the very same event, if that is all of it."""


def narrowing(
    subscription_id: int,
    target: TargetProtocol,
    options: Any,
    *,
    streams: Callable[[], StreamIndex],
    view: Callable[[], RegistryView],
) -> Narrow | None:
    """For events of one subscription; ``None`` where none ever has to be narrowed.

    ``streams`` and ``view`` are asked each time; they are of the same moment.
    """
    return _Narrowing(subscription_id, target, options, streams, view) if isinstance(target, ScopedTarget) else None


class _Narrowing:
    def __init__(
        self,
        subscription_id: int,
        target: ScopedTarget,
        options: Any,
        streams: Callable[[], StreamIndex],
        view: Callable[[], RegistryView],
    ) -> None:
        self._subscription_id = subscription_id
        self._target = target
        self._options = options
        self._streams = streams
        self._view = view
        self._namespace = next((issue.namespace for issue in target.issues if issue.of == "vehicle"), "")
        self._vehicles: Mapping[str, Scopes] = {}
        self._looked_up_in: object = None
        """The edition of the streams that ``_vehicles`` are of."""

    def __call__(self, subject_id: int, event: Outgoing) -> Outgoing | Unsent:
        scopes = self._streams().scopes(self._subscription_id, subject_id)
        return self._target.within(event, options=self._options, scopes=scopes, vehicles=self._named)

    def _named(self) -> Mapping[str, Scopes]:
        """The vehicles that have an open stream: those that a message of something else may name."""
        streams, subjects = self._streams(), self._view().subjects
        if streams.edition is not self._looked_up_in:
            self._vehicles = {
                str(issued): streams.scopes(self._subscription_id, subject_id)
                for subject_id in streams.subjects(self._subscription_id)
                if streams.gives_still(self._subscription_id, subject_id)
                and (subject := subjects.get(subject_id)) is not None
                and (issued := subject.issued.get(self._namespace)) is not None
            }
            self._looked_up_in = streams.edition
        return self._vehicles

"""Which dead letters a task is about, as the registry keeps it (``Task.filter``)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from postroad.errors import ConfigError
from postroad.log.delivery import LetterFilter, LetterId
from postroad.protocols.base import position_and_slot


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Letters of one subscription."""

    subscription_id: int
    slots: frozenset[int] | None = None
    """The numbers of the wire types in its protocol; ``None``: all."""


class Meant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which letters: of one of the parts, and as every other field that is given says.

    The subscriptions are named one by one, so that it stays clear what was asked for when others are made later.
    """

    parts: tuple[Part, ...]
    subject_id: int | None = None
    since_us: int | None = None
    """Dead since then."""
    until_us: int | None = None
    """Dead before then."""
    reasons: frozenset[str] | None = None
    events: frozenset[int] | None = None
    """Ids of events, as customers get them (``postroad.protocols.base.outgoing_id``)."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Meant":
        """From the registry. Raises ``ConfigError`` unless ``stored`` made it."""
        try:
            return msgspec.convert(dict(stored), cls)
        except msgspec.ValidationError as exc:
            raise ConfigError("the task's filter is none that this version of Postroad reads") from exc

    def stored(self) -> dict[str, Any]:
        """For the registry."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    def filters(self, *, before_us: int | None = None) -> list[LetterFilter]:
        """What to ask a shard's store, a filter for each subscription; only those that died before ``before_us``."""
        until = [us for us in (self.until_us, before_us) if us is not None]
        ids = None if self.events is None else frozenset(LetterId(*position_and_slot(id_)) for id_ in self.events)
        return [
            LetterFilter(
                subscription_id=part.subscription_id,
                slots=part.slots,
                subject_id=self.subject_id,
                since_us=self.since_us,
                until_us=min(until) if until else None,
                reasons=self.reasons,
                ids=ids,
            )
            for part in self.parts
        ]

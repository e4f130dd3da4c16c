"""The options by which commands say which dead letters they mean."""

from collections.abc import Callable, Iterator
from typing import Any

import click
import msgspec

from postroad.cli.instants import Instant
from postroad.delivery.meant import Meant, Part
from postroad.errors import ConfigError, NotFound
from postroad.log.delivery import LetterFilter, LetterId
from postroad.model.identifiers import PLATE, normalise
from postroad.protocols import TARGETS
from postroad.protocols.base import SLOT_BITS
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.store import RegistryStore

_OPTIONS = (
    click.option("--subscription", "subscriptions", multiple=True, help="Of this subscription, or any of several."),
    click.option("--type", "types", multiple=True, help="Of this wire type (gps_position), or any of several."),
    click.option("--subject", type=int, help="About the subject with this number, as `list --json` shows it."),
    click.option("--vehicle", metavar="PLATE", help="About the vehicle with this plate."),
    click.option("--since", "since_us", type=Instant(), help="Given up since then: 2026-07-02T14:00:00Z, or 2h ago."),
    click.option("--until", "until_us", type=Instant(), help="Given up before then."),
    click.option("--reason", "reasons", multiple=True, help="Given up for this reason, or any of several."),
    click.option("--id", "events", type=int, multiple=True, help="The event with this id, as the customer gets it."),
)  # fmt: skip


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was given on the command line."""

    subscriptions: tuple[str, ...]
    types: tuple[str, ...]
    subject: int | None
    vehicle: str | None
    since_us: int | None
    until_us: int | None
    reasons: tuple[str, ...]
    events: tuple[int, ...]

    @property
    def everything(self) -> bool:
        """Nothing was given."""
        return not (self.subscriptions or self.types or self.reasons or self.events) and all(
            given is None for given in (self.subject, self.vehicle, self.since_us, self.until_us)
        )


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; it gets what ``Asked`` takes as keywords."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def meant_of(asked: Asked, registry: RegistryStore, view: RegistryView) -> Meant:
    """Which letters that is.

    Raises:
        NotFound: There is no such subscription or vehicle.
        ConfigError: No protocol has such a type, or the name is of several.
    """
    if asked.subscriptions:
        ids = {registry.subscription_id(name) for name in asked.subscriptions}
        chosen = [s for s in view.subscriptions.values() if s.id in ids]
    else:
        chosen = list(view.subscriptions.values())
    return Meant(
        parts=tuple(_parts(chosen, frozenset(asked.types))),
        subject_id=_vehicle(asked.vehicle, view) if asked.vehicle is not None else asked.subject,
        since_us=asked.since_us,
        until_us=asked.until_us,
        reasons=frozenset(asked.reasons) or None,
        events=frozenset(asked.events) or None,
    )


def type_of(subscription: Subscription, slot: int) -> str:
    """The wire type with this number; the number, when this version of Postroad does not know it."""
    slots = TARGETS[subscription.protocol].slots if subscription.protocol in TARGETS else {}
    return next((name for name, number in slots.items() if number == slot), str(slot))


def letters_at(subscription_id: int, position: int) -> LetterFilter:
    """Dead letters of the item at this position."""
    return LetterFilter(
        subscription_id=subscription_id, ids=frozenset(LetterId(position, slot) for slot in range(1 << SLOT_BITS))
    )


def _parts(chosen: list[Subscription], types: frozenset[str]) -> Iterator[Part]:
    if not types:
        yield from (Part(s.id) for s in chosen)
        return
    known = {name for target in TARGETS.values() for name in target.slots}
    if unknown := sorted(types - known):
        raise ConfigError(f"there is no wire type {unknown[0]!r}; known: {', '.join(sorted(known))}")
    for subscription in chosen:
        slots = TARGETS[subscription.protocol].slots if subscription.protocol in TARGETS else {}
        if numbers := frozenset(number for name, number in slots.items() if name in types):
            yield Part(subscription.id, numbers)


def _vehicle(plate: str, view: RegistryView) -> int:
    value = normalise(PLATE, plate)
    found = {s for (_, space, known), s in view.identifiers.items() if (space, known) == (PLATE, value)}
    if not found:
        raise NotFound(f"no vehicle has the plate {plate!r}")
    if len(found) > 1:
        raise ConfigError(f"several organizations have a vehicle {plate!r}; use --subject: {sorted(found)}")
    return found.pop()

"""The options by which commands say which dead letters they mean."""

from collections.abc import Callable
from typing import Any

import click
import msgspec

from postroad.administration import dead_letters
from postroad.cli.instants import Instant
from postroad.delivery.meant import Meant
from postroad.registry.records import RegistryView
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
    chosen = list(view.subscriptions.values())
    if asked.subscriptions:
        ids = {registry.subscription_id(name) for name in asked.subscriptions}
        chosen = [subscription for subscription in chosen if subscription.id in ids]
    wanted = dead_letters.Wanted(
        types=frozenset(asked.types),
        subject_id=asked.subject,
        vehicle=asked.vehicle,
        since_us=asked.since_us,
        until_us=asked.until_us,
        reasons=frozenset(asked.reasons),
        events=frozenset(asked.events),
    )
    return dead_letters.meant(wanted, chosen, view)

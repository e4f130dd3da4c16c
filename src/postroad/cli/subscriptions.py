"""``postroad subscriptions``: how each stands; try, pause or resume one, change its signing secret."""

import asyncio
import time
from pathlib import Path
from typing import Any, Literal

import click

from postroad.administration.subscriptions import Standing, standing
from postroad.cli.durations import Duration
from postroad.cli.folder import folder_option, readers_of, registry_of, settings_of
from postroad.cli.output import age, console, json_option, marked, messages, print_json, print_table, when
from postroad.clock import SystemClock
from postroad.delivery.trial import Trial, tried
from postroad.errors import NotFound
from postroad.layout import KEY_FILE
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.secrets import KeyRing
from postroad.service import egress_of


@click.group("subscriptions", short_help="See how they stand; try, pause, resume.")
def group() -> None:
    """See how subscriptions stand; try, pause or resume one; change its signing secret."""


@group.command("list")
@folder_option
@json_option
def list_subscriptions(folder: Path, as_json: bool) -> None:
    """List subscriptions, the age of the oldest undelivered item first: that is the figure to watch."""
    with registry_of(folder) as registry, readers_of(folder) as shards:
        view = registry.view()
        rows = [_row(standing(registry, view, shards, one)) for one in view.subscriptions.values()]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["oldest undelivered", "subscription", "state", "protocol", "parked", "dead", "last delivered", "last failure"],
        [
            [
                age(row["oldest_undelivered_age_s"]),
                row["subscription"],
                _state(row),
                row["protocol"],
                row["parked"],
                row["dead"],
                row["last_delivered"],
                _failure(row["last_failure"]),
            ]
            for row in rows
        ],
        empty="No subscriptions yet. Declare them in a file and: postroad apply FILE",
    )


def _state(row: dict[str, Any]) -> str:
    return f"{row['state']}: {row['paused_reason']}" if row["paused_reason"] else str(row["state"])


def _failure(failure: dict[str, Any] | None) -> str:
    if failure is None:
        return ""
    return f"{failure['at']} attempt {failure['attempt']}: {failure['reason']} {failure['status'] or ''}".rstrip()


def _row(one: Standing) -> dict[str, Any]:
    subscription, oldest_us, failed = one.subscription, one.oldest_undelivered_us, one.last_failure
    return {
        "subscription": subscription.name,
        "state": subscription.state,
        "paused_reason": subscription.paused_reason,
        "paused": when(subscription.paused_us) or None,
        "protocol": subscription.protocol,
        "oldest_undelivered_age_s": None if oldest_us is None else max(0.0, time.time() - oldest_us / 1e6),
        "parked": one.parked,
        "dead": one.dead,
        "last_delivered": when(one.last_delivered_us) or None,
        "last_failure": None
        if failed is None
        else {
            "at": when(failed.last_at_us),
            "attempt": failed.attempt,
            "reason": failed.reason,
            "status": failed.status,
            "detail": failed.detail,
        },
    }


@group.command("test")
@click.argument("name")
@folder_option
@json_option
def test(name: str, folder: Path, as_json: bool) -> None:
    """Try the destination of subscription NAME, step by step. Nothing of the log is sent.

    By a protocol that sends in bulks an empty bulk is sent at the end; by others nothing is.
    """
    settings = settings_of(folder)
    with registry_of(folder) as registry:
        view = registry.view()
    subscription = _named(view, name)
    destination = view.destinations[subscription.destination_id]
    keys = KeyRing.load(folder / KEY_FILE)

    async def probe() -> Trial:
        egress = egress_of(settings, SystemClock())
        try:
            return await tried(subscription, destination, keys, egress, SystemClock())
        finally:
            await egress.close()

    trial = asyncio.run(probe())
    steps = trial.steps
    if as_json:
        print_json([{"step": s.name, "ok": s.ok, "detail": s.detail, "warning": s.warning or None} for s in steps])
    else:
        for step in steps:
            console().print(marked(step.name, step.detail, ok=step.ok))
            if step.warning:
                console().print(f"     {step.warning}", style="yellow")
        if trial.ok and not trial.has_message:
            messages().print(
                f"Nothing was sent: {subscription.protocol} has no message without an event. "
                "Whether the endpoint accepts our credentials shows with the first event."
            )
    if not trial.ok:
        raise click.exceptions.Exit(1)


def _named(view: RegistryView, name: str) -> Subscription:
    found = [s for s in view.subscriptions.values() if s.name == name or str(s.id) == name]
    if not found:
        known = ", ".join(sorted(s.name for s in view.subscriptions.values())) or "none"
        raise NotFound(f"there is no subscription {name!r}; known: {known}")
    return found[0]


@group.command("pause")
@click.argument("name")
@folder_option
@json_option
def pause(name: str, folder: Path, as_json: bool) -> None:
    """Stop sending for subscription NAME. Its events are kept; resume goes on where it stopped."""
    _set(name, folder, "paused", as_json)


@group.command("resume")
@click.argument("name")
@folder_option
@json_option
def resume(name: str, folder: Path, as_json: bool) -> None:
    """Go on sending for subscription NAME, whoever paused it."""
    _set(name, folder, "active", as_json)


@group.command("rotate-secret")
@click.argument("name")
@click.option(
    "--overlap", "overlap_s", type=Duration(), default="24h", show_default=True,
    help="How long the secrets before it stay valid: 90s, 30m, 24h, 7d; 0 ends them now.",
)  # fmt: skip
@folder_option
@json_option
def rotate_secret(name: str, overlap_s: int, folder: Path, as_json: bool) -> None:
    """Make a new signing secret for subscription NAME. It is shown this once and stored sealed.

    Until the overlap is over, requests are signed with the secrets before it too.
    """
    with registry_of(folder) as registry:
        keys = KeyRing.load_or_create(folder / KEY_FILE)
        secret = registry.rotate_signing_secret(name, keys, overlap_us=overlap_s * 1_000_000)
    if as_json:
        print_json({"subscription": name, "secret": secret, "overlap_s": overlap_s})
        return
    console().print(secret)
    messages().print("Give it to the customer now: it cannot be shown again.")


def _set(name: str, folder: Path, state: Literal["active", "paused"], as_json: bool) -> None:
    with registry_of(folder) as registry:
        registry.set_subscription_state(name, state)
    if as_json:
        print_json({"subscription": name, "state": state})
        return
    messages().print(f"Subscription {name} is {state}. A running hub follows within half a second.")

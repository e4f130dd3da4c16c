"""``postroad subscriptions``: how each stands; try, pause or resume one, change its signing secret."""

import asyncio
import time
from pathlib import Path
from typing import Any, Literal

import click
import msgspec

from postroad.cli.durations import Duration
from postroad.cli.folder import folder_option, reader_of, registry_of, settings_of, shards_of
from postroad.cli.output import age, console, json_option, messages, print_json, print_table, when
from postroad.clock import SystemClock
from postroad.delivery.signing import Signer, signer_for
from postroad.errors import NotFound
from postroad.layout import KEY_FILE
from postroad.log.delivery import LetterCounts
from postroad.log.reader import ShardReader
from postroad.protocols import READABLE, TARGETS
from postroad.protocols.base import TargetProtocol
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.secrets import KeyRing, opened_config
from postroad.registry.store import RegistryStore
from postroad.routing.backlog import oldest_undelivered
from postroad.routing.translation import Decoder
from postroad.service import egress_of
from postroad.transports import TRANSPORTS, Step
from postroad.transports.base import Message


@click.group("subscriptions", short_help="See how they stand; try, pause, resume.")
def group() -> None:
    """See how subscriptions stand; try, pause or resume one; change its signing secret."""


@group.command("list")
@folder_option
@json_option
def list_subscriptions(folder: Path, as_json: bool) -> None:
    """List subscriptions, the age of the oldest undelivered item first: that is the figure to watch."""
    with registry_of(folder) as registry:
        view = registry.view()
        rows = [_row(registry, view, subscription, folder) for subscription in view.subscriptions.values()]
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


def _row(registry: RegistryStore, view: RegistryView, subscription: Subscription, folder: Path) -> dict[str, Any]:
    oldest_us: int | None = None
    parked = dead = 0
    for shard in shards_of(folder):
        with reader_of(folder, shard) as reader:
            received_us = _oldest_us(reader, subscription, view)
            letters = reader.letter_counts().get(subscription.id, LetterCounts(0, 0))
        parked, dead = parked + letters.parked, dead + letters.dead
        if received_us is not None:
            oldest_us = received_us if oldest_us is None else min(oldest_us, received_us)
    attempts = registry.attempts(subscription.id, limit=50)
    delivered = next((a for a in attempts if a.succeeded), None)
    newest = attempts[0] if attempts else None
    return {
        "subscription": subscription.name,
        "state": subscription.state,
        "paused_reason": subscription.paused_reason,
        "paused": when(subscription.paused_us) or None,
        "protocol": subscription.protocol,
        "oldest_undelivered_age_s": None if oldest_us is None else max(0.0, time.time() - oldest_us / 1e6),
        "parked": parked,
        "dead": dead,
        "last_delivered": when(delivered.last_at_us) if delivered else None,
        "last_failure": None
        if newest is None or newest.succeeded
        else {
            "at": when(newest.last_at_us),
            "attempt": newest.attempt,
            "reason": newest.reason,
            "status": newest.status,
            "detail": newest.detail,
        },
    }


def _oldest_us(reader: ShardReader, subscription: Subscription, view: RegistryView) -> int | None:
    cursor = reader.cursors().get(subscription.id)
    if cursor is None or subscription.protocol not in TARGETS:
        return None
    decoder = Decoder(READABLE)
    decoder.use(view)
    oldest = oldest_undelivered(reader.read, cursor.position, subscription, view=view, decoder=decoder, targets=TARGETS)
    return None if oldest is None else oldest.received_us


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
    spec = TRANSPORTS[destination.transport]
    keys = KeyRing.load(folder / KEY_FILE)
    config = msgspec.convert(opened_config(destination, keys), spec.config_type)
    target = TARGETS[subscription.protocol]
    message = _empty_bulk(target, signer_for(subscription, keys), keyed=spec.keyed(config))

    async def probe() -> tuple[Step, ...]:
        egress = egress_of(settings, SystemClock())
        try:
            return await spec.probe(config, egress, SystemClock(), message)
        finally:
            await egress.close()

    steps = asyncio.run(probe())
    if as_json:
        print_json([{"step": s.name, "ok": s.ok, "detail": s.detail, "warning": s.warning or None} for s in steps])
    else:
        for step in steps:
            console().print(f"{'[green]ok  [/]' if step.ok else '[red]FAIL[/]'} [bold]{step.name}[/]  {step.detail}")
            if step.warning:
                console().print(f"     [yellow]{step.warning}[/]")
        if message is None and all(step.ok for step in steps):
            messages().print(
                f"Nothing was sent: {subscription.protocol} has no message without an event. "
                "Whether the endpoint accepts our credentials shows with the first event."
            )
    if not all(step.ok for step in steps):
        raise click.exceptions.Exit(1)


def _empty_bulk(target: TargetProtocol, signer: Signer | None, *, keyed: bool) -> Message | None:
    """``None`` if the protocol has none: where each event goes by itself, nothing is no message."""
    if all(contract.item_ceiling == 1 for contract in target.contracts.values()):
        return None
    body, id_ = target.bulk([]), "postroad-test"
    signed = signer.headers(id_, body, SystemClock().now_us()) if signer is not None else None
    return Message(
        body=body,
        content_type=target.content_type,
        request_id=id_,
        headers=signed or {},
        key=id_ if keyed else None,  # nobody's: no subject waits behind it
    )


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
    console().print(secret, markup=False)
    messages().print("Give it to the customer now: it cannot be shown again.")


def _set(name: str, folder: Path, state: Literal["active", "paused"], as_json: bool) -> None:
    with registry_of(folder) as registry:
        registry.set_subscription_state(name, state)
    if as_json:
        print_json({"subscription": name, "state": state})
        return
    messages().print(f"Subscription {name} is {state}. A running hub follows within half a second.")

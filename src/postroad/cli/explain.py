"""``postroad explain``: the whole story of one item."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from postroad.cli.events import kind_of, sender_of
from postroad.cli.folder import folder_option, held, reader_of, registry_of
from postroad.cli.meant import letters_at, type_of
from postroad.cli.output import console, json_option, print_fields, print_json, when
from postroad.cli.quarantine import quarantine_told
from postroad.delivery.letter import INCOMPLETE
from postroad.errors import ConfigError, NotFound
from postroad.log.delivery import Cursor, Letter, Skip, skip_that_names
from postroad.log.interface import FLAG_AHEAD, FLAG_LATE, Batch
from postroad.log.reader import ShardReader
from postroad.log.tally import ALL_SLOTS
from postroad.protocols import READABLE, TARGETS
from postroad.protocols.base import outgoing_id, position_and_slot
from postroad.registry.attempts import Attempt
from postroad.registry.records import RegistryView, Subscription
from postroad.registry.store import RegistryStore
from postroad.routing.explain import Route, routes_of
from postroad.routing.translation import Decoder

WHY = {
    "unassigned": "not sent: no vehicle has this identifier yet",
    "no_stream": "not sent: the subscription has no stream of this vehicle",
    "before_stream": "not sent: the stream began after this item",
    "stream_ended": "not sent: the stream has ended",
    "nothing_to_say": "not sent: the protocol has no event for it, or the hub says it in its own words",
    "meant_for_another": "not sent: it is told to another subscription",
    "types_not_agreed": "not sent: the subscription did not ask for these types",
    "unreadable": "not sent: it cannot be read",
    "erased": "it was erased: that it was sent before can be seen in attempts and the erasure's receipt only",
}

WHY_SKIPPED = {
    "access_ended": "access had ended when it was its turn",
    "scope_ended": "what it says was not authorised any more when it was its turn",
    "expired": "it was given up unread: too old while nothing was delivered, or removed by retention",
    "too_old": "it was too old when it was its turn",
    "superseded": "a newer edition of the same document went out instead",
    "dropped": "it was a dead letter, and dropped",
    "erased": "it waited for its next attempt, or for a person, when its item was erased",
}


@click.command("explain", short_help="Tell the story of one event.")
@click.argument("event_id")
@folder_option
@json_option
def command(event_id: str, folder: Path, as_json: bool) -> None:
    """Tell the story of EVENT_ID: came in by whom, stored as what, routed where or why not, and each attempt.

    Also whether it waits for its next attempt, was given up, or was skipped, and why.

    EVENT_ID is the id of an event as a customer got it, or SHARD:POSITION as `postroad events tail` shows positions.
    """
    shard, position = _parse(event_id)
    with registry_of(folder) as registry, reader_of(folder, shard) as reader:
        story = _story(registry, reader, shard, position)
    if as_json:
        print_json(story)
    else:
        _print(story)


def _parse(event_id: str) -> tuple[int, int]:
    try:
        if ":" in event_id:
            shard, position = (int(part) for part in event_id.split(":"))
            return shard, position
        return 0, position_and_slot(int(event_id))[0]
    except ValueError as exc:
        raise ConfigError(
            f"{event_id!r} is no event id; give the id a customer got (a number), or SHARD:POSITION such as 0:123"
        ) from exc


def _story(registry: RegistryStore, reader: ShardReader, shard: int, position: int) -> dict[str, Any]:
    batch, index = _find(reader, shard, position)
    view = registry.view()
    decoder = Decoder(READABLE)
    decoder.use(view)
    cursors = reader.cursors()
    subject_id = batch.subjects[index]
    names = [f"{namespace} {value}" for (_, namespace, value), s in view.identifiers.items() if s == subject_id]
    raw = list(batch.items())[index]
    return {
        "shard": shard,
        "position": position,
        "came_in": {
            "protocol": batch.protocol,
            "provider": sender_of(view, batch),
            "kind": kind_of(batch, index),
            "received": when(batch.received_at_us(index)),
            "request_id": batch.request_id or None,
            "late": bool(batch.flags[index] & FLAG_LATE),
            "ahead": bool(batch.flags[index] & FLAG_AHEAD),
        },
        "stored": {
            "at": when(batch.stored_us),
            "subject": subject_id or None,
            "identifiers": names,
            "batch": batch.position,
            "index": index,
            "settings_revision": batch.revision,
            "body": raw.decode(errors="replace"),
        },
        "quarantine": quarantine_told(reader.quarantined_at(position)),
        "routes": [
            _route(route, registry, reader, shard, position, cursors.get(route.subscription_id), view)
            for route in routes_of(batch, index, view=view, decoder=decoder, targets=TARGETS)
        ],
    }


def _find(reader: ShardReader, shard: int, position: int) -> tuple[Batch, int]:
    batches = reader.read(position, max_bytes=1)
    if not batches or not batches[0].position <= position < batches[0].end:
        raise NotFound(f"shard {shard} holds no item at position {position}; it holds {held(reader.heads())}")
    return batches[0], position - batches[0].position


def _route(
    route: Route,
    registry: RegistryStore,
    reader: ShardReader,
    shard: int,
    position: int,
    cursor: Cursor | None,
    view: RegistryView,
) -> dict[str, Any]:
    id_ = route.subscription_id
    attempts = registry.attempts(id_, shard=shard, position=position, limit=20)
    dead = [one.letter for one in reader.dead(letters_at(id_, position))]
    letters = dead + [letter for letter in reader.parked(id_) if letter.position == position]
    skips = _skips(reader.skips(id_), position, route)
    if dead:
        state = "dead"
    elif letters:
        state = "parked"
    elif skips or (route.verdict != "routed" and not attempts):
        state = "skipped"
    elif cursor is not None and position < cursor.position:
        state = "delivered"
    else:
        state = "failing" if attempts and not attempts[0].succeeded else "pending"
    first = registry.attempts(id_, shard=shard, position=cursor.position, limit=1) if cursor else []
    return {
        "subscription": route.subscription,
        "verdict": route.verdict,
        "state": state,
        "behind": _behind(first[0]) if state == "pending" and first and not first[0].succeeded else None,
        "until": route.until_position,
        "types": route.events,
        "ids": route.ids,
        "attempts": [_attempt(attempt) for attempt in reversed(attempts)],
        "letters": [_letter(letter, view.subscriptions[id_]) for letter in letters],
        "skips": skips,
    }


def _skips(skips: Sequence[Skip], position: int, route: Route) -> list[str]:
    """Why events of the item were skipped. A stretch of all slots says nothing of an item that is not for it."""
    by_slot = [skip for skip in skips if skip.slots != ALL_SLOTS and skip.first <= position < skip.end]
    named = [skip_that_names(skips, *position_and_slot(event_id)) for event_id in route.ids]
    return list(dict.fromkeys(skip.reason for skip in [*by_slot, *named] if skip is not None))


def _letter(letter: Letter, subscription: Subscription) -> dict[str, Any]:
    return {
        "id": outgoing_id(letter.position, letter.slot),
        "type": type_of(subscription, letter.slot),
        "state": "parked" if letter.dead_us is None else "dead",
        "since": when(letter.first_attempt_us if letter.dead_us is None else letter.dead_us) or None,
        "due": when(letter.due_us) or None,
        "attempts": letter.attempts,
        "reason": letter.reason,
        "status": letter.status,
        "detail": letter.detail,
    }


def _behind(failed: Attempt) -> dict[str, Any]:
    """What an item that was not tried yet waits for: the first in line, and how it failed."""
    return {"position": failed.first_position} | _attempt(failed)


def _attempt(attempt: Attempt) -> dict[str, Any]:
    told = {"outcome": "delivered", "at": when(attempt.last_at_us), "bulks": attempt.bulks}
    if attempt.succeeded:
        return told | {"first_at": when(attempt.first_at_us)}
    return {
        "outcome": "failed",
        "at": when(attempt.last_at_us),
        "attempt": attempt.attempt,
        "reason": attempt.reason,
        "status": attempt.status,
        "detail": attempt.detail,
        "request_id": attempt.request_id,
    }


def _failure(attempt: dict[str, Any]) -> str:
    status = "" if attempt["status"] is None else f" {attempt['status']}"
    return f"{attempt['at']}  attempt {attempt['attempt']} failed: {attempt['reason']}{status} {attempt['detail']}"


def _print(story: dict[str, Any]) -> None:
    came, stored = story["came_in"], story["stored"]
    marks = "".join(f", {mark}" for mark in ("late", "ahead") if came[mark])
    print_fields(
        {
            "came in": f"{came['received']} by {came['protocol']} from {came['provider']}: {came['kind']}{marks}",
            "stored": f"{stored['at']} at position {story['position']} of shard {story['shard']}, "
            f"for {', '.join(stored['identifiers']) or 'nobody (unassigned)'}",
        }
    )
    if came["request_id"]:
        print_fields({"request": came["request_id"]})
    if story["quarantine"]:
        taken = story["quarantine"]["resolved_by"]
        after = f"; its place was taken by position {taken}" if taken else ""
        print_fields({"quarantine": f"{story['quarantine']['reason']}{after}"})
    console().print(stored["body"], markup=False, style="dim")
    for route in story["routes"]:
        if route["verdict"] == "routed":
            events = ", ".join(f"{kind} ({id_})" for kind, id_ in zip(route["types"], route["ids"], strict=True))
            console().print(f"[bold]{route['subscription']}[/]  {route['state']}: {events}")
        else:
            why = WHY[route["verdict"]] + ("" if route["until"] is None else f" at position {route['until']}")
            console().print(f"[bold]{route['subscription']}[/]  {why} {', '.join(route['types'])}")
        for attempt in route["attempts"]:
            if attempt["outcome"] == "delivered":
                console().print(f"    {attempt['first_at']} to {attempt['at']}  delivered, {attempt['bulks']} bulks")
            else:
                console().print(f"    {_failure(attempt)}", markup=False)
        if (behind := route["behind"]) is not None:
            console().print(f"    waits its turn; first in line is {story['shard']}:{behind['position']}", markup=False)
            console().print(f"    {_failure(behind)}", markup=False)
        for letter in route["letters"]:
            tries = (
                f", after {letter['attempts']} attempts: {letter['reason']} {letter['status'] or ''} {letter['detail']}"
            )
            if letter["reason"] == INCOMPLETE:
                tries = f" without an attempt: nobody knows its {letter['detail']}"
            until = f", next attempt {letter['due']}" if letter["state"] == "parked" and letter["due"] else ""
            console().print(f"    {letter['type']} ({letter['id']}) is {letter['state']}{until}{tries}", markup=False)
        for reason in route["skips"]:
            console().print(f"    not sent: {WHY_SKIPPED.get(reason, reason)}")

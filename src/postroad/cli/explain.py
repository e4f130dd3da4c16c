"""``postroad explain``: the whole story of one item."""

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from postroad.administration.explanation import Course, Explainer, KeptLetter, Story
from postroad.administration.items import Place
from postroad.cli.folder import folder_option, reader_of, registry_of
from postroad.cli.output import console, json_option, print_fields, print_json, when
from postroad.cli.quarantine import quarantine_told
from postroad.delivery.letter import INCOMPLETE
from postroad.errors import ConfigError
from postroad.registry.attempts import Attempt

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
    place = _parse(event_id)
    with registry_of(folder) as registry, reader_of(folder, place.shard) as reader:
        story = _told(Explainer(registry, registry.view(), reader).explain(place))
    if as_json:
        print_json(story)
    else:
        _print(story)


def _parse(event_id: str) -> Place:
    try:
        return Place.read(event_id) if ":" in event_id else Place.of_event(int(event_id))
    except ValueError as exc:
        raise ConfigError(
            f"{event_id!r} is no event id; give the id a customer got (a number), or SHARD:POSITION such as 0:123"
        ) from exc


def _told(story: Story) -> dict[str, Any]:
    came_in, stored = story.came_in, story.stored
    return {
        "shard": story.place.shard,
        "position": story.place.position,
        "came_in": {
            "protocol": came_in.protocol,
            "provider": came_in.provider,
            "kind": came_in.kind,
            "received": when(came_in.received_us),
            "request_id": came_in.request_id,
            "late": came_in.late,
            "ahead": came_in.ahead,
        },
        "stored": {
            "at": when(stored.stored_us),
            "subject": stored.subject_id,
            "identifiers": stored.identifiers,
            "batch": stored.batch,
            "index": stored.index,
            "settings_revision": stored.settings_revision,
            "body": stored.body.decode(errors="replace"),
        },
        "quarantine": quarantine_told(story.quarantine),
        "routes": [_route(course) for course in story.courses],
    }


def _route(course: Course) -> dict[str, Any]:
    return {
        "subscription": course.subscription,
        "verdict": course.verdict,
        "state": course.state,
        "behind": None if course.behind is None else _behind(course.behind),
        "until": course.until_position,
        "types": course.types,
        "ids": course.ids,
        "attempts": [_attempt(attempt) for attempt in course.attempts],
        "letters": [_letter(one) for one in course.letters],
        "skips": course.skips,
    }


def _letter(one: KeptLetter) -> dict[str, Any]:
    letter = one.letter
    return {
        "id": one.event_id,
        "type": one.type,
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
    console().print(stored["body"], style="dim")
    for route in story["routes"]:
        if route["verdict"] == "routed":
            events = ", ".join(f"{kind} ({id_})" for kind, id_ in zip(route["types"], route["ids"], strict=True))
            console().print(Text.assemble((route["subscription"], "bold"), f"  {route['state']}: {events}"))
        else:
            why = WHY[route["verdict"]] + ("" if route["until"] is None else f" at position {route['until']}")
            console().print(Text.assemble((route["subscription"], "bold"), f"  {why} {', '.join(route['types'])}"))
        for attempt in route["attempts"]:
            if attempt["outcome"] == "delivered":
                console().print(f"    {attempt['first_at']} to {attempt['at']}  delivered, {attempt['bulks']} bulks")
            else:
                console().print(f"    {_failure(attempt)}")
        if (behind := route["behind"]) is not None:
            console().print(f"    waits its turn; first in line is {story['shard']}:{behind['position']}")
            console().print(f"    {_failure(behind)}")
        for letter in route["letters"]:
            tries = (
                f", after {letter['attempts']} attempts: {letter['reason']} {letter['status'] or ''} {letter['detail']}"
            )
            if letter["reason"] == INCOMPLETE:
                tries = f" without an attempt: nobody knows its {letter['detail']}"
            until = f", next attempt {letter['due']}" if letter["state"] == "parked" and letter["due"] else ""
            console().print(f"    {letter['type']} ({letter['id']}) is {letter['state']}{until}{tries}")
        for reason in route["skips"]:
            console().print(f"    not sent: {WHY_SKIPPED.get(reason, reason)}")

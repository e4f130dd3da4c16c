"""``postroad restore``: go on from a backup."""

import datetime as dt
from pathlib import Path

import click

from postroad.backup.erasures import ErasedSince
from postroad.backup.restore import HIGHEST_EPOCH, Restored, restore
from postroad.cli.folder import folder_option
from postroad.cli.output import json_option, messages, print_json, when
from postroad.clock import SystemClock


@click.command("restore", short_help="Make a data folder from a backup.")
@click.argument("backup", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--force", is_flag=True, help="Put the folder that is there aside, under a name with the time in it.")
@click.option(
    "--above-epoch",
    type=click.IntRange(0, HIGHEST_EPOCH - 1),
    default=0,
    help="An epoch that was begun elsewhere from another copy of this backup.",
)
@folder_option
@json_option
def command(backup: Path, force: bool, above_epoch: int, folder: Path, as_json: bool) -> None:
    """Make a data folder from BACKUP, into an empty folder. The hub then goes on above every position ever given."""
    done = restore(
        backup,
        folder,
        replace=force,
        above_epoch=above_epoch,
        clock=SystemClock(),
        now=lambda: dt.datetime.now(dt.UTC),
    )
    if as_json:
        print_json(done)
    else:
        _tell(done, folder)


def _tell(done: Restored, folder: Path) -> None:
    made = when(done.made_us)
    say = messages().print
    say(f"{folder} holds the hub as it was at {made}")
    for shard, (end, begins) in done.positions.items():
        say(f"Shard {shard}: the backup ends before position {end}; epoch {done.epochs[shard]} begins at {begins}")
    if done.kept:
        say(f"The folder that was there is now {done.kept}")
    say(f"Lost: every event acknowledged after {made} that no provider sends again")
    say(f"Repeated: what was delivered after {made} of events in the backup")
    say(
        f"Undone: every change to the registry after {made}. Revoke again the tokens revoked since; vehicles made "
        "since are made anew, and numbers issued to them may be issued to others"
    )
    _tell_erased(done, folder)
    if done.registry_external:
        say("The registry is a database elsewhere: restore it from a dump made at or after the backup")
    if done.older:
        say(f"The backup is of an older Postroad; before the hub starts, run: postroad upgrade --data {folder}")
    if done.missing_keys:
        say(
            f"Before the hub starts, put the sealing key {', '.join(done.missing_keys)} into {folder / 'postroad.key'} "
            "(mode 600): without it no secret can be opened"
        )


def _tell_erased(done: Restored, folder: Path) -> None:
    say, made = messages().print, when(done.made_us)
    by_hand = f"postroad erase export FILE --data {done.kept or 'OTHER'}, postroad erase import FILE --data {folder}"
    back = f"Back again: what was erased after {made}"
    match done.erased:
        case None:
            say(f"{back}. If another folder of this hub knows of it: {by_hand}")
        case ErasedSince(failure=str(failure)):
            say(f"{back} ({failure}). Erase it again, or: {by_hand}")
        case erased if erased.taken:
            say(f"Erased since: {erased.taken} erasures are taken over; the hub carries {len(erased.asked)} out again")
            if erased.allowed:
                say(f"{erased.allowed} of them had been allowed again: postroad erase allow-again, once they are done")

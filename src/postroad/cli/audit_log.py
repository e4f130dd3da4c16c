"""``postroad audit-log``: who changed what, when and from where, and whether anybody has changed that record."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from postroad.cli.folder import folder_option, registry_of
from postroad.cli.instants import Instant
from postroad.cli.output import console, json_option, messages, print_fields, print_json, print_lines, print_table, when
from postroad.errors import ConfigError, NotFound
from postroad.registry import audit_export
from postroad.registry.audit_chain import Broken, Fault, Head, Record, verified
from postroad.registry.audit_log import Entry, Wanted
from postroad.registry.records import RegistryView

FAULTS: Final[Mapping[Fault, str]] = {
    "missing": "there is no entry with this number where it should stand",
    "changed": "the entry, or its hash, is not what was written",
    "detail_changed": "who did it, or what was done, is not what was written",
    "detail_missing": "who did it, or what was done, was taken away, and no erasure took it",
    "cut_off": "entries are gone from here on",
    "not_counted": "entries stand from here on that the hub did not write",
    "other_head": "it is not the entry of which the hash was noted",
}
"""What is wrong at a number, for people."""


class HeadType(click.ParamType[Head]):
    """Turns ``N:HASH`` into a head."""

    name = "head"

    def convert(self, value: str | Head, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        """See ``click.ParamType``."""
        if isinstance(value, Head):
            return value
        try:
            return audit_export.head(value)
        except ValueError:
            self.fail("write N:HASH, as verify prints it", param, ctx)


@click.group("audit-log", short_help="See who changed what, and prove that nobody changed that.")
def group() -> None:
    """See who changed what, when and from where; prove that nobody changed this record; take a copy of it."""


@group.command("list")
@click.option("--since", type=Instant(), help="Not older: 2026-07-02T14:00:00Z, or an age such as 7d.")
@click.option("--until", type=Instant(), help="Older than this.")
@click.option("--actor", help="By whom, by the whole name.")
@click.option("--action", help="What was done: create, update, delete, revoke ...")
@click.option("--kind", help="To what: token, grant, subscription ...")
@click.option("--organization", help="Of this organization; of one that is removed, its number.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, newest first.")
@folder_option
@json_option
def list_entries(
    since: int | None,
    until: int | None,
    actor: str | None,
    action: str | None,
    kind: str | None,
    organization: str | None,
    limit: int,
    folder: Path,
    as_json: bool,
) -> None:
    """List the entries of the audit log, the newest first."""
    with registry_of(folder) as registry:
        organization_id = None if organization is None else _organization_id(registry.view(), organization)
        wanted = Wanted(
            organization_id=organization_id, action=action, kind=kind, since_us=since, until_us=until, actor=actor
        )
        entries = registry.audit_log.listed(wanted, limit=limit)
    if as_json:
        print_json([shown(entry) for entry in entries])
        return
    print_table(
        ["number", "at", "who", "by", "action", "kind", "id", "name"],
        [
            [
                entry.number,
                when(entry.at_us),
                _who(entry),
                entry.origin.replace("_", " "),
                entry.action,
                entry.kind,
                entry.id,
                entry.what.name if entry.what is not None else f"({entry.what_gone})",
            ]
            for entry in entries
        ],
        empty="No entries.",
    )


@group.command("show")
@click.argument("number", type=click.IntRange(1))
@folder_option
@json_option
def show(number: int, folder: Path, as_json: bool) -> None:
    """Show the entry NUMBER, with what was and what is."""
    with registry_of(folder) as registry:
        entry = registry.audit_log.entry(number)
    fields = shown(entry)
    if as_json:
        print_json(fields)
        return
    changed = fields.pop("fields") or {}
    print_fields({name: value for name, value in fields.items() if value is not None})
    for field, (was, is_) in changed.items():
        console().print(f"  {field}: {was} -> {is_}")


@group.command("verify")
@click.option("--head", "noted", type=HeadType(), help="N:HASH, noted earlier and kept elsewhere.")
@click.option(
    "--file",
    "export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Verify this export, without any hub.",
)
@folder_option
@json_option
@click.pass_context
def verify(ctx: click.Context, noted: Head | None, export: Path | None, folder: Path, as_json: bool) -> None:
    """Verify that no entry was changed, deleted, put in or cut off; print the head, the newest number and hash.

    Where that is not so, say at which number first; the exit code is then 1. Who can write the hub's database could
    have made the whole chain anew. So note the head where they cannot reach it, and give it with --head later.
    """
    if export is not None:
        found = verified(_exported(export), None, noted)
    else:
        with registry_of(folder) as registry:
            found = registry.audit_log.verify(noted)
    if as_json:
        broken = {"number": found.number, "fault": found.fault} if isinstance(found, Broken) else None
        print_json({"head": None if broken else str(found), "broken": broken})
    elif isinstance(found, Head):
        console().print(str(found))
        messages().print(f"{found.number} entries, as they were written.")
    else:
        messages().print(Text.assemble(("broken", "bold red"), f" at entry {found.number}: {FAULTS[found.fault]}"))
    if isinstance(found, Broken):
        ctx.exit(1)


@group.command("export")
@folder_option
def export_entries(folder: Path) -> None:
    """Write every entry to standard output, one line of JSON each, with what is needed to verify them elsewhere.

    Verify such a file with: postroad audit-log verify --file FILE.
    """
    with registry_of(folder) as registry:
        print_lines(audit_export.line(record) for record in registry.audit_log.records())


def shown(entry: Entry) -> dict[str, Any]:
    """An entry for programs."""
    who, what = entry.who, entry.what
    return {
        "number": entry.number,
        "at": when(entry.at_us),
        "actor": None if who is None else who.name,
        "pseudonym": entry.pseudonym,
        "role": entry.role,
        "origin": entry.origin,
        "address": None if who is None else who.address,
        "action": entry.action,
        "kind": entry.kind,
        "id": entry.id,
        "name": None if what is None else what.name,
        "organization_id": entry.organization_id,
        "subject_id": entry.subject_id,
        "registry_version": entry.version,
        "who_gone": entry.who_gone,
        "what_gone": entry.what_gone,
        "hash": entry.hash.hex(),
        "fields": None if what is None else what.fields,
    }


def _organization_id(view: RegistryView, name: str) -> int:
    """Raises ``NotFound``. One that is removed has entries still: by its number."""
    for id_, organization in view.organizations.items():
        if organization.name == name:
            return id_
    if name.isdecimal():
        return int(name)
    raise NotFound(f"there is no organization {name!r}")


def _who(entry: Entry) -> str:
    """Of one whose name is gone the beginning of the pseudonym."""
    if entry.who is not None:
        return entry.who.name
    return f"({entry.pseudonym[:8]})" if entry.pseudonym else f"({entry.who_gone})"


def _exported(file: Path) -> Iterator[Record]:
    """Raises ``ConfigError``."""
    try:
        with file.open("rb") as lines:
            yield from audit_export.read(lines, str(file))
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror}", file=str(file)) from exc

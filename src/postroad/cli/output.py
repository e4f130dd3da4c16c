"""What commands print: tables and sentences for people, JSON for programs.

Results go to standard output, everything else to standard error. With ``--json`` a result is one JSON document, or
one a line where results stream.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from postroad.clock import from_us

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


PIPE_COLUMNS = 240
"""Width of tables where there is no terminal to ask."""


def console() -> Console:
    """Standard output, with colour where there is a terminal. Text is printed as it is: style it by ``Text``."""
    width = None if sys.stdout.isatty() else PIPE_COLUMNS
    return Console(soft_wrap=True, highlight=False, markup=False, emoji=False, width=width)


def messages() -> Console:
    """Standard error; see ``console``."""
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """One JSON document on one line."""
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def print_lines(lines: Iterable[bytes]) -> None:
    """JSON documents that are encoded already, one a line."""
    sys.stdout.flush()
    sys.stdout.buffer.writelines(line + b"\n" for line in lines)
    sys.stdout.buffer.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """A table, or a sentence when there are no rows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    count = 0
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
        count += 1
    if count:
        console().print(table)
    else:
        messages().print(empty)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Names and values, one a line."""
    width = max(map(len, fields))
    for name, value in fields.items():
        console().print(Text.assemble((f"{name:<{width}}", "bold"), f"  {value}"))


def marked(what: str, detail: str, *, ok: bool) -> Text:
    """A line that says whether something is well."""
    return Text.assemble(("ok  ", "green") if ok else ("FAIL", "red"), " ", (what, "bold"), f"  {detail}")


def when(us: int | None) -> str:
    """An instant for people and programs alike: RFC 3339, UTC, milliseconds; empty when unknown."""
    if us is None:
        return ""
    return from_us(us).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age(seconds: float | None) -> str:
    """A duration for people."""
    if seconds is None:
        return "none"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return str(timedelta(seconds=round(seconds)))

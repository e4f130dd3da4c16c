"""What made pages are built from: tables, and descriptions that must be there."""

import re
from collections.abc import Sequence


class Undocumented(Exception):
    """Something that people can meet has no description."""


def described(what: str, text: str | None) -> str:
    """``text`` as one paragraph. Raises ``Undocumented`` if there is none."""
    if not text or not text.strip():
        raise Undocumented(what)
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"

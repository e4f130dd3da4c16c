"""The pages on translation, made from the protocols' tables of facts: an overview, and a page for each protocol."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from pieces import table

from postroad.model.facts import FACTS, Fact
from postroad.protocols import FACTS as TABLES
from postroad.protocols.fact_table import FactTable, Way

FOLDER = Path(__file__).parents[2] / "docs" / "translation"
TITLES: Mapping[str, str] = {
    "drivetech": "Drivetech",
    "connected_cars": "Connected Cars",
    "connected_cars_legacy": "Connected Cars legacy",
    "drivequant": "DriveQuant",
    "damoov": "Damoov",
}
HEADINGS: Mapping[str, str] = {
    "report": "Reports",
    "position": "Positions",
    "reading": "Readings",
    "trip": "Trips",
    "trip_deleted": "Deletions",
    "driver_deleted": "Deletions",
    "crash": "Crashes",
    "crash_report": "Crashes",
    "device_status": "Phones and devices",
    "access_changed": "Access",
    "membership_changed": "Access",
}
"""Kind of event or group -> heading; a group of occurrences or account changes is under its own."""

_INTRODUCTION = """\
# What becomes what

Whatever a protocol brings is said in one [common language](../concepts.md), and each protocol says of it what it can.
These pages list every fact of that language, and what each protocol makes of it. They are made from the tables in the
code (`protocols/*/table.py`), and tests hold every line to what the code does: what is said to be written is written
and read again within the rounding, what cannot be said makes no difference to what is sent.

- What came in by a protocol goes out by the *same* protocol as it was said, whole, in the hub's own ids. These tables
  count where two protocols meet.
- Nothing is made up. What nobody has said is left out; where a protocol requires it, the event is not sent.
- Whom an event is about is said in ids that the hub issues. A provider's own ids, tokens and secrets go to nobody.
- Trips of vehicles that only report where they are, [the hub derives](../how-to/derived-trips.md): so the reports of
  three protocols become trips of the other two, though no single report does.
- Times are instants in UTC. A coarser clock is cut off, never rounded up: no event moves into the future.
"""


def pages() -> dict[str, str]:
    """File name -> text of each page."""
    made = {"index.md": _overview()}
    return made | {f"{name.replace('_', '-')}.md": _page(name, found) for name, found in TABLES.items()}


def _overview() -> str:
    text = (
        _INTRODUCTION + "\n## How much passes\n\nFacts that the protocol of a row brings and that of a column says, of "
    )
    text += f"{len(FACTS)} in all. Trips that the hub derives come on top.\n\n"
    text += table(
        ["from \\ to", *TITLES.values()],
        [
            [_link(source), *(str(sum(_passes(fact, source, target) for fact in FACTS)) for target in TABLES)]
            for source in TABLES
        ],
    )
    text += (
        "\n## Fact by fact\n\n*in*: the protocol brings it; *out*: it says it to a receiver; empty: neither, and its "
    )
    text += "page says why.\n"
    for heading, facts in _by_heading().items():
        rows = [[f"`{fact.name}`", *(_mark(found.way(fact.name)) for found in TABLES.values())] for fact in facts]
        text += f"\n### {heading}\n\n{table(['fact', *map(_link, TABLES)], rows)}"
    return text


def _page(protocol: str, found: FactTable) -> str:
    title = TITLES[protocol]
    text = f"# Translation: {title}\n\n[All protocols](index.md) · [what the protocol is](../protocols/"
    text += f"{protocol.replace('_', '-')}.md)\n\n"
    text += (
        "What stands where on the wire, what is done to the value, and how far a receiver may find it from what was "
    )
    text += "known. A member is written as `kind.outer.inner`.\n"
    if found.needs:
        text += "\n## What must be known\n\n" + table(
            ["for", "nothing is sent without"],
            [[f"`{name}`", ", ".join(f"`{one}`" for one in needed)] for name, needed in found.needs.items()],
        )
    for heading, facts in _by_heading().items():
        rows = [_row(fact.name, way) for fact in facts if (way := found.way(fact.name)) is not None]
        if rows:
            head = ["fact", "in", "out", "value", "off by at most", "beside"]
            text += f"\n## {heading}\n\n{table(head, rows)}"
    text += "\n## What cannot be said\n\n" + table(["facts", "why"], list(_unsaid(found)))
    return text


def _row(fact: str, way: Way) -> list[str]:
    beside = [way.note] if way.note else []
    if way.becomes:
        beside.append(f"read again as `{way.becomes}`")
    beside += [f"`{word}` becomes `{said}`" for word, said in way.coarser.items()]
    if way.options:
        options = ", ".join(f"`{name}: {msgspec.json.encode(value).decode()}`" for name, value in way.options.items())
        beside.append(f"option {options}")
    if way.made_from:
        beside.append("decided too by " + ", ".join(f"`{one}`" for one in way.made_from))
    within = f"{way.within:g} {'µs' if fact.endswith('_us') else _unit(fact)}".strip() if way.within else ""
    return [f"`{fact}`", _members(way.read), _members(way.write), way.conversion, within, "; ".join(beside)]


def _unit(fact: str) -> str:
    units = {
        "kmh": "km/h",
        "deg": "°",
        "m": "m",
        "km": "km",
        "s": "s",
        "g": "g",
        "l": "l",
        "percent": "%",
        "days": "days",
    }
    return (units | {"celsius": "°C", "v": "V"}).get(fact.rpartition("_")[2], "")


def _unsaid(found: FactTable) -> Iterator[list[str]]:
    """Facts by their reason, in the order of the facts."""
    by_reason: dict[str, list[str]] = {}
    for fact in FACTS:
        if found.way(fact) is None:
            name = next((one for one in _shorter(fact) if one in found.unsaid), fact)
            facts = by_reason.setdefault(found.why(fact), [])
            if name not in facts:
                facts.append(name)
    for why, names in by_reason.items():
        yield [", ".join(f"`{name}`" for name in names), why]


def _shorter(fact: str) -> Iterator[str]:
    while fact:
        yield fact
        fact = fact.rpartition(".")[0]


def _by_heading() -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in FACTS.values():
        first = fact.name.partition(".")[0]
        kind = "Accounts" if fact.kind.startswith(("user_", "vehicle")) else "Occurrences"
        found.setdefault(HEADINGS.get(first, kind), []).append(fact)
    return found


def _passes(fact: str, source: str, target: str) -> bool:
    read, written = TABLES[source].way(fact), TABLES[target].way(fact)
    return bool(read and read.read and (source == target or (written and written.write)))


def _members(members: tuple[str, ...]) -> str:
    return ", ".join(f"`{member}`" for member in members)


def _mark(way: Way | None) -> str:
    marks = [] if way is None else [word for word, there in (("in", way.read), ("out", way.write)) if there]
    return ", ".join(marks)


def _link(protocol: str) -> str:
    return f"[{TITLES[protocol]}]({protocol.replace('_', '-')}.md)"

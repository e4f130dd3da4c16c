"""The levels that a report tells: what holds from its instant on, until a later report tells otherwise."""

from collections.abc import Iterator

from postroad.model.events import Idling, Ignition, Position, Report, Value

POSITION = "position"
"""The whole ``Position``: its fields belong together."""
IGNITION = "ignition"
IDLING = "idling"
"""Whether the source has said that idling began, or that it ended."""


def levels(report: Report) -> Iterator[tuple[str, Value | Position]]:
    """(Signal, value) of everything that the report says holds at its instant; of two words the later one counts.

    A reading is a level by itself, a change (the ignition was turned on) tells the level that it leads to.
    """
    if report.position is not None:
        yield POSITION, report.position
    for occurrence in report.occurrences:
        if isinstance(occurrence, Ignition):
            yield IGNITION, occurrence.on
        elif isinstance(occurrence, Idling):
            yield IDLING, occurrence.begins
    yield from report.readings.items()

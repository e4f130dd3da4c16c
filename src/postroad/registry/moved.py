"""What became of streams."""

from typing import NamedTuple


class Moved(NamedTuple):
    """How many streams of one subscription were opened and ended."""

    opened: int
    ended: int

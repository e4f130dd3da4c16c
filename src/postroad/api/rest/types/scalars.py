"""Single values, as they may be asked for."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A number that can be stored."""
Instant = Annotated[datetime, Meta(tz=True)]
"""One that says its offset from UTC."""

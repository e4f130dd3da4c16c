"""Drivetech's event injection as the hub sees it."""

from collections.abc import Sequence

import msgspec

from postroad.model.events import Event, Header
from postroad.protocols.base import Item
from postroad.protocols.drivetech.events import events
from postroad.protocols.drivetech.read import read
from postroad.protocols.drivetech.settings import DrivetechSettings
from postroad.protocols.drivetech.wire import KINDS


class Drivetech:
    """See ``SourceProtocol``."""

    name = "drivetech"
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = DrivetechSettings

    def read(self, raw: bytes, settings: DrivetechSettings) -> Item:
        """See ``SourceProtocol``."""
        return read(raw, settings)

    def events(self, item: Item, header: Header, settings: DrivetechSettings) -> tuple[Event, ...]:
        """See ``SourceProtocol``."""
        return events(item, header, settings)


PROTOCOL = Drivetech()

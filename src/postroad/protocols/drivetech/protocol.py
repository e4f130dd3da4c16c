"""Drivetech's event injection as the hub sees it."""

from collections.abc import Sequence

import msgspec

from postroad.protocols.drivetech.events import events
from postroad.protocols.drivetech.read import read
from postroad.protocols.drivetech.settings import DrivetechSettings
from postroad.protocols.drivetech.wire import KINDS


class Drivetech:
    """See ``SourceProtocol``."""

    name = "drivetech"
    kinds: Sequence[str] = KINDS
    settings_type: type[msgspec.Struct] = DrivetechSettings

    read = staticmethod(read)
    events = staticmethod(events)


PROTOCOL = Drivetech()

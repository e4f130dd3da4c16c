"""The URL that Damoov's notifications are sent to, one a request.

A body that is JSON is always answered 200 once it is stored, and goes into quarantine if it can be no notification:
the vendor says nothing of what it sends again, and when. One that is no JSON at all is answered 400: there is nothing
in it that anybody could ever read.
"""

from typing import Any, Final

from postroad.errors import WireError
from postroad.ingest.bulk import Around
from postroad.ingest.http.bulk import BulkFormat
from postroad.protocols import damoov
from postroad.protocols.base import Item

PATH: Final = "/in/damoov"


def notifications(around: Around) -> BulkFormat:
    """``around`` surrounds the storing of each."""
    return BulkFormat(path=PATH, protocol=damoov.PROTOCOL.name, split=None, read=_read, around=around)


def _read(raw: bytes, _settings: Any) -> Item | WireError:
    try:
        item = damoov.read(raw)
    except WireError as error:
        return WireError(error.code, error.field)  # a new one: that which was raised holds on to its frames
    return item if item.wire.kind in damoov.NOTIFICATIONS else WireError("invalid", "Notification")

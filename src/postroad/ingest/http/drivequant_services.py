"""The six URLs that DriveQuant's push services send to, one item a request.

Bodies do not tell their service, so the URL does. A body that is JSON is always answered 200 once it is stored, and
goes into quarantine if it can be no item: any other answer would have the same body sent again every day, for a deleted
driver for ever, and what is stored can be redriven. One that is no JSON at all is answered 400: there is nothing in it
that anybody could ever read, and the sender's own copy, which it sends again, may be whole. Tokens that have expired
are answered 401, never 403, by which a sender may be told not to renew.
"""

from collections.abc import Sequence
from typing import Final

from postroad.errors import WireError
from postroad.ingest.access_tokens import AccessTokens
from postroad.ingest.bulk import Around, Read
from postroad.ingest.http.bulk import BulkFormat
from postroad.protocols import drivequant
from postroad.protocols.base import Item
from postroad.protocols.drivequant import DriveQuantSettings

PATH: Final = "/in/drivequant"


def services(access: AccessTokens, around: Around) -> Sequence[BulkFormat]:
    """One for each push service."""
    return [
        BulkFormat(
            path=f"{PATH}/{service}",
            protocol=drivequant.PROTOCOL.name,
            split=None,
            read=_reader_of(kind),
            around=around,
            access=access,
        )
        for kind, service in enumerate(drivequant.KINDS)
    ]


def _reader_of(kind: int) -> Read:
    def read(raw: bytes, settings: DriveQuantSettings) -> Item | WireError:
        try:
            return drivequant.read(raw, settings, kind)
        except WireError as error:
            return WireError(error.code, error.field)  # a new one: that which was raised holds on to its frames

    return read

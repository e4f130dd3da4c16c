"""The three URLs that Connected Cars sends bulks to: its data streams, and the two feeds of its older push.

The older push tells its feeds apart by URL alone, so each URL takes only the messages of its own: one of the other feed
goes into quarantine.
"""

from postroad.errors import WireError
from postroad.ingest.bulk import Read
from postroad.ingest.http.bulk import BulkFormat
from postroad.protocols import connected_cars, connected_cars_legacy
from postroad.protocols.base import Item
from postroad.protocols.connected_cars import ConnectedCarsSettings
from postroad.protocols.connected_cars_legacy import Feed, LegacySettings, feed_of

LEGACY_PATH = "/in/connected_cars_legacy"


def _read_event(raw: bytes, settings: ConnectedCarsSettings) -> Item | WireError:
    try:
        return connected_cars.read(raw, settings)
    except WireError as error:
        return WireError(error.code, error.field)  # a new one: that which was raised holds on to its frames


def _reader_of(feed: Feed) -> Read:
    def read(raw: bytes, settings: LegacySettings) -> Item | WireError:
        [outcome] = connected_cars_legacy.read_split([raw], settings)
        if isinstance(outcome, WireError) or feed_of(outcome.wire) == feed:
            return outcome
        return WireError("other_feed", "type")

    return read


def _feed(feed: Feed) -> BulkFormat:
    return BulkFormat(
        path=f"{LEGACY_PATH}/{feed}",
        protocol=connected_cars_legacy.PROTOCOL.name,
        split=connected_cars_legacy.split,
        read=_reader_of(feed),
    )


STREAMS = BulkFormat(
    path="/in/connected_cars",
    protocol=connected_cars.PROTOCOL.name,
    split=connected_cars.split_bulk,
    read=_read_event,
)
ACCOUNT = _feed("account")
CAR = _feed("car")

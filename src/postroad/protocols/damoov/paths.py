"""Where the fetch API has which dataset: the vendor's own paths, the doubled segment and the last slash too."""

from collections.abc import Mapping
from typing import Final

from postroad.protocols.damoov.kinds import DatasetKind

PATHS: Final[Mapping[DatasetKind, str]] = {
    "removed_track": "/mobilesdk/incoming/incoming/tracks/removed/{id}/v1/",
    "received_track": "/mobilesdk/incoming/incoming/tracks/received/{id}/v1/",
    "processed_track": "/mobilesdk/stage/track/get_track/v1?trackToken={id}",
    "accident": "/api/drivingevents/get/v1/Accidents/received/{id}",
    "accident_extra": "/api/drivingevents/get/v1/Accidents/extras/received/{id}",
}
"""The name of the parameter is read in any case, as the vendor's own calls write it in two."""


def url_of(base_url: str, kind: DatasetKind, object_id: str) -> str:
    """The URL of a dataset of the hub's."""
    return base_url + PATHS[kind].format(id=object_id)

"""Where which dataset is: in the fetch API, or in a customer's storage.

The fetch API has the vendor's own paths, the doubled segment and the last slash too. The storage's are modelled on the
vendor's own keys, ``trips/filtered/{InstanceId}/{UserId}/{TrackToken}.json``, with ids without hyphens.
"""

from collections.abc import Mapping
from typing import Final

from postroad.protocols.damoov.kinds import DatasetKind
from postroad.protocols.damoov.options import Options

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


def key_of(options: Options, kind: DatasetKind, *, device_token: str, object_id: str) -> str:
    """Where a dataset is in a customer's storage: the same for all its editions."""
    instance = () if options.instance_id is None else (options.instance_id,)
    ids = [one.replace("-", "") for one in (*instance, device_token)]
    return "/".join((*ids, kind, f"{object_id.replace('-', '')}.json"))


def place_of(options: Options, kind: DatasetKind, *, device_token: str, object_id: str) -> str | None:
    """The URL of a dataset, here or in the storage, as the options say; None if there is none to give."""
    if options.stored_url is not None:
        return f"{options.stored_url}/{key_of(options, kind, device_token=device_token, object_id=object_id)}"
    return None if options.base_url is None else url_of(options.base_url, kind, object_id)

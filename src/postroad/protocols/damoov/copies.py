"""The vendor's storage option: the dataset is copied to the customer's storage, then he is told that it is there.

Source   The vendor's page: "Data gets copied by us to your preferred storage provider; get a notification that a new
dataset has been copied". No sample of such a notification is published: it is the usual one, with the copy's URL.
"""

from msgspec import structs

from postroad.model.events import Event
from postroad.protocols.base import Outgoing
from postroad.protocols.damoov.datasets import dataset_of
from postroad.protocols.damoov.kinds import DatasetKind
from postroad.protocols.damoov.options import Options
from postroad.protocols.damoov.paths import key_of
from postroad.protocols.damoov.relay import object_of
from postroad.protocols.parcel import Copied, packed


def with_copy(
    told: Outgoing, event: Event, options: Options, kind: DatasetKind | None, *, device_token: str, key: str
) -> list[Outgoing]:
    """A notification with the copy that comes before it; none if it would tell of a copy that cannot be made.

    What withdraws is told in any case: it retracts what was copied before.

    Args:
        told: the notification.
        event: what it tells of.
        options: of the subscription.
        kind: the dataset that it announces, if it does.
        device_token: the hub's own, of the driver or vehicle that it is about.
        key: the source's own, of what the dataset is about.
    """
    if options.stored_url is None or kind is None:
        return [told]
    dataset = dataset_of(event, kind, device_token=device_token)
    if dataset is None:
        return [told] if told.deletes else []
    object_id = object_of(kind, event.header.provider_id, key)
    copied = Copied(
        key=key_of(options, kind, device_token=device_token, object_id=object_id), edition=told.revision, body=dataset
    )
    return [structs.replace(told, body=packed(told.body, copied))]

"""What receivers are doing."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from postroad.api.rest.types.scalars import Instant


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """How the messages of a provider are received, beside the entrances of its protocol."""

    provider_id: Annotated[int, Meta(description="The provider that declares it.")]
    provider: Annotated[str, Meta(description="Its name.")]
    transport: Annotated[str, Meta(description="From what they are fetched, or what pushes them.")]
    state: Annotated[
        Literal["receiving", "failing"],
        Meta(description="receiving: nothing is known to be wrong, whether or not there is anything to receive."),
    ]
    since: Annotated[Instant | None, Meta(description="Since when it fails.")]
    detail: Annotated[str, Meta(description="What is wrong, for people.")]
    last_message: Annotated[
        Instant | None, Meta(description="When the last message came in; null: none since the hub started.")
    ]
    read: Annotated[
        Instant | None,
        Meta(description="When it was last remembered how far a source was read, where the service leaves that to us."),
    ]

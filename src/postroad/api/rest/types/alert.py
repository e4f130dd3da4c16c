"""What a person should look at."""

from typing import Annotated

import msgspec
from msgspec import Meta

from postroad.api.rest.types.paging import Paging
from postroad.api.rest.types.scalars import Instant


class AlertsQuery(Paging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alerts."""

    cleared: Annotated[bool, Meta(description="Also those that were cleared.")] = False


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """It is about a subscription, a provider, a shard, or else the whole hub."""

    id: Annotated[int, Meta(description="Never used twice.")]
    kind: Annotated[str, Meta(description="What is wrong; /reference/alerts/ says what to do.")]
    subscription_id: Annotated[int | None, Meta(description="The subscription it is about.")]
    subscription: Annotated[str | None, Meta(description="Its name; null also if it is no more.")]
    provider_id: Annotated[int | None, Meta(description="The provider it is about.")]
    provider: Annotated[str | None, Meta(description="Its name; null also if it is no more.")]
    shard: Annotated[int | None, Meta(description="The shard it is about.")]
    raised: Annotated[Instant, Meta(description="Since when it is so.")]
    last: Annotated[Instant, Meta(description="When it was last found to be so.")]
    cleared: Annotated[Instant | None, Meta(description="Since when it is so no longer; null: it is so.")]
    detail: Annotated[str, Meta(description="More of it, for people.")]

"""Attempts to deliver, a page at a time."""

from collections.abc import Collection

import msgspec

from postroad.administration.items import Place
from postroad.registry.attempts import Attempt
from postroad.registry.store import RegistryStore


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the ledger: a failure, or successes in a row."""

    id: int
    attempt: Attempt


def listed(
    registry: RegistryStore,
    *,
    subscription_ids: Collection[int] | None = None,
    place: Place | None = None,
    succeeded: bool | None = None,
    before: int | None = None,
    limit: int,
) -> list[Listed]:
    """The newest first, from behind the id ``before`` on: of all subscriptions, or of these.

    With ``place``, only those of bulks that reached over it; with ``succeeded``, only those that did, or did not.
    """
    found = registry.attempts_page(
        subscription_ids=subscription_ids, place=place, succeeded=succeeded, before=before, limit=limit
    )
    return [Listed(id=id_, attempt=attempt) for id_, attempt in found]
